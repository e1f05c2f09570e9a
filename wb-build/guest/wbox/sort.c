/* sort and shuf. Lines are compared by their bytes, which for utf-8 is the
 * order of the characters; there are no locales. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wbox.h"

/* ---- keys ---------------------------------------------------------------- */

typedef struct {
    bool blanks, dictionary, fold, general, human, ignore, month, numeric, reverse, version;
} ordering;

typedef struct {
    size_t start_field, start_char; /* from 1 */
    size_t end_field, end_char;     /* 0: to the end of the line, of the field */
    bool end_blanks;
    ordering order;
    bool has_order;
} key;

static key *keys;
static size_t key_count;
static ordering global_order;
static int separator = -1;
static bool stable, unique;

static bool read_order(char c, ordering *o)
{
    switch (c) {
    case 'b': o->blanks = true; return true;
    case 'd': o->dictionary = true; return true;
    case 'f': o->fold = true; return true;
    case 'g': o->general = true; return true;
    case 'h': o->human = true; return true;
    case 'i': o->ignore = true; return true;
    case 'M': o->month = true; return true;
    case 'n': o->numeric = true; return true;
    case 'r': o->reverse = true; return true;
    case 'V': o->version = true; return true;
    default: return false;
    }
}

static size_t read_position(const char **p, const char *whole)
{
    char *end;
    unsigned long long n = strtoull(*p, &end, 10);
    if (end == *p)
        fail("wrong key `%s`", whole);
    *p = end;
    return (size_t)n;
}

