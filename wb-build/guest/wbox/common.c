#include "wbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *applet = "wbox";

void warn(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s: ", applet);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s: ", applet);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILED);
}

void usage(const char *text)
{
    fprintf(stderr, "usage: %s %s\n", applet, text);
    exit(EXIT_USAGE);
}

void *must(void *allocated)
{
    if (!allocated)
        fail("out of memory");
    return allocated;
}

/* ---- input --------------------------------------------------------------- */

FILE *open_input(const char *name)
{
    if (strcmp(name, "-") == 0)
        return stdin;
    FILE *f = fopen(name, "rb");
    if (!f)
        warn("%s: %s", name, strerror(errno));
    return f;
}

void close_input(FILE *f)
{
    if (f != stdin)
        fclose(f);
}

int each_input(int argc, char **argv, void (*body)(FILE *in, const char *name))
{
    static char *standard[] = { "-" };
    int code = EXIT_OK;
    if (argc == 0) {
        argc = 1;
        argv = standard;
    }
    for (int i = 0; i < argc; i++) {
        FILE *in = open_input(argv[i]);
        if (!in) {
            code = EXIT_FAILED;
            continue;
        }
        errno = 0;
        body(in, argv[i]);
        if (ferror(in)) {
            warn("%s: %s", argv[i], strerror(errno));
            code = EXIT_FAILED;
        }
        close_input(in);
    }
    return code;
}

bool read_line(FILE *in, line *l, int delimiter)
{
    ssize_t n = getdelim(&l->text, &l->room, delimiter, in);
    if (n < 0)
        return false;
    l->len = (size_t)n;
    l->ended = l->text[n - 1] == (char)delimiter;
    if (l->ended)
        l->text[--l->len] = 0;
    return true;
}

void read_lines(FILE *in, texts *into, int delimiter)
{
    line l = { 0 };
    while (read_line(in, &l, delimiter)) {
        if (into->count == into->room) {
            into->room = into->room ? into->room * 2 : 1024;
            into->items = must(realloc(into->items, into->room * sizeof *into->items));
        }
        char *copy = must(malloc(l.len + 1));
        memcpy(copy, l.text, l.len);
        copy[l.len] = 0;
        into->items[into->count++] = (text){ copy, l.len };
    }
    free(l.text);
}

/* ---- numbers ------------------------------------------------------------- */

long long parse_size(const char *text)
{
    static const struct { const char *suffix; long long factor; } factors[] = {
        { "", 1 }, { "b", 512 }, { "k", 1 << 10 }, { "K", 1 << 10 }, { "KiB", 1 << 10 }, { "kB", 1000 }, { "KB", 1000 },
        { "M", 1 << 20 }, { "MiB", 1 << 20 }, { "MB", 1000000 }, { "G", 1 << 30 }, { "GiB", 1 << 30 }, { "GB", 1000000000 },
    };
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end != text && errno == 0)
        for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
            if (strcmp(end, factors[i].suffix) == 0)
                return n * factors[i].factor;
    fail("not a number: `%s`", text);
}

long parse_number(const char *text)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || *end || errno)
        fail("not a number: `%s`", text);
    return n;
}

/* ---- text ---------------------------------------------------------------- */

uint32_t utf8_next(const char *p, size_t len, size_t *size)
{
    const unsigned char *s = (const unsigned char *)p;
    unsigned more = s[0] >= 0xC2 && s[0] < 0xE0 ? 1 : s[0] >= 0xE0 && s[0] < 0xF0 ? 2 : s[0] >= 0xF0 && s[0] < 0xF5 ? 3 : 0;
    uint32_t c = more == 1 ? s[0] & 0x1Fu : more == 2 ? s[0] & 0x0Fu : more == 3 ? s[0] & 0x07u : s[0];
    *size = 1;
    if (more >= len)
        return s[0];
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return s[0];
        c = c << 6 | (s[i] & 0x3Fu);
    }
    *size = 1 + more;
    return c;
}

size_t utf8_count(const char *p, size_t len)
{
    size_t n = 0, size;
    for (size_t i = 0; i < len; i += size, n++)
        utf8_next(p + i, len - i, &size);
    return n;
}

size_t utf8_put(char *into, uint32_t c)
{
    if (c < 0x80) {
        into[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; --i > 0; c >>= 6)
        into[i] = (char)(0x80 | (c & 0x3F));
    into[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | c);
    return n;
}

int read_escape(const char **p, bool octal_needs_zero)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    char c = **p;
    const char *found = c ? strchr(letters, c) : NULL;
    if (found) {
        ++*p;
        return values[found - letters];
    }
    if (c == 'e') {
        ++*p;
        return 27;
    }
    if (c == 'c') {
        ++*p;
        return -1;
    }
    if (c == 'x') {
        int value = 0, digits = 0;
        const char *q = *p + 1;
        for (; digits < 2 && *q && strchr("0123456789abcdefABCDEF", *q); digits++, q++)
            value = value * 16 + (*q <= '9' ? *q - '0' : (*q | 32) - 'a' + 10);
        if (digits == 0)
            return -2;
        *p = q;
        return value;
    }
    if (c >= '0' && c <= '7' && (!octal_needs_zero || c == '0')) {
        int value = 0;
        int most = octal_needs_zero ? 4 : 3;
        for (int i = 0; i < most && **p >= '0' && **p <= '7'; i++)
            value = value * 8 + (*(*p)++ - '0');
        return value & 0xFF;
    }
    return -2;
}
