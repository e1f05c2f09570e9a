/* Applets that pass text through: cat tac rev nl fold expand tee paste comm
 * join yes */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "wbox.h"

/* ---- cat ----------------------------------------------------------------- */

static bool cat_number, cat_number_nonblank, cat_squeeze, cat_ends, cat_tabs, cat_controls;
static long cat_line = 0;

static void cat_plain(FILE *in)
{
    static char buffer[64 * 1024];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0)
        fwrite(buffer, 1, n, stdout);
}

static void cat_shown(const line *l)
{
    for (size_t i = 0; i < l->len; i++) {
        unsigned char c = (unsigned char)l->text[i];
        if (c == '\t' && cat_tabs) {
            fputs("^I", stdout);
        } else if (c == '\t' || !cat_controls) {
            putchar(c);
        } else {
            if (c >= 128) {
                fputs("M-", stdout);
                c -= 128;
            }
            if (c < 32 || c == 127) {
                putchar('^');
                c ^= 64;
            }
            putchar(c);
        }
    }
}

static void cat_lines(FILE *in, const char *name)
{
    static bool was_blank;
    (void)name;
    line l = { 0 };
    if (!cat_number && !cat_squeeze && !cat_ends && !cat_tabs && !cat_controls) {
        cat_plain(in);
        return;
    }
    while (read_line(in, &l, '\n')) {
        bool blank = l.len == 0;
        if (cat_squeeze && blank && was_blank)
            continue;
        was_blank = blank;
        if (cat_number && !(cat_number_nonblank && blank))
            printf("%6ld\t", ++cat_line);
        cat_shown(&l);
        if (l.ended)
            fputs(cat_ends ? "$\n" : "\n", stdout);
    }
    free(l.text);
}

int cat_main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "AbeEnstTuv")) != -1;) {
        switch (c) {
        case 'A': cat_controls = cat_ends = cat_tabs = true; break;
        case 'b': cat_number = cat_number_nonblank = true; break;
        case 'e': cat_controls = cat_ends = true; break;
        case 'E': cat_ends = true; break;
        case 'n': cat_number = true; break;
        case 's': cat_squeeze = true; break;
        case 't': cat_controls = cat_tabs = true; break;
        case 'T': cat_tabs = true; break;
        case 'u': break;
        case 'v': cat_controls = true; break;
        default: usage("[-AbeEnstTv] [FILE]...");
        }
    }
    return each_input(argc - optind, argv + optind, cat_lines);
}

/* ---- tac, rev ------------------------------------------------------------ */

static void tac_file(FILE *in, const char *name)
{
    texts lines = { 0 };
    (void)name;
    read_lines(in, &lines, '\n');
    for (size_t i = lines.count; i-- > 0;) {
        fwrite(lines.items[i].text, 1, lines.items[i].len, stdout);
        putchar('\n');
        free(lines.items[i].text);
    }
    free(lines.items);
}

int tac_main(int argc, char **argv)
{
    if (getopt(argc, argv, "") != -1)
        usage("[FILE]...");
    return each_input(argc - optind, argv + optind, tac_file);
}

static void rev_file(FILE *in, const char *name)
{
    line l = { 0 };
    char *out = NULL;
    (void)name;
    while (read_line(in, &l, '\n')) {
        out = must(realloc(out, l.len + 1));
        size_t size;
        for (size_t i = 0; i < l.len; i += size) {
            utf8_next(l.text + i, l.len - i, &size);
            memcpy(out + l.len - i - size, l.text + i, size);
        }
        fwrite(out, 1, l.len, stdout);
        if (l.ended)
            putchar('\n');
    }
    free(out);
    free(l.text);
}

int rev_main(int argc, char **argv)
{
    if (getopt(argc, argv, "") != -1)
        usage("[FILE]...");
    return each_input(argc - optind, argv + optind, rev_file);
}

/* ---- nl ------------------------------------------------------------------ */

static char nl_style = 't';
static const char *nl_format = "rn", *nl_separator = "\t";
static int nl_width = 6;
static long nl_next = 1, nl_step = 1;

static void nl_file(FILE *in, const char *name)
{
    line l = { 0 };
    (void)name;
    while (read_line(in, &l, '\n')) {
        if (nl_style == 'a' || (nl_style == 't' && l.len > 0)) {
            printf(strcmp(nl_format, "ln") == 0 ? "%-*ld" : strcmp(nl_format, "rz") == 0 ? "%0*ld" : "%*ld", nl_width, nl_next);
            fputs(nl_separator, stdout);
            nl_next += nl_step;
        } else {
            printf("%*s", nl_width + (int)strlen(nl_separator), "");
        }
        fwrite(l.text, 1, l.len, stdout);
        putchar('\n');
    }
    free(l.text);
}

