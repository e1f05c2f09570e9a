/* Applets that keep a part of the text: head tail cut uniq, and wc, which
 * counts it. */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wbox.h"

/* ---- head, tail ---------------------------------------------------------- */

static long long part_count = 10;
static bool part_bytes, part_from_end, part_from_start;
static int part_headers = -1; /* file names above the parts: 1 always, 0 never */
static int part_delimiter = '\n';

static void put_header(const char *name)
{
    static bool is_later;
    if (!part_headers)
        return;
    printf("%s==> %s <==\n", is_later ? "\n" : "", strcmp(name, "-") == 0 ? "standard input" : name);
    is_later = true;
}

static void put_line(const line *l)
{
    fwrite(l->text, 1, l->len, stdout);
    if (l->ended)
        putchar(part_delimiter);
}

/* All but the last `count` units, held back in a ring. */
static void head_but_last(FILE *in)
{
    size_t count = (size_t)part_count;
    if (part_bytes) {
        char *ring = must(malloc(count + 1));
        size_t n = 0;
        for (int c; (c = getc(in)) != EOF; n++) {
            if (n >= count)
                putchar(count ? (unsigned char)ring[n % count] : c);
            if (count)
                ring[n % count] = (char)c;
        }
        free(ring);
        return;
    }
    line *ring = must(calloc(count + 1, sizeof *ring));
    for (size_t n = 0;; n++) {
        line *l = &ring[n % (count + 1)];
        if (!read_line(in, l, part_delimiter))
            break;
        if (n >= count)
            put_line(&ring[(n - count) % (count + 1)]);
    }
    for (size_t i = 0; i <= count; i++)
        free(ring[i].text);
    free(ring);
}

static void head_file(FILE *in, const char *name)
{
    put_header(name);
    if (part_from_end) {
        head_but_last(in);
        return;
    }
    if (part_bytes) {
        for (long long n = 0; n < part_count; n++) {
            int c = getc(in);
            if (c == EOF)
                return;
            putchar(c);
        }
        return;
    }
    line l = { 0 };
    for (long long n = 0; n < part_count && read_line(in, &l, part_delimiter); n++)
        put_line(&l);
    free(l.text);
}

static void tail_file(FILE *in, const char *name)
{
    put_header(name);
    if (part_from_start) { /* +N: from the Nth on */
        line l = { 0 };
        long long skip = part_count > 0 ? part_count - 1 : 0;
        if (part_bytes) {
            while (skip-- > 0 && getc(in) != EOF) {
            }
            for (int c; (c = getc(in)) != EOF;)
                putchar(c);
        }
        while (!part_bytes && read_line(in, &l, part_delimiter))
            if (skip-- <= 0)
                put_line(&l);
        free(l.text);
        return;
    }
    size_t count = (size_t)part_count, n = 0;
    if (part_bytes) {
        char *ring = must(malloc(count + 1));
        for (int c; (c = getc(in)) != EOF; n++)
            if (count)
                ring[n % count] = (char)c;
        for (size_t i = n > count ? n - count : 0; i < n && count; i++)
            putchar((unsigned char)ring[i % count]);
        free(ring);
        return;
    }
    line *ring = must(calloc(count + 1, sizeof *ring));
    while (read_line(in, &ring[n % (count + 1)], part_delimiter))
        n++;
    for (size_t i = n > count ? n - count : 0; i < n; i++)
        put_line(&ring[i % (count + 1)]);
    for (size_t i = 0; i <= count; i++)
        free(ring[i].text);
    free(ring);
}

static void read_part(const char *text, char special, bool *is_special)
{
    *is_special = *text == special;
    if (*text == '-' || *text == '+')
        text++;
    part_count = parse_size(text);
}