/* FIELD[.CHAR][ORDER][,FIELD[.CHAR][ORDER]] */
static void add_key(const char *spec)
{
    key k = { .start_char = 1 };
    const char *p = spec;
    k.start_field = read_position(&p, spec);
    if (*p == '.') {
        p++;
        k.start_char = read_position(&p, spec);
    }
    for (; read_order(*p, &k.order); p++)
        k.has_order = true;
    if (*p == ',') {
        p++;
        k.end_field = read_position(&p, spec);
        if (*p == '.') {
            p++;
            k.end_char = read_position(&p, spec);
        }
        for (ordering end = { 0 }; read_order(*p, &end); p++) {
            k.has_order = true;
            if (*p == 'b')
                k.end_blanks = true;
            else
                read_order(*p, &k.order);
        }
    }
    if (*p || k.start_field == 0 || k.start_char == 0)
        fail("wrong key `%s`", spec);
    keys = must(realloc(keys, (key_count + 1) * sizeof *keys));
    keys[key_count++] = k;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where field `n` begins. Without a separator, the blanks before a field
 * belong to it. */
static const char *field_start(const char *p, const char *end, size_t n)
{
    for (; n > 1 && p < end; n--) {
        if (separator >= 0) {
            while (p < end && *p != (char)separator)
                p++;
            if (p == end)
                return end;
            p++;
        } else {
            while (p < end && is_blank(*p))
                p++;
            while (p < end && !is_blank(*p))
                p++;
        }
    }
    return n > 1 ? end : p;
}

static const char *field_end(const char *p, const char *end)
{
    if (separator >= 0) {
        while (p < end && *p != (char)separator)
            p++;
        return p;
    }
    while (p < end && is_blank(*p))
        p++;
    while (p < end && !is_blank(*p))
        p++;
    return p;
}

static const char *skip_chars(const char *p, const char *end, size_t n)
{
    for (size_t size; n > 0 && p < end; n--, p += size)
        utf8_next(p, (size_t)(end - p), &size);
    return p;
}

static text key_of(const key *k, const text *l, const ordering *o)
{
    const char *end = l->text + l->len;
    const char *start = field_start(l->text, end, k->start_field);
    if (o->blanks || (o->numeric && separator < 0))
        while (start < end && is_blank(*start))
            start++;
    start = skip_chars(start, end, k->start_char - 1);
    if (k->end_field > 0) {
        const char *last = field_start(l->text, end, k->end_field);
        if (k->end_char == 0) {
            end = field_end(last, end);
        } else {
            while (k->end_blanks && last < end && is_blank(*last))
                last++;
            end = skip_chars(last, end, k->end_char);
        }
    }
    if (end < start)
        end = start;
    return (text){ (char *)start, (size_t)(end - start) };
}

/* ---- comparison ---------------------------------------------------------- */

static int order_of(long long a, long long b)
{
    return a < b ? -1 : a > b;
}

/* Decimal numbers of any length, compared digit by digit. */
static int compare_numeric(text a, text b)
{
    const char *p[2] = { a.text, b.text }, *end[2] = { a.text + a.len, b.text + b.len };
    bool negative[2] = { false }, zero[2] = { true, true };
    size_t whole[2];
    for (int i = 0; i < 2; i++) {
        while (p[i] < end[i] && is_blank(*p[i]))
            p[i]++;
        if (p[i] < end[i] && *p[i] == '-') {
            negative[i] = true;
            p[i]++;
        }
        while (p[i] < end[i] && *p[i] == '0')
            p[i]++;
        for (whole[i] = 0; p[i] + whole[i] < end[i] && isdigit((unsigned char)p[i][whole[i]]); whole[i]++) {
        }
        if (whole[i] > 0)
            zero[i] = false;
        else if (p[i] < end[i] && *p[i] == '.')
            for (const char *q = p[i] + 1; q < end[i] && isdigit((unsigned char)*q); q++)
                if (*q != '0')
                    zero[i] = false;
    }
    int sign[2];
    for (int i = 0; i < 2; i++)
        sign[i] = zero[i] ? 0 : negative[i] ? -1 : 1;
    if (sign[0] != sign[1] || sign[0] == 0)
        return sign[0] - sign[1];
    int order = whole[0] != whole[1] ? (whole[0] < whole[1] ? -1 : 1) : memcmp(p[0], p[1], whole[0]);
    if (order == 0) {
        for (int i = 0; i < 2; i++) {
            p[i] += whole[i];
            p[i] += p[i] < end[i] && *p[i] == '.' ? 1 : end[i] - p[i];
        }
        for (;;) {
            bool more[2];
            for (int i = 0; i < 2; i++)
                more[i] = p[i] < end[i] && isdigit((unsigned char)*p[i]);
            int x = more[0] ? *p[0]++ : '0', y = more[1] ? *p[1]++ : '0';
            if (x != y || (!more[0] && !more[1])) {
                order = x - y;
                break;
            }
        }
    }
    return sign[0] * order;
}

static int compare_general(text a, text b)
{
    char *end;
    double x = strtod(a.text, &end);
    bool has_x = end > a.text && end <= a.text + a.len;
    double y = strtod(b.text, &end);
    bool has_y = end > b.text && end <= b.text + b.len;
    if (!has_x || !has_y)
        return has_x - has_y;
    return x < y ? -1 : x > y ? 1 : 0;
}

static int unit_of(text t)
{
    static const char units[] = "KMGTPEZY";
    const char *p = t.text, *end = p + t.len;
    bool has_digit = false;
    for (; p < end && (is_blank(*p) || *p == '-' || *p == '.' || isdigit((unsigned char)*p)); p++)
        has_digit |= isdigit((unsigned char)*p) != 0;
    const char *found = has_digit && p < end ? strchr(units, toupper((unsigned char)*p)) : NULL;
    return found && *found ? (int)(found - units) + 1 : 0;
}

static int compare_human(text a, text b)
{
    int x = unit_of(a), y = unit_of(b);
    bool minus_a = a.len && *a.text == '-', minus_b = b.len && *b.text == '-';
    if (x != y && minus_a == minus_b)
        return minus_a ? y - x : x - y;
    return compare_numeric(a, b);
}

static int month_of(text t)
{
    static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    while (t.len && is_blank(*t.text)) {
        t.text++;
        t.len--;
    }
    for (int i = 0; i < 12 && t.len >= 3; i++) {
        bool same = true;
        for (int k = 0; k < 3; k++)
            same &= toupper((unsigned char)t.text[k]) == months[i * 3 + k];
        if (same)
            return i + 1;
    }
    return 0;
}

/* `~` comes before everything, letters before other characters. */
static int version_rank(const text *t, size_t at)
{
    if (at >= t->len)
        return 0;
    unsigned char c = (unsigned char)t->text[at];
    return isdigit(c) ? 0 : c == '~' ? -1 : isalpha(c) ? c : c + 256;
}

/* Runs of digits as numbers, the rest as text: a2 before a10. */
static int compare_version(text a, text b)
{
    size_t i = 0, j = 0;
    while (i < a.len && j < b.len) {
        if (isdigit((unsigned char)a.text[i]) && isdigit((unsigned char)b.text[j])) {
            while (i < a.len && a.text[i] == '0')
                i++;
            while (j < b.len && b.text[j] == '0')
                j++;
            size_t x = i, y = j;
            while (x < a.len && isdigit((unsigned char)a.text[x]))
                x++;
            while (y < b.len && isdigit((unsigned char)b.text[y]))
                y++;
            if (x - i != y - j)
                return x - i < y - j ? -1 : 1;
            int order = memcmp(a.text + i, b.text + j, x - i);
            if (order)
                return order;
            i = x;
            j = y;
        } else if (a.text[i] != b.text[j]) {
            return version_rank(&a, i) - version_rank(&b, j);
        } else {
            i++;
            j++;
        }
    }
    return version_rank(&a, i) - version_rank(&b, j);
}

static int compare_text(text a, text b, const ordering *o)
{
    if (!o->fold && !o->dictionary && !o->ignore) {
        int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);
        return order ? order : order_of((long long)a.len, (long long)b.len);
    }
    for (size_t i = 0, j = 0;; i++, j++) {
        for (; i < a.len; i++) {
            unsigned char c = (unsigned char)a.text[i];
            if (!(o->dictionary && c < 128 && !isalnum(c) && !is_blank((char)c)) && !(o->ignore && !isprint(c)))
                break;
        }
        for (; j < b.len; j++) {
            unsigned char c = (unsigned char)b.text[j];
            if (!(o->dictionary && c < 128 && !isalnum(c) && !is_blank((char)c)) && !(o->ignore && !isprint(c)))
                break;
        }
        if (i >= a.len || j >= b.len)
            return (i < a.len) - (j < b.len);
        int x = (unsigned char)a.text[i], y = (unsigned char)b.text[j];
        if (o->fold) {
            x = toupper(x);
            y = toupper(y);
        }
        if (x != y)
            return x - y;
    }
}

