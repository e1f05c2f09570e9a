/* Applets that make text of their arguments: echo printf seq */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wbox.h"

/* Writes text with its backslash escapes read. False after \c, which ends all
 * output. */
static bool put_escaped(const char *text, bool octal_needs_zero)
{
    for (const char *p = text; *p;) {
        if (*p != '\\' || !p[1]) {
            putchar(*p++);
            continue;
        }
        p++;
        int c = read_escape(&p, octal_needs_zero);
        if (c == -1)
            return false;
        if (c >= 0) {
            putchar(c);
        } else {
            putchar('\\');
            putchar(*p++);
        }
    }
    return true;
}

int echo_main(int argc, char **argv)
{
    bool newline = true, escapes = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] && strspn(argv[i] + 1, "neE") == strlen(argv[i] + 1); i++) {
        for (const char *p = argv[i] + 1; *p; p++) {
            if (*p == 'n')
                newline = false;
            else
                escapes = *p == 'e';
        }
    }
    for (int first = i; i < argc; i++) {
        if (i > first)
            putchar(' ');
        if (!escapes)
            fputs(argv[i], stdout);
        else if (!put_escaped(argv[i], true))
            return EXIT_OK;
    }
    if (newline)
        putchar('\n');
    return EXIT_OK;
}

/* ---- printf -------------------------------------------------------------- */

static int printf_code;

static void complain(const char *text)
{
    warn("not a number: `%s`", text);
    printf_code = EXIT_FAILED;
}

/* 'c and "c are the code of the character. */
static bool read_char_code(const char *text, uint32_t *code)
{
    size_t size;
    if ((*text != '\'' && *text != '"') || !text[1])
        return false;
    *code = utf8_next(text + 1, strlen(text + 1), &size);
    return true;
}

static long long read_integer(const char *text, bool is_signed)
{
    char *end;
    uint32_t code;
    if (!text || !*text)
        return 0;
    if (read_char_code(text, &code))
        return code;
    errno = 0;
    long long n = is_signed || *text == '-' ? strtoll(text, &end, 0) : (long long)strtoull(text, &end, 0);
    if (end == text || *end || errno)
        complain(text);
    return n;
}

static double read_real(const char *text)
{
    char *end;
    uint32_t code;
    if (!text || !*text)
        return 0;
    if (read_char_code(text, &code))
        return code;
    double n = strtod(text, &end);
    if (end == text || *end)
        complain(text);
    return n;
}

/* One directive; returns where the format goes on. Takes arguments from *args. */
static const char *directive(const char *p, char ***args, bool *stop)
{
    char spec[64];
    size_t n = 0;
    int width = 0, precision = -1;
    spec[n++] = '%';
    while (*p && strchr("-+ #0", *p) && n < 16)
        spec[n++] = *p++;
    if (*p == '*') {
        width = (int)read_integer(**args ? *(*args)++ : NULL, true);
        p++;
    } else {
        while (isdigit((unsigned char)*p) && width < 100000)
            width = width * 10 + (*p++ - '0');
    }
    if (*p == '.') {
        p++;
        precision = 0;
        if (*p == '*') {
            precision = (int)read_integer(**args ? *(*args)++ : NULL, true);
            p++;
        } else {
            while (isdigit((unsigned char)*p) && precision < 100000)
                precision = precision * 10 + (*p++ - '0');
        }
    }
    p += strspn(p, "hlLjzt");
    char kind = *p ? *p++ : 0;
    const char *arg = kind && kind != '%' && **args ? *(*args)++ : NULL;
    spec[n++] = '*';
    spec[n++] = '.';
    spec[n++] = '*';
    switch (kind) {
    case '%':
        putchar('%');
        break;
    case 'b':
        if (arg && !put_escaped(arg, true))
            *stop = true;
        break;
    case 'c': {
        size_t size = 0;
        if (arg && *arg)
            utf8_next(arg, strlen(arg), &size);
        printf("%*s%.*s", width > 1 ? width - 1 : 0, "", (int)size, arg ? arg : "");
        break;
    }
    case 's': {
        /* Width and precision count characters. */
        size_t bytes = 0, chars = 0, size;
        for (const char *q = arg; q && *q && (precision < 0 || chars < (size_t)precision); q += size, chars++, bytes += size)
            utf8_next(q, strlen(q), &size);
        bool left = memchr(spec, '-', n) || width < 0;
        int pad = abs(width) - (int)chars;
        printf("%*s%.*s%*s", !left && pad > 0 ? pad : 0, "", (int)bytes, arg ? arg : "", left && pad > 0 ? pad : 0, "");
        break;
    }
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        strcpy(spec + n, (char[]){ 'l', 'l', kind, 0 });
        printf(spec, width, precision, read_integer(arg, kind == 'd' || kind == 'i'));
        break;
    case 'a':
    case 'A':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        strcpy(spec + n, (char[]){ kind, 0 });
        printf(spec, width, precision, read_real(arg));
        break;
    default:
        fail("no directive `%%%c`", kind);
    }
    return p;
}

