/* tr: translates, deletes or squeezes characters. Unlike most, it works on
 * utf-8 characters and not on bytes. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "wbox.h"

static const char *const how = "[-cdst] SET1 [SET2]";

typedef struct { uint32_t *items; size_t count, room; } set;

static void add(set *s, uint32_t c)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->items = must(realloc(s->items, s->room * sizeof *s->items));
    }
    s->items[s->count++] = c;
}

static uint32_t read_char(const char **p)
{
    if (**p == '\\' && (*p)[1]) {
        const char *q = *p + 1;
        int c = read_escape(&q, false);
        if (c >= 0) {
            *p = q;
            return (uint32_t)c;
        }
        ++*p;
    }
    size_t size;
    uint32_t c = utf8_next(*p, strlen(*p), &size);
    *p += size;
    return c;
}

/* [:class:] is all of its characters up to U+FFFF, in order. But where one set
 * has [:lower:] and the other [:upper:], both list the characters of the first
 * that have a counterpart, and the counterparts. */
typedef enum { NO_CASES, LOWER_TO_UPPER, UPPER_TO_LOWER } case_pairs;

static wint_t counterpart(wint_t c, case_pairs pairs)
{
    return pairs == LOWER_TO_UPPER ? towupper(c) : towlower(c);
}

static void add_cases(set *s, case_pairs pairs, bool first_set)
{
    for (wint_t c = 0; c < 0x10000; c++) {
        wint_t other = counterpart(c, pairs);
        if (other != c)
            add(s, first_set ? c : other);
    }
}

static bool add_class(set *s, const char **p, case_pairs pairs, bool first_set)
{
    const char *end = strstr(*p + 2, ":]");
    char name[16];
    if (!end || (size_t)(end - *p - 2) >= sizeof name)
        return false;
    memcpy(name, *p + 2, (size_t)(end - *p - 2));
    name[end - *p - 2] = 0;
    bool is_case = strcmp(name, "lower") == 0 || strcmp(name, "upper") == 0;
    if (is_case && pairs != NO_CASES) {
        add_cases(s, pairs, first_set);
        *p = end + 2;
        return true;
    }
    wctype_t class = wctype(name);
    if (!class)
        fail("no class `%s`", name);
    for (uint32_t c = 0; c < 0x10000; c++)
        if (iswctype((wint_t)c, class))
            add(s, c);
    *p = end + 2;
    return true;
}

/* [c*] and [c*n]; without n, it fills up to `length`. */
static bool add_repeat(set *s, const char **p, size_t length)
{
    const char *q = *p + 1;
    if (!*q)
        return false;
    uint32_t c = read_char(&q);
    if (*q != '*')
        return false;
    char *end;
    unsigned long n = strtoul(q + 1, &end, q[1] == '0' ? 8 : 10);
    if (*end != ']')
        return false;
    if (n == 0)
        n = length > s->count ? length - s->count : 0;
    while (n-- > 0)
        add(s, c);
    *p = end + 1;
    return true;
}

static set read_set(const char *text, size_t length, case_pairs pairs, bool first_set)
{
    set s = { 0 };
    for (const char *p = text; *p;) {
        if (p[0] == '[' && p[1] == ':' && add_class(&s, &p, pairs, first_set))
            continue;
        if (p[0] == '[' && p[1] == '=' && p[2] && strstr(p + 3, "=]") == p + 3) {
            add(&s, (unsigned char)p[2]);
            p += 5;
            continue;
        }
        if (p[0] == '[' && add_repeat(&s, &p, length))
            continue;
        uint32_t first = read_char(&p), last = first;
        if (p[0] == '-' && p[1]) {
            const char *q = p + 1;
            last = read_char(&q);
            if (last < first)
                fail("the range `%c-%c` is upside down", (char)first, (char)last);
            p = q;
        }
        for (uint32_t c = first; c <= last; c++)
            add(&s, c);
    }
    return s;
}

/* ---- maps over all characters -------------------------------------------- */

enum { CHARACTERS = 0x110000 };
static uint32_t *translation; /* 0: itself, else the character + 1 */
static uint8_t *members;      /* bit 0: in SET1, bit 1: to be squeezed */

static void mark(const set *s, uint8_t bit)
{
    for (size_t i = 0; i < s->count; i++)
        members[s->items[i]] |= bit;
}

int tr_main(int argc, char **argv)
{
    bool complement = false, delete = false, squeeze = false, truncate = false;
    for (int c; (c = getopt(argc, argv, "+cCdst")) != -1;) {
        switch (c) {
        case 'c':
        case 'C': complement = true; break;
        case 'd': delete = true; break;
        case 's': squeeze = true; break;
        case 't': truncate = true; break;
        default: usage(how);
        }
    }
    int sets = argc - optind;
    bool translates = !delete && sets == 2;
    if (sets < 1 || sets > 2 || (sets == 1 && !delete && !squeeze) || (sets == 2 && delete && !squeeze))
        usage(how);
    translation = must(calloc(CHARACTERS, sizeof *translation));
    members = must(calloc(CHARACTERS, 1));
    case_pairs pairs = NO_CASES;
    if (translates && !complement && strstr(argv[optind], "[:lower:]") && strstr(argv[optind + 1], "[:upper:]"))
        pairs = LOWER_TO_UPPER;
    else if (translates && !complement && strstr(argv[optind], "[:upper:]") && strstr(argv[optind + 1], "[:lower:]"))
        pairs = UPPER_TO_LOWER;
    set first = read_set(argv[optind], 0, pairs, true);
    set second = sets == 2 ? read_set(argv[optind + 1], first.count, pairs, false) : (set){ 0 };
    mark(&first, 1);
    if (complement)
        for (size_t c = 0; c < CHARACTERS; c++)
            members[c] ^= 1;
    if (squeeze)
        mark(sets == 2 ? &second : &first, 2);
    if (squeeze && sets == 1 && complement)
        for (size_t c = 0; c < CHARACTERS; c++)
            members[c] ^= 2;
    if (translates) {
        if (second.count == 0)
            fail("SET2 is empty");
        uint32_t last = second.items[second.count - 1];
        if (complement)
            for (size_t c = 0; c < CHARACTERS; c++)
                translation[c] = members[c] & 1 ? last + 1 : 0;
        else
            for (size_t i = 0; i < first.count && (!truncate || i < second.count); i++)
                translation[first.items[i]] = (i < second.count ? second.items[i] : last) + 1;
    }

    static char buffer[64 * 1024 + 4];
    size_t kept = 0;
    uint32_t before = UINT32_MAX;
    for (size_t n; (n = fread(buffer + kept, 1, 64 * 1024 - kept, stdin)) > 0 || kept > 0;) {
        size_t len = kept + n, i = 0, size;
        while (i < len && (len - i >= 4 || n == 0 || (unsigned char)buffer[i] < 0x80)) {
            char out[4];
            uint32_t c = utf8_next(buffer + i, len - i, &size);
            bool is_byte = size == 1 && c >= 0x80; /* not utf-8: passes as it is */
            if (is_byte) {
                putchar((int)c);
                before = UINT32_MAX;
            } else if (!(delete && members[c] & 1)) {
                if (translation[c])
                    c = translation[c] - 1;
                if (!(members[c] & 2 && c == before))
                    fwrite(out, 1, utf8_put(out, c), stdout);
                before = c;
            }
            i += size;
        }
        kept = len - i;
        memmove(buffer, buffer + i, kept);
    }
    return EXIT_OK;
}
