/* grep: prints the lines that match a pattern.
 *
 * Regular expressions are those of the C library (POSIX with \w \s \b \< \>,
 * leftmost-longest); text is utf-8, and other bytes are taken one by one. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "matcher.h"
#include "options.h"

enum { EXIT_SELECTED = 0, EXIT_NONE = 1, EXIT_TROUBLE = 2 };

static options opts;
static bool selected_any, printed_any, had_trouble, show_names;

static void trouble(const char *name)
{
    had_trouble = true;
    if (!opts.no_messages)
        fprintf(stderr, "grep: %s: %s\n", name, strerror(errno));
}

/* ---- one file ------------------------------------------------------------ */

typedef struct { char *text; size_t len, room; } line_buffer;

typedef struct {
    const char *name;
    long number;       /* of the current line, from 1 */
    long offset;       /* of the current line, in bytes */
    long printed;      /* number of the last line printed, 0: none */
    long after;        /* lines of context still to print */
    long count;        /* selected lines */
    bool is_binary;
    line_buffer *kept; /* the last opts.before lines, by number */
} file_state;

static void print_name(const char *name, char separator)
{
    fputs(name, stdout);
    putchar(opts.null_after_name ? 0 : separator);
}

static void print_prefix(const file_state *f, long number, long offset, char separator)
{
    if (show_names)
        print_name(f->name, separator);
    if (opts.line_numbers)
        printf("%ld%c", number, separator);
    if (opts.byte_offsets)
        printf("%ld%c", offset, separator);
}

static void print_line(file_state *f, const char *line, size_t len, long number, char separator)
{
    bool has_context = opts.before > 0 || opts.after > 0;
    if (has_context && (f->printed > 0 ? number > f->printed + 1 : printed_any))
        puts("--");
    printed_any = true;
    print_prefix(f, number, f->offset, separator);
    fwrite(line, 1, len, stdout);
    putchar('\n');
    f->printed = number;
}

static void print_matches(const file_state *f, const char *seen, const char *line, size_t len)
{
    match m;
    for (size_t from = 0; from <= len && matcher_find(seen, len, from, &m);) {
        if (m.end > m.start) {
            print_prefix(f, f->number, f->offset + (long)m.start, ':');
            fwrite(line + m.start, 1, m.end - m.start, stdout);
            putchar('\n');
        }
        from = m.end > from ? m.end : from + 1;
    }
}

static void keep(file_state *f, const char *line, size_t len)
{
    if (opts.before == 0)
        return;
    line_buffer *b = &f->kept[f->number % opts.before];
    if (b->room < len) {
        b->text = realloc(b->text, len);
        b->room = len;
    }
    if (len)
        memcpy(b->text, line, len);
    b->len = len;
}

static void print_kept(file_state *f)
{
    long first = f->number - opts.before;
    if (first <= f->printed)
        first = f->printed + 1;
    for (long n = first < 1 ? 1 : first; n < f->number; n++) {
        line_buffer *b = &f->kept[n % opts.before];
        print_line(f, b->text, b->len, n, '-');
    }
}

/* Returns whether the file's further lines are of interest. */
static bool take_line(file_state *f, const char *seen, const char *line, size_t len)
{
    match m;
    bool prints = !opts.quiet && !opts.count && !opts.list_files && !f->is_binary;
    if (matcher_find(seen, len, 0, &m) != opts.invert) {
        f->count++;
        selected_any = true;
        if (opts.quiet || opts.list_files || (f->is_binary && !opts.count))
            return false;
        if (prints && opts.only_matching) {
            if (!opts.invert)
                print_matches(f, seen, line, len);
        } else if (prints) {
            print_kept(f);
            print_line(f, line, len, f->number, ':');
        }
        f->after = opts.after;
        return opts.max_count < 0 || f->count < opts.max_count || (prints && opts.after > 0);
    }
    if (prints && !opts.only_matching && f->after > 0) {
        print_line(f, line, len, f->number, '-');
        f->after--;
    } else {
        keep(f, line, len);
    }
    return true;
}

/* The line as the matcher may see it: without NULs. */
static const char *without_nuls(const char *line, size_t len)
{
    static char *copy;
    static size_t room;
    if (!memchr(line, 0, len))
        return line;
    if (room < len + 1)
        copy = realloc(copy, room = len + 1);
    for (size_t i = 0; i <= len; i++)
        copy[i] = line[i] || i == len ? line[i] : 1;
    return copy;
}