int printf_main(int argc, char **argv)
{
    if (argc < 2)
        usage("FORMAT [ARG]...");
    char **args = argv + 2;
    if (strcmp(argv[1], "--") == 0 && argc > 2) {
        argv++;
        args++;
    }
    bool stop = false;
    do {
        char **before = args;
        for (const char *p = argv[1]; *p && !stop;) {
            if (*p == '\\' && p[1]) {
                p++;
                int c = read_escape(&p, false);
                stop = c == -1;
                if (c >= 0)
                    putchar(c);
                else if (c == -2)
                    printf("\\%c", *p++);
            } else if (*p == '%') {
                p = directive(p + 1, &args, &stop);
            } else {
                putchar(*p++);
            }
        }
        if (args == before)
            break; /* the format takes none */
    } while (*args && !stop);
    return printf_code;
}

/* ---- seq ----------------------------------------------------------------- */

static int digits_behind_point(const char *text)
{
    const char *point = strchr(text, '.');
    return point ? (int)strspn(point + 1, "0123456789") : 0;
}

static double read_bound(const char *text)
{
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || !isfinite(n))
        fail("not a number: `%s`", text);
    return n;
}

/* One %f, %e or %g directive, and nothing that would read another argument. */
static void check_format(const char *format)
{
    int directives = 0;
    for (const char *p = format; *p; p++) {
        if (*p != '%')
            continue;
        if (*++p == '%')
            continue;
        p += strspn(p, "-+ #0'");
        p += strspn(p, "0123456789");
        if (*p == '.')
            p += 1 + strspn(p + 1, "0123456789");
        if (!*p || !strchr("aAeEfFgG", *p))
            fail("wrong format `%s`", format);
        directives++;
    }
    if (directives != 1)
        fail("wrong format `%s`", format);
}

int seq_main(int argc, char **argv)
{
    static const char how[] = "[-w] [-s TEXT] [-f FORMAT] [FIRST [STEP]] LAST";
    const char *separator = "\n", *format = NULL;
    bool equal_width = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] && !isdigit((unsigned char)argv[i][1]) && argv[i][1] != '.'; i++) {
        if (strcmp(argv[i], "-w") == 0)
            equal_width = true;
        else if (argv[i][1] == 's' && (argv[i][2] || i + 1 < argc))
            separator = argv[i][2] ? argv[i] + 2 : argv[++i];
        else if (argv[i][1] == 'f' && (argv[i][2] || i + 1 < argc))
            format = argv[i][2] ? argv[i] + 2 : argv[++i];
        else
            usage(how);
    }
    int count = argc - i;
    if (count < 1 || count > 3)
        usage(how);
    const char *first_text = count > 1 ? argv[i] : "1", *step_text = count > 2 ? argv[i + 1] : "1", *last_text = argv[argc - 1];
    double first = read_bound(first_text), step = read_bound(step_text), last = read_bound(last_text);
    if (step == 0)
        fail("the step must not be 0");
    int precision = digits_behind_point(first_text);
    if (digits_behind_point(step_text) > precision)
        precision = digits_behind_point(step_text);
    int width = 0;
    if (equal_width) {
        int a = snprintf(NULL, 0, "%.*f", precision, first), b = snprintf(NULL, 0, "%.*f", precision, last);
        width = a > b ? a : b;
    }
    if (format)
        check_format(format);
    /* Counting steps keeps the error of each from adding up. */
    double steps = floor((last - first) / step * (1 + 1e-15) + 1e-10);
    for (double n = 0; n <= steps; n++) {
        if (n > 0)
            fputs(separator, stdout);
        double value = first + n * step;
        if (format)
            printf(format, value);
        else
            printf("%0*.*f", width, precision, value);
        if (ferror(stdout))
            return EXIT_FAILED;
    }
    if (steps >= 0)
        putchar('\n');
    return EXIT_OK;
}