int nl_main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "b:i:n:s:v:w:")) != -1;) {
        switch (c) {
        case 'b': nl_style = *optarg; break;
        case 'i': nl_step = parse_number(optarg); break;
        case 'n': nl_format = optarg; break;
        case 's': nl_separator = optarg; break;
        case 'v': nl_next = parse_number(optarg); break;
        case 'w': nl_width = (int)parse_number(optarg); break;
        default: usage("[-b a|t|n] [-i STEP] [-n ln|rn|rz] [-s TEXT] [-v START] [-w WIDTH] [FILE]...");
        }
    }
    if (!strchr("atn", nl_style))
        fail("not a style: `%c`", nl_style);
    return each_input(argc - optind, argv + optind, nl_file);
}

/* ---- fold, expand -------------------------------------------------------- */

static size_t fold_width = 80;
static bool fold_at_spaces, fold_bytes;

static void fold_line(const line *l)
{
    size_t start = 0, column = 0, space = 0, size;
    for (size_t i = 0; i < l->len; i += size) {
        char c = l->text[i];
        if (fold_bytes)
            size = 1;
        else
            utf8_next(l->text + i, l->len - i, &size);
        size_t width = c == '\t' && !fold_bytes ? 8 - column % 8 : 1;
        if (column > 0 && column + width > fold_width) {
            size_t end = fold_at_spaces && space > start ? space : i;
            fwrite(l->text + start, 1, end - start, stdout);
            putchar('\n');
            column = fold_bytes ? i - end : utf8_count(l->text + end, i - end);
            start = end;
        }
        column += width;
        if (c == ' ' || c == '\t')
            space = i + 1;
    }
    fwrite(l->text + start, 1, l->len - start, stdout);
    if (l->ended)
        putchar('\n');
}

static void fold_file(FILE *in, const char *name)
{
    line l = { 0 };
    (void)name;
    while (read_line(in, &l, '\n'))
        fold_line(&l);
    free(l.text);
}

int fold_main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "bsw:")) != -1;) {
        switch (c) {
        case 'b': fold_bytes = true; break;
        case 's': fold_at_spaces = true; break;
        case 'w': fold_width = (size_t)parse_number(optarg); break;
        default: usage("[-bs] [-w WIDTH] [FILE]...");
        }
    }
    if ((long)fold_width <= 0)
        fail("the width must be more than 0");
    return each_input(argc - optind, argv + optind, fold_file);
}

static size_t expand_stop = 8;

static void expand_file(FILE *in, const char *name)
{
    line l = { 0 };
    (void)name;
    while (read_line(in, &l, '\n')) {
        size_t column = 0, size;
        for (size_t i = 0; i < l.len; i += size) {
            utf8_next(l.text + i, l.len - i, &size);
            if (l.text[i] == '\t') {
                do
                    putchar(' ');
                while (++column % expand_stop);
            } else {
                fwrite(l.text + i, 1, size, stdout);
                column++;
            }
        }
        if (l.ended)
            putchar('\n');
    }
    free(l.text);
}

int expand_main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "t:")) != -1;) {
        if (c != 't')
            usage("[-t WIDTH] [FILE]...");
        expand_stop = (size_t)parse_number(optarg);
    }
    if ((long)expand_stop <= 0)
        fail("the width must be more than 0");
    return each_input(argc - optind, argv + optind, expand_file);
}

/* ---- tee, yes ------------------------------------------------------------ */

int tee_main(int argc, char **argv)
{
    static char buffer[64 * 1024];
    const char *mode = "wb";
    int code = EXIT_OK;
    for (int c; (c = getopt(argc, argv, "ai")) != -1;) {
        if (c == '?')
            usage("[-a] [FILE]...");
        if (c == 'a')
            mode = "ab";
    }
    int count = argc - optind;
    FILE **out = must(calloc((size_t)count + 1, sizeof *out));
    for (int i = 0; i < count; i++) {
        if (!(out[i] = fopen(argv[optind + i], mode))) {
            warn("%s: %s", argv[optind + i], strerror(errno));
            code = EXIT_FAILED;
        }
    }
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
        fwrite(buffer, 1, n, stdout);
        for (int i = 0; i < count; i++)
            if (out[i])
                fwrite(buffer, 1, n, out[i]);
    }
    for (int i = 0; i < count; i++) {
        if (out[i] && fclose(out[i]) != 0) {
            warn("%s: %s", argv[optind + i], strerror(errno));
            code = EXIT_FAILED;
        }
    }
    return code;
}