static int compare_by(text a, text b, const ordering *o)
{
    int order = o->numeric ? compare_numeric(a, b)
              : o->general ? compare_general(a, b)
              : o->human   ? compare_human(a, b)
              : o->month   ? month_of(a) - month_of(b)
              : o->version ? compare_version(a, b)
                           : compare_text(a, b, o);
    return o->reverse ? -order : order;
}

static int compare_keys(const text *a, const text *b)
{
    for (size_t i = 0; i < key_count; i++) {
        const ordering *o = keys[i].has_order ? &keys[i].order : &global_order;
        int order = compare_by(key_of(&keys[i], a, o), key_of(&keys[i], b, o), o);
        if (order)
            return order;
    }
    return key_count == 0 ? compare_by(*a, *b, &global_order) : 0;
}

static int compare(const text *a, const text *b)
{
    int order = compare_keys(a, b);
    if (order || stable || unique)
        return order;
    static const ordering plain = { 0 };
    order = compare_text(*a, *b, &plain);
    return global_order.reverse ? -order : order;
}

static void merge_sort(text *items, text *spare, size_t count)
{
    if (count < 2)
        return;
    size_t half = count / 2;
    merge_sort(items, spare, half);
    merge_sort(items + half, spare, count - half);
    if (compare(&items[half - 1], &items[half]) <= 0)
        return;
    memcpy(spare, items, half * sizeof *items);
    size_t i = 0, j = half, k = 0;
    while (i < half && j < count)
        items[k++] = compare(&spare[i], &items[j]) <= 0 ? spare[i++] : items[j++];
    memcpy(items + k, spare + i, (half - i) * sizeof *items);
}

/* ---- sort ---------------------------------------------------------------- */

static texts lines;
static int delimiter = '\n';

static void read_file(FILE *in, const char *name)
{
    (void)name;
    read_lines(in, &lines, delimiter);
}