static int part_main(int argc, char **argv, char special, bool *is_special, void (*body)(FILE *, const char *), const char *how)
{
    static const struct option long_options[] = {
        { "lines", required_argument, 0, 'n' }, { "bytes", required_argument, 0, 'c' },
        { "quiet", no_argument, 0, 'q' },       { "silent", no_argument, 0, 'q' },
        { "verbose", no_argument, 0, 'v' },     { "zero-terminated", no_argument, 0, 'z' },
        { 0 },
    };
    /* The old form: -5, and +5 for tail. */
    if (argc > 1 && (argv[1][0] == '-' || argv[1][0] == '+') && isdigit((unsigned char)argv[1][1])) {
        read_part(argv[1][0] == '+' ? argv[1] : argv[1] + 1, special, is_special);
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    for (int c; (c = getopt_long(argc, argv, "n:c:qvz", long_options, NULL)) != -1;) {
        switch (c) {
        case 'n':
        case 'c':
            part_bytes = c == 'c';
            read_part(optarg, special, is_special);
            break;
        case 'q': part_headers = 0; break;
        case 'v': part_headers = 1; break;
        case 'z': part_delimiter = 0; break;
        default: usage(how);
        }
    }
    if (part_headers < 0)
        part_headers = argc - optind > 1;
    return each_input(argc - optind, argv + optind, body);
}

int head_main(int argc, char **argv)
{
    return part_main(argc, argv, '-', &part_from_end, head_file, "[-n [-]LINES | -c [-]BYTES] [-qvz] [FILE]...");
}

int tail_main(int argc, char **argv)
{
    return part_main(argc, argv, '+', &part_from_start, tail_file, "[-n [+]LINES | -c [+]BYTES] [-qvz] [FILE]...");
}

/* ---- cut ----------------------------------------------------------------- */

typedef struct { size_t first, last; } range;

static range *cut_ranges;
static size_t cut_range_count;
static char cut_kind; /* 'b', 'c' or 'f' */
static bool cut_only_delimited, cut_complement;
static const char *cut_delimiter = "\t", *cut_output;

static void read_ranges(const char *list)
{
    for (const char *p = list; *p;) {
        char *end = (char *)p;
        range r = { 1, SIZE_MAX };
        if (isdigit((unsigned char)*p))
            r.first = r.last = (size_t)strtoull(p, &end, 10);
        bool open_start = end == p;
        if (*end == '-') {
            p = end + 1;
            r.last = isdigit((unsigned char)*p) ? (size_t)strtoull(p, &end, 10) : SIZE_MAX;
            if (end < p)
                end = (char *)p;
            if (open_start && r.last == SIZE_MAX)
                fail("wrong range in `%s`", list);
        } else if (open_start) {
            fail("wrong list `%s`", list);
        }
        if (r.first == 0 || r.last < r.first || (*end && *end != ',' && *end != ' '))
            fail("wrong list `%s`", list);
        cut_ranges = must(realloc(cut_ranges, (cut_range_count + 1) * sizeof *cut_ranges));
        cut_ranges[cut_range_count++] = r;
        p = *end ? end + 1 : end;
    }
    if (cut_range_count == 0)
        fail("the list is empty");
}

static bool is_cut(size_t n)
{
    for (size_t i = 0; i < cut_range_count; i++)
        if (n >= cut_ranges[i].first && n <= cut_ranges[i].last)
            return !cut_complement;
    return cut_complement;
}

static void cut_fields(const line *l)
{
    size_t size = strlen(cut_delimiter), n = 1;
    const char *p = l->text, *end = p + l->len;
    bool any = false;
    if (!memmem(p, l->len, cut_delimiter, size)) {
        if (!cut_only_delimited) {
            fwrite(p, 1, l->len, stdout);
            putchar('\n');
        }
        return;
    }
    for (;; n++) {
        const char *next = memmem(p, (size_t)(end - p), cut_delimiter, size);
        const char *stop = next ? next : end;
        if (is_cut(n)) {
            if (any)
                fputs(cut_output ? cut_output : cut_delimiter, stdout);
            fwrite(p, 1, (size_t)(stop - p), stdout);
            any = true;
        }
        if (!next)
            break;
        p = next + size;
    }
    putchar('\n');
}

static void cut_units(const line *l)
{
    size_t n = 1, size;
    bool any = false, was = false;
    for (size_t i = 0; i < l->len; i += size, n++) {
        if (cut_kind == 'b')
            size = 1;
        else
            utf8_next(l->text + i, l->len - i, &size);
        bool is = is_cut(n);
        if (is) {
            if (any && !was && cut_output)
                fputs(cut_output, stdout);
            fwrite(l->text + i, 1, size, stdout);
            any = true;
        }
        was = is;
    }
    putchar('\n');
}

static void cut_file(FILE *in, const char *name)
{
    line l = { 0 };
    (void)name;
    while (read_line(in, &l, '\n')) {
        if (cut_kind == 'f')
            cut_fields(&l);
        else
            cut_units(&l);
    }
    free(l.text);
}

int cut_main(int argc, char **argv)
{
    static const char how[] = "-b LIST | -c LIST | -f LIST [-d DELIMITER] [-s] [--complement] [--output-delimiter=TEXT] [FILE]...";
    static const struct option long_options[] = {
        { "bytes", required_argument, 0, 'b' },      { "characters", required_argument, 0, 'c' },
        { "fields", required_argument, 0, 'f' },     { "delimiter", required_argument, 0, 'd' },
        { "only-delimited", no_argument, 0, 's' },   { "complement", no_argument, 0, 'C' },
        { "output-delimiter", required_argument, 0, 'O' }, { 0 },
    };
    for (int c; (c = getopt_long(argc, argv, "b:c:f:d:ns", long_options, NULL)) != -1;) {
        switch (c) {
        case 'b':
        case 'c':
        case 'f':
            if (cut_kind)
                fail("only one list can be given");
            cut_kind = (char)c;
            read_ranges(optarg);
            break;
        case 'd': {
            size_t size = 0;
            if (*optarg)
                utf8_next(optarg, strlen(optarg), &size);
            if (size == 0 || optarg[size])
                fail("the delimiter must be one character");
            cut_delimiter = optarg;
            break;
        }
        case 'n': break;
        case 's': cut_only_delimited = true; break;
        case 'C': cut_complement = true; break;
        case 'O': cut_output = optarg; break;
        default: usage(how);
        }
    }
    if (!cut_kind)
        usage(how);
    return each_input(argc - optind, argv + optind, cut_file);
}

/* ---- uniq ---------------------------------------------------------------- */

static size_t uniq_skip_fields, uniq_skip_chars, uniq_width = SIZE_MAX;
static bool uniq_ignore_case;

/* The part of a line that is compared. */
static text uniq_key(const line *l)
{
    const char *p = l->text, *end = p + l->len;
    size_t size;
    for (size_t i = 0; i < uniq_skip_fields; i++) {
        while (p < end && isblank((unsigned char)*p))
            p++;
        while (p < end && !isblank((unsigned char)*p))
            p++;
    }
    for (size_t i = 0; i < uniq_skip_chars && p < end; i++, p += size)
        utf8_next(p, (size_t)(end - p), &size);
    const char *stop = p;
    for (size_t i = 0; i < uniq_width && stop < end; i++, stop += size)
        utf8_next(stop, (size_t)(end - stop), &size);
    return (text){ (char *)p, (size_t)(stop - p) };
}

static bool uniq_same(const line *a, const line *b)
{
    text x = uniq_key(a), y = uniq_key(b);
    if (x.len != y.len)
        return false;
    return uniq_ignore_case ? strncasecmp(x.text, y.text, x.len) == 0 : memcmp(x.text, y.text, x.len) == 0;
}

int uniq_main(int argc, char **argv)
{
    static const char how[] = "[-cdiuz] [-f FIELDS] [-s CHARS] [-w CHARS] [INPUT [OUTPUT]]";
    static const struct option long_options[] = {
        { "count", no_argument, 0, 'c' },       { "repeated", no_argument, 0, 'd' },
        { "ignore-case", no_argument, 0, 'i' }, { "unique", no_argument, 0, 'u' },
        { "skip-fields", required_argument, 0, 'f' }, { "skip-chars", required_argument, 0, 's' },
        { "check-chars", required_argument, 0, 'w' }, { 0 },
    };
    bool counts = false, only_repeated = false, only_unique = false;
    int delimiter = '\n';
    for (int c; (c = getopt_long(argc, argv, "cdf:is:uw:z", long_options, NULL)) != -1;) {
        switch (c) {
        case 'c': counts = true; break;
        case 'd': only_repeated = true; break;
        case 'f': uniq_skip_fields = (size_t)parse_number(optarg); break;
        case 'i': uniq_ignore_case = true; break;
        case 's': uniq_skip_chars = (size_t)parse_number(optarg); break;
        case 'u': only_unique = true; break;
        case 'w': uniq_width = (size_t)parse_number(optarg); break;
        case 'z': delimiter = 0; break;
        default: usage(how);
        }
    }
    FILE *in = optind < argc ? open_input(argv[optind]) : stdin;
    if (!in)
        return EXIT_FAILED;
    if (optind + 1 < argc && !freopen(argv[optind + 1], "wb", stdout))
        fail("cannot write `%s`", argv[optind + 1]);
    line kept = { 0 }, next = { 0 };
    bool has_kept = read_line(in, &kept, delimiter);
    while (has_kept) {
        unsigned long count = 1;
        bool has_next;
        while ((has_next = read_line(in, &next, delimiter)) && uniq_same(&kept, &next))
            count++;
        if (!(only_repeated && count == 1) && !(only_unique && count > 1)) {
            if (counts)
                printf("%7lu ", count);
            fwrite(kept.text, 1, kept.len, stdout);
            putchar(delimiter);
        }
        line swap = kept;
        kept = next;
        next = swap;
        has_kept = has_next;
    }
    free(kept.text);
    free(next.text);
    return EXIT_OK;
}

/* ---- wc ------------------------------------------------------------------ */

typedef struct { unsigned long long lines, words, chars, bytes, longest; } counts;

static counts wc_total;
static bool wc_lines, wc_words, wc_chars, wc_bytes, wc_longest;
static int wc_width = 1, wc_files;

static void wc_print(const counts *n, const char *name)
{
    const struct { bool shown; unsigned long long value; } columns[] = {
        { wc_lines, n->lines }, { wc_words, n->words }, { wc_chars, n->chars }, { wc_bytes, n->bytes }, { wc_longest, n->longest },
    };
    bool any = false;
    for (size_t i = 0; i < 5; i++) {
        if (!columns[i].shown)
            continue;
        printf(any ? " %*llu" : "%*llu", wc_width, columns[i].value);
        any = true;
    }
    if (name)
        printf(" %s", name);
    putchar('\n');
}

static void wc_count(FILE *in, const char *name)
{
    static char buffer[64 * 1024];
    counts n = { 0 };
    bool in_word = false;
    unsigned long long column = 0;
    for (size_t len; (len = fread(buffer, 1, sizeof buffer, in)) > 0;) {
        n.bytes += len;
        for (size_t i = 0; i < len; i++) {
            unsigned char c = (unsigned char)buffer[i];
            bool starts_char = (c & 0xC0) != 0x80;
            n.chars += starts_char;
            if (c == '\n') {
                n.lines++;
                if (column > n.longest)
                    n.longest = column;
                column = 0;
            } else if (c == '\t') {
                column += 8 - column % 8;
            } else {
                column += starts_char && c >= 32;
            }
            bool space = c == ' ' || (c >= '\t' && c <= '\r');
            n.words += in_word && space;
            in_word = !space;
        }
    }
    n.words += in_word;
    if (column > n.longest)
        n.longest = column;
    wc_total.lines += n.lines;
    wc_total.words += n.words;
    wc_total.chars += n.chars;
    wc_total.bytes += n.bytes;
    if (n.longest > wc_total.longest)
        wc_total.longest = n.longest;
    wc_print(&n, wc_files ? name : NULL);
}

int wc_main(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "lines", no_argument, 0, 'l' }, { "words", no_argument, 0, 'w' }, { "chars", no_argument, 0, 'm' },
        { "bytes", no_argument, 0, 'c' }, { "max-line-length", no_argument, 0, 'L' }, { 0 },
    };
    for (int c; (c = getopt_long(argc, argv, "lwmcL", long_options, NULL)) != -1;) {
        switch (c) {
        case 'l': wc_lines = true; break;
        case 'w': wc_words = true; break;
        case 'm': wc_chars = true; break;
        case 'c': wc_bytes = true; break;
        case 'L': wc_longest = true; break;
        default: usage("[-lwmcL] [FILE]...");
        }
    }
    if (!wc_lines && !wc_words && !wc_chars && !wc_bytes && !wc_longest)
        wc_lines = wc_words = wc_bytes = true;
    wc_files = argc - optind;
    if (wc_lines + wc_words + wc_chars + wc_bytes + wc_longest > 1 || wc_files > 1)
        wc_width = 7;
    int code = each_input(argc - optind, argv + optind, wc_count);
    if (wc_files > 1)
        wc_print(&wc_total, "total");
    return code;
}