int yes_main(int argc, char **argv)
{
    for (;;) {
        for (int i = 1; i < argc; i++)
            printf(i > 1 ? " %s" : "%s", argv[i]);
        fputs(argc > 1 ? "\n" : "y\n", stdout);
        if (ferror(stdout))
            return EXIT_FAILED;
    }
}

/* ---- paste, comm, join --------------------------------------------------- */

/* Expands \t, \n, \\ and \0 (no character) in a list of delimiters. */
static size_t read_delimiters(const char *list, char (*into)[5])
{
    size_t n = 0, size;
    for (const char *p = list; *p && n < 64; n++) {
        memset(into[n], 0, sizeof into[n]);
        if (*p == '\\' && p[1]) {
            p++;
            if (*p == '0') {
                p++;
                continue;
            }
            int c = read_escape(&p, false);
            into[n][0] = c < 0 ? *p++ : (char)c;
            continue;
        }
        utf8_next(p, strlen(p), &size);
        memcpy(into[n], p, size);
        p += size;
    }
    return n;
}

int paste_main(int argc, char **argv)
{
    char delimiters[64][5] = { "\t" };
    size_t delimiter_count = 1;
    bool serial = false;
    for (int c; (c = getopt(argc, argv, "d:s")) != -1;) {
        if (c == 'd')
            delimiter_count = read_delimiters(optarg, delimiters);
        else if (c == 's')
            serial = true;
        else
            usage("[-s] [-d LIST] [FILE]...");
    }
    if (delimiter_count == 0) {
        delimiter_count = 1;
        memset(delimiters[0], 0, sizeof delimiters[0]);
    }
    static char *standard[] = { "-" };
    int count = argc > optind ? argc - optind : 1;
    char **names = argc > optind ? argv + optind : standard;
    FILE **in = must(calloc((size_t)count, sizeof *in));
    for (int i = 0; i < count; i++)
        if (!(in[i] = open_input(names[i])))
            return EXIT_FAILED;
    if (serial) {
        line l = { 0 };
        for (int i = 0; i < count; i++) {
            for (size_t n = 0; read_line(in[i], &l, '\n'); n++) {
                if (n > 0)
                    fputs(delimiters[(n - 1) % delimiter_count], stdout);
                fwrite(l.text, 1, l.len, stdout);
            }
            putchar('\n');
        }
        free(l.text);
        return EXIT_OK;
    }
    line *rows = must(calloc((size_t)count, sizeof *rows));
    bool *has = must(calloc((size_t)count, sizeof *has));
    for (;;) {
        bool any = false;
        for (int i = 0; i < count; i++)
            any |= has[i] = read_line(in[i], &rows[i], '\n');
        if (!any)
            break;
        for (int i = 0; i < count; i++) {
            if (i > 0)
                fputs(delimiters[(size_t)(i - 1) % delimiter_count], stdout);
            if (has[i])
                fwrite(rows[i].text, 1, rows[i].len, stdout);
        }
        putchar('\n');
    }
    return EXIT_OK;
}

static int compare_lines(const line *a, const line *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->text, b->text, n);
    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

int comm_main(int argc, char **argv)
{
    bool hidden[4] = { false };
    for (int c; (c = getopt(argc, argv, "123")) != -1;) {
        if (c == '?')
            usage("[-123] FILE1 FILE2");
        hidden[c - '0'] = true;
    }
    if (argc - optind != 2)
        usage("[-123] FILE1 FILE2");
    FILE *a = open_input(argv[optind]), *b = open_input(argv[optind + 1]);
    if (!a || !b)
        return EXIT_FAILED;
    line left = { 0 }, right = { 0 };
    bool has_left = read_line(a, &left, '\n'), has_right = read_line(b, &right, '\n');
    while (has_left || has_right) {
        int order = !has_left ? 1 : !has_right ? -1 : compare_lines(&left, &right);
        int column = order < 0 ? 1 : order > 0 ? 2 : 3;
        if (!hidden[column]) {
            for (int k = 1; k < column; k++)
                if (!hidden[k])
                    putchar('\t');
            const line *l = order <= 0 ? &left : &right;
            fwrite(l->text, 1, l->len, stdout);
            putchar('\n');
        }
        if (order <= 0)
            has_left = read_line(a, &left, '\n');
        if (order >= 0)
            has_right = read_line(b, &right, '\n');
    }
    return EXIT_OK;
}