static void search(FILE *in, const char *name)
{
    static char *line;
    static size_t room;
    file_state f = { .name = name };
    ssize_t n;
    f.kept = opts.before > 0 ? calloc((size_t)opts.before, sizeof *f.kept) : NULL;
    while (opts.max_count != 0 && (n = getline(&line, &room, in)) >= 0) {
        size_t len = (size_t)n, whole = len;
        if (len > 0 && line[len - 1] == '\n')
            line[--len] = 0;
        f.number++;
        if (!opts.text && !f.is_binary && memchr(line, 0, len))
            f.is_binary = true;
        bool full = opts.max_count > 0 && f.count >= opts.max_count;
        if (full) { /* only context is left to print */
            if (f.after == 0)
                break;
            print_line(&f, line, len, f.number, '-');
            f.after--;
        } else if (!take_line(&f, without_nuls(line, len), line, len)) {
            break;
        }
        f.offset += (long)whole;
    }
    if (ferror(in))
        trouble(name);
    if (opts.list_files) {
        if ((f.count > 0) == (opts.list_files == 'l') && !opts.quiet)
            print_name(name, '\n');
    } else if (opts.count && !opts.quiet) {
        if (show_names)
            print_name(name, ':');
        printf("%ld\n", f.count);
    } else if (f.is_binary && f.count > 0 && !opts.quiet) {
        fprintf(stderr, "grep: %s: binary file matches\n", name);
    }
    for (long i = 0; i < opts.before; i++)
        free(f.kept[i].text);
    free(f.kept);
}

/* ---- files and directories ----------------------------------------------- */

static bool matches_any(const text_list *globs, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (int i = 0; i < globs->count; i++)
        if (fnmatch(globs->items[i], name, 0) == 0 || fnmatch(globs->items[i], path, 0) == 0)
            return true;
    return false;
}

static void search_path(const char *path, bool is_argument);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void search_directory(const char *path)
{
    DIR *dir = opendir(path);
    char **names = NULL;
    size_t count = 0;
    if (!dir) {
        trouble(path);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        names = realloc(names, (count + 1) * sizeof *names);
        names[count++] = strdup(e->d_name);
    }
    closedir(dir);
    if (count > 0)
        qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        char *inner;
        bool bare = strcmp(path, ".") == 0 && opts.file_count == 0;
        const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
        if (asprintf(&inner, "%s%s%s", bare ? "" : path, bare ? "" : slash, names[i]) >= 0)
            search_path(inner, false);
        free(inner);
        free(names[i]);
    }
    free(names);
}

static void search_path(const char *path, bool is_argument)
{
    struct stat st;
    if (is_argument && strcmp(path, "-") == 0) {
        search(stdin, opts.label);
        return;
    }
    if (stat(path, &st) != 0) {
        trouble(path);
        return;
    }
    if (S_ISDIR(st.st_mode)) {
        if (!opts.recursive) {
            errno = EISDIR;
            trouble(path);
        } else if (is_argument || !matches_any(&opts.exclude_dir, path)) {
            search_directory(path);
        }
        return;
    }
    if (matches_any(&opts.exclude, path) || (opts.include.count > 0 && !matches_any(&opts.include, path)))
        return;
    FILE *in = fopen(path, "rb");
    if (!in) {
        trouble(path);
        return;
    }
    char buffer[64 * 1024];
    setvbuf(in, buffer, _IOFBF, sizeof buffer);
    search(in, path);
    fclose(in);
}

int main(int argc, char **argv)
{
    static char in[64 * 1024], out[64 * 1024];
    setvbuf(stdin, in, _IOFBF, sizeof in);
    setvbuf(stdout, out, _IOFBF, sizeof out);
    opts = options_parse(argc, argv);
    matcher_compile(&opts);
    show_names = opts.with_filename >= 0 ? opts.with_filename : opts.file_count > 1 || opts.recursive;
    if (opts.file_count == 0)
        search_path(opts.recursive ? "." : "-", true);
    for (int i = 0; i < opts.file_count; i++) {
        search_path(opts.files[i], true);
        if (opts.quiet && selected_any)
            break;
    }
    if (fflush(stdout) != 0)
        had_trouble = true;
    if (opts.quiet && selected_any)
        return EXIT_SELECTED;
    return had_trouble ? EXIT_TROUBLE : selected_any ? EXIT_SELECTED : EXIT_NONE;
}