int sort_main(int argc, char **argv)
{
    static const char how[] = "[-bcCdfghiMmnrsuVz] [-k KEY] [-o FILE] [-t CHAR] [FILE]...";
    static const struct option long_options[] = {
        { "key", required_argument, 0, 'k' },          { "field-separator", required_argument, 0, 't' },
        { "numeric-sort", no_argument, 0, 'n' },       { "reverse", no_argument, 0, 'r' },
        { "unique", no_argument, 0, 'u' },             { "ignore-case", no_argument, 0, 'f' },
        { "ignore-leading-blanks", no_argument, 0, 'b' }, { "dictionary-order", no_argument, 0, 'd' },
        { "general-numeric-sort", no_argument, 0, 'g' }, { "human-numeric-sort", no_argument, 0, 'h' },
        { "version-sort", no_argument, 0, 'V' },       { "month-sort", no_argument, 0, 'M' },
        { "stable", no_argument, 0, 's' },             { "output", required_argument, 0, 'o' },
        { "check", no_argument, 0, 'c' },              { "zero-terminated", no_argument, 0, 'z' },
        { "merge", no_argument, 0, 'm' },              { 0 },
    };
    const char *output = NULL;
    int check = 0;
    for (int c; (c = getopt_long(argc, argv, "bcCdfghik:mMno:rst:uVz", long_options, NULL)) != -1;) {
        if (c != '?' && read_order((char)c, &global_order))
            continue;
        switch (c) {
        case 'c':
        case 'C': check = c; break;
        case 'k': add_key(optarg); break;
        case 'm': break; /* sorted files are sorted again, to the same end */
        case 'o': output = optarg; break;
        case 's': stable = true; break;
        case 't':
            if (strcmp(optarg, "\\0") != 0 && strcmp(optarg, "\\t") != 0 && strlen(optarg) != 1)
                fail("the separator must be one character, not `%s`", optarg);
            separator = optarg[0] == '\\' && optarg[1] ? (optarg[1] == 't' ? '\t' : 0) : (unsigned char)optarg[0];
            break;
        case 'u': unique = true; break;
        case 'z': delimiter = 0; break;
        default: usage(how);
        }
    }
    if (key_count == 0 && global_order.blanks)
        add_key("1");
    if (each_input(argc - optind, argv + optind, read_file) != EXIT_OK)
        return EXIT_USAGE;
    if (check) {
        for (size_t i = 1; i < lines.count; i++) {
            int order = compare(&lines.items[i - 1], &lines.items[i]);
            if (order > 0 || (unique && order == 0)) {
                if (check == 'c')
                    warn("%s:%zu: disorder: %s", optind < argc ? argv[optind] : "-", i + 1, lines.items[i].text);
                return EXIT_FAILED;
            }
        }
        return EXIT_OK;
    }
    merge_sort(lines.items, must(malloc((lines.count / 2 + 1) * sizeof(text))), lines.count);
    if (output && !freopen(output, "wb", stdout))
        fail("cannot write `%s`", output);
    for (size_t i = 0; i < lines.count; i++) {
        if (unique && i > 0 && compare_keys(&lines.items[i - 1], &lines.items[i]) == 0)
            continue;
        fwrite(lines.items[i].text, 1, lines.items[i].len, stdout);
        putchar(delimiter);
    }
    return EXIT_OK;
}

/* ---- shuf ---------------------------------------------------------------- */

static size_t random_below(size_t limit)
{
    uint64_t r;
    uint64_t most = UINT64_MAX - UINT64_MAX % limit;
    do {
        if (getentropy(&r, sizeof r) != 0)
            fail("no random numbers");
    } while (r >= most);
    return (size_t)(r % limit);
}

int shuf_main(int argc, char **argv)
{
    long most = -1;
    bool arguments = false;
    for (int c; (c = getopt(argc, argv, "en:")) != -1;) {
        if (c == 'e')
            arguments = true;
        else if (c == 'n')
            most = parse_number(optarg);
        else
            usage("[-n COUNT] [FILE | -e ARG...]");
    }
    if (arguments) {
        lines.count = (size_t)(argc - optind);
        lines.items = must(calloc(lines.count + 1, sizeof(text)));
        for (size_t i = 0; i < lines.count; i++)
            lines.items[i] = (text){ argv[optind + (int)i], strlen(argv[optind + (int)i]) };
    } else if (each_input(argc - optind, argv + optind, read_file)) {
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < lines.count && (most < 0 || i < (size_t)most); i++) {
        size_t at = i + random_below(lines.count - i);
        text chosen = lines.items[at];
        lines.items[at] = lines.items[i];
        fwrite(chosen.text, 1, chosen.len, stdout);
        putchar('\n');
    }
    return EXIT_OK;
}