/* A field of a line, counted from 1, and the rest of the fields for join. */
typedef struct { text fields[256]; size_t count; } fields;

static fields split_fields(const text *t, int separator)
{
    fields f = { .count = 0 };
    const char *p = t->text, *end = p + t->len;
    while (f.count < 256) {
        if (!separator)
            while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        if (!separator && p == end)
            break;
        const char *start = p;
        while (p < end && (separator ? *p != separator : *p != ' ' && *p != '\t'))
            p++;
        f.fields[f.count++] = (text){ (char *)start, (size_t)(p - start) };
        if (p == end)
            break;
        p++;
    }
    return f;
}

static int compare_text(text a, text b)
{
    int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);
    return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static text field(const fields *f, size_t n)
{
    return n <= f->count ? f->fields[n - 1] : (text){ "", 0 };
}

static void put_text(text t)
{
    fwrite(t.text, 1, t.len, stdout);
}

static void put_joined(text key, const fields *a, size_t key_a, const fields *b, size_t key_b, int separator)
{
    put_text(key);
    for (size_t i = 1; i <= a->count; i++) {
        if (i != key_a) {
            putchar(separator);
            put_text(a->fields[i - 1]);
        }
    }
    for (size_t i = 1; b && i <= b->count; i++) {
        if (i != key_b) {
            putchar(separator);
            put_text(b->fields[i - 1]);
        }
    }
    putchar('\n');
}

int join_main(int argc, char **argv)
{
    size_t keys[2] = { 1, 1 };
    bool unpaired[3] = { false }, only_unpaired = false;
    int separator = 0;
    for (int c; (c = getopt(argc, argv, "1:2:a:j:t:v:")) != -1;) {
        long n = strchr("12ajv", c) && c != '?' ? parse_number(optarg) : 0;
        switch (c) {
        case '1': keys[0] = (size_t)n; break;
        case '2': keys[1] = (size_t)n; break;
        case 'j': keys[0] = keys[1] = (size_t)n; break;
        case 't': separator = strcmp(optarg, "\\t") == 0 ? '\t' : *optarg; break;
        case 'v': only_unpaired = true; [[fallthrough]];
        case 'a':
            if (n != 1 && n != 2)
                fail("not a file number: `%s`", optarg);
            unpaired[n] = true;
            break;
        default: usage("[-1 FIELD] [-2 FIELD] [-j FIELD] [-a N] [-v N] [-t CHAR] FILE1 FILE2");
        }
    }
    if (argc - optind != 2 || keys[0] == 0 || keys[1] == 0)
        usage("[-1 FIELD] [-2 FIELD] [-j FIELD] [-a N] [-v N] [-t CHAR] FILE1 FILE2");
    texts lines[2] = { 0 };
    for (int i = 0; i < 2; i++) {
        FILE *in = open_input(argv[optind + i]);
        if (!in)
            return EXIT_FAILED;
        read_lines(in, &lines[i], '\n');
        close_input(in);
    }
    int out = separator ? separator : ' ';
    size_t i = 0, j = 0;
    while (i < lines[0].count || j < lines[1].count) {
        fields a = { .count = 0 }, b = { .count = 0 };
        if (i < lines[0].count)
            a = split_fields(&lines[0].items[i], separator);
        if (j < lines[1].count)
            b = split_fields(&lines[1].items[j], separator);
        text key_a = field(&a, keys[0]), key_b = field(&b, keys[1]);
        int order = i == lines[0].count ? 1 : j == lines[1].count ? -1 : compare_text(key_a, key_b);
        if (order < 0) {
            if (unpaired[1])
                put_joined(key_a, &a, keys[0], NULL, 0, out);
            i++;
        } else if (order > 0) {
            if (unpaired[2])
                put_joined(key_b, &b, keys[1], NULL, 0, out);
            j++;
        } else {
            /* Every line of the left with this key meets every one of the right. */
            size_t end = j;
            for (; end < lines[1].count; end++) {
                fields other = split_fields(&lines[1].items[end], separator);
                if (compare_text(field(&other, keys[1]), key_a) != 0)
                    break;
            }
            for (; i < lines[0].count; i++) {
                fields left = split_fields(&lines[0].items[i], separator);
                if (compare_text(field(&left, keys[0]), key_a) != 0)
                    break;
                for (size_t k = j; k < end && !only_unpaired; k++) {
                    fields right = split_fields(&lines[1].items[k], separator);
                    put_joined(key_a, &left, keys[0], &right, keys[1], out);
                }
            }
            j = end;
        }
    }
    return EXIT_OK;
}
