#include "matcher.h"

#include <ctype.h>
#include <locale.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_TROUBLE = 2 };

/* A regular expression works on characters, and stops at bytes that are not
 * utf-8. Lines with such bytes are matched byte by byte, by an expression of
 * its own that is compiled when the first of them comes. */
typedef enum { BY_CHARACTER, BY_BYTE, MODES } mode;

typedef struct {
    char *source;  /* in the syntax of `flags` */
    int flags;     /* of regcomp */
    int group;     /* the part of a match that counts */
    char *literal; /* if not NULL, the whole pattern is this text */
    size_t literal_len;
    regex_t compiled[MODES];
    bool is_compiled[MODES];
} pattern;

static pattern *patterns;
static int pattern_count;
static const options *opts;

static void set_mode(mode m)
{
    static mode current = MODES;
    if (m != current)
        setlocale(LC_CTYPE, m == BY_CHARACTER ? "C.UTF-8" : "C");
    current = m;
}

static bool is_utf8(const char *line, size_t len)
{
    const unsigned char *p = (const unsigned char *)line, *end = p + len;
    while (p < end) {
        int more = *p < 0x80 ? 0 : *p >= 0xC2 && *p < 0xE0 ? 1 : *p >= 0xE0 && *p < 0xF0 ? 2 : *p >= 0xF0 && *p < 0xF5 ? 3 : -1;
        if (more < 0 || end - p <= more)
            return false;
        if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90) || (*p == 0xF4 && p[1] > 0x8F))
            return false;
        for (p++; more > 0; more--, p++)
            if ((*p & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* ---- from patterns to expressions ---------------------------------------- */

static bool is_literal(const char *text, syntax s)
{
    return s == SYNTAX_FIXED || !text[strcspn(text, s == SYNTAX_EXTENDED ? "\\.[]*^$+?{}()|" : "\\.[]*^$")];
}

static char *quoted(const char *text)
{
    char *out = malloc(2 * strlen(text) + 1), *w = out;
    for (; *text; text++) {
        if (strchr("\\.[]*^$+?{}()|", *text))
            *w++ = '\\';
        *w++ = *text;
    }
    *w = 0;
    return out;
}

/* `source` between `before` and `after`, with its back-references moved by as
 * many groups as `before` opens. */
static char *wrapped(const char *before, const char *source, const char *after, int groups)
{
    char *out = malloc(strlen(before) + 2 * strlen(source) + strlen(after) + 1), *w = stpcpy(out, before);
    for (const char *p = source; *p; p++) {
        *w++ = *p;
        if (*p == '\\' && p[1]) {
            p++;
            *w++ = isdigit((unsigned char)*p) && *p + groups <= '9' ? (char)(*p + groups) : *p;
        }
    }
    strcpy(w, after);
    return out;
}

/* The C library takes \1 in an extended expression for a plain 1. */
static void refuse_back_references(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p != '\\' || !p[1])
            continue;
        if (p[1] >= '1' && p[1] <= '9') {
            fprintf(stderr, "grep: wrong pattern `%s`: back-references work in basic expressions only\n", text);
            exit(EXIT_TROUBLE);
        }
        p++;
    }
}

static void prepare(pattern *p, const char *text)
{
    syntax s = opts->syntax;
    if (s == SYNTAX_EXTENDED)
        refuse_back_references(text);
    if (!opts->ignore_case && is_literal(text, s)) {
        p->literal = strdup(text);
        p->literal_len = strlen(text);
        return;
    }
    p->source = s == SYNTAX_FIXED ? quoted(text) : strdup(text);
    p->flags = (s == SYNTAX_BASIC ? 0 : REG_EXTENDED) | (opts->ignore_case ? REG_ICASE : 0);
    bool basic = s == SYNTAX_BASIC;
    if (opts->whole_lines) {
        p->source = basic ? wrapped("^\\(", p->source, "\\)$", 1) : wrapped("^(", p->source, ")$", 1);
    } else if (opts->words) {
        p->source = basic ? wrapped("\\(^\\|[^[:alnum:]_]\\)\\(", p->source, "\\)\\([^[:alnum:]_]\\|$\\)", 2)
                          : wrapped("(^|[^[:alnum:]_])(", p->source, ")([^[:alnum:]_]|$)", 2);
        p->group = 2;
    }
}

static void compile(pattern *p, mode m)
{
    set_mode(m);
    int error = regcomp(&p->compiled[m], p->source, p->flags);
    if (error) {
        char why[128];
        regerror(error, &p->compiled[m], why, sizeof why);
        fprintf(stderr, "grep: wrong pattern `%s`: %s\n", p->source, why);
        exit(EXIT_TROUBLE);
    }
    p->is_compiled[m] = true;
}

void matcher_compile(const options *o)
{
    opts = o;
    pattern_count = o->patterns.count;
    patterns = calloc((size_t)pattern_count + 1, sizeof *patterns);
    for (int i = 0; i < pattern_count; i++) {
        prepare(&patterns[i], o->patterns.items[i]);
        if (!patterns[i].literal)
            compile(&patterns[i], BY_CHARACTER);
    }
}

/* ---- search -------------------------------------------------------------- */

static bool is_word(const char *line, size_t len, size_t at)
{
    unsigned char c = at < len ? (unsigned char)line[at] : 0;
    return isalnum(c) || c == '_' || c >= 0x80;
}

static bool find_literal(const pattern *p, const char *line, size_t len, size_t from, match *found)
{
    if (opts->whole_lines) {
        if (from > 0 || len != p->literal_len || memcmp(line, p->literal, len) != 0)
            return false;
        *found = (match){ 0, len };
        return true;
    }
    while (from <= len) {
        const char *at = p->literal_len ? memmem(line + from, len - from, p->literal, p->literal_len) : line + from;
        if (!at)
            return false;
        size_t start = (size_t)(at - line), end = start + p->literal_len;
        if (!opts->words || (!(start > 0 && is_word(line, len, start - 1)) && !is_word(line, len, end))) {
            *found = (match){ start, end };
            return true;
        }
        from = start + 1;
    }
    return false;
}

static bool find_regex(pattern *p, mode m, const char *line, size_t from, match *found)
{
    regmatch_t groups[3];
    if (!p->is_compiled[m])
        compile(p, m);
    set_mode(m);
    if (regexec(&p->compiled[m], line + from, (size_t)p->group + 1, groups, from > 0 ? REG_NOTBOL : 0) != 0)
        return false;
    *found = (match){ from + (size_t)groups[p->group].rm_so, from + (size_t)groups[p->group].rm_eo };
    return true;
}

bool matcher_find(const char *line, size_t len, size_t from, match *found)
{
    bool any = false;
    mode m = MODES;
    for (int i = 0; i < pattern_count; i++) {
        match here;
        pattern *p = &patterns[i];
        bool hit;
        if (p->literal) {
            hit = find_literal(p, line, len, from, &here);
        } else {
            if (m == MODES)
                m = is_utf8(line, len) ? BY_CHARACTER : BY_BYTE;
            hit = find_regex(p, m, line, from, &here);
        }
        if (hit && (!any || here.start < found->start || (here.start == found->start && here.end > found->end))) {
            *found = here;
            any = true;
        }
    }
    return any;
}
