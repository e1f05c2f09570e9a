#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_TROUBLE = 2,
    OPTION_INCLUDE = 256,
    OPTION_EXCLUDE,
    OPTION_EXCLUDE_DIR,
    OPTION_LABEL,
    OPTION_IGNORED,
    OPTION_BINARY_FILES,
    OPTION_HELP,
    OPTION_VERSION,
};

static const char help[] =
    "usage: grep [OPTION]... PATTERN [FILE]...\n"
    "       grep [OPTION]... -e PATTERN | -f FILE ... [FILE]...\n"
    "\n"
    "  -E  extended regular expressions   -c  count matching lines\n"
    "  -F  fixed strings                  -l  names of files that match\n"
    "  -G  basic ones (the default)       -L  names of files that do not\n"
    "  -e  a pattern                      -m  stop after NUM lines\n"
    "  -f  patterns from a file           -n  line numbers\n"
    "  -i  ignore case                    -b  byte offsets\n"
    "  -v  lines that do not match        -o  only the matching parts\n"
    "  -w  whole words                    -q  no output, only the exit code\n"
    "  -x  whole lines                    -s  no messages about files\n"
    "  -A, -B, -C NUM  lines of context   -H, -h  with, without file names\n"
    "  -r  directories, recursively       -a  binary files as text\n"
    "      --include, --exclude, --exclude-dir GLOB;  --label NAME\n"
    "\n"
    "Exit code: 0 lines were selected, 1 none was, 2 something was wrong.\n";

static void trouble(const char *message, const char *what)
{
    fprintf(stderr, "grep: %s%s\n", message, what);
    exit(EXIT_TROUBLE);
}

static void append(text_list *list, char *item)
{
    list->items = realloc(list->items, (size_t)(list->count + 1) * sizeof *list->items);
    if (!list->items)
        trouble("out of memory", "");
    list->items[list->count++] = item;
}

/* A pattern argument holds one pattern a line. */
static void append_patterns(text_list *list, char *text)
{
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        append(list, line);
        line = end ? end + 1 : NULL;
    }
}

static void append_pattern_file(text_list *list, const char *name)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (!f)
        trouble("cannot read the pattern file ", name);
    while ((n = getline(&line, &room, f)) >= 0) {
        if (n > 0 && line[n - 1] == '\n')
            line[n - 1] = 0;
        append(list, strdup(line));
    }
    free(line);
    if (f != stdin)
        fclose(f);
}

static long number(const char *text, const char *what)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*end || end == text || n < 0)
        trouble(what, text);
    return n;
}

options options_parse(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "extended-regexp", no_argument, 0, 'E' },
        { "fixed-strings", no_argument, 0, 'F' },
        { "basic-regexp", no_argument, 0, 'G' },
        { "perl-regexp", no_argument, 0, 'P' },
        { "regexp", required_argument, 0, 'e' },
        { "file", required_argument, 0, 'f' },
        { "ignore-case", no_argument, 0, 'i' },
        { "no-ignore-case", no_argument, 0, 'I' + 1024 },
        { "invert-match", no_argument, 0, 'v' },
        { "word-regexp", no_argument, 0, 'w' },
        { "line-regexp", no_argument, 0, 'x' },
        { "count", no_argument, 0, 'c' },
        { "files-with-matches", no_argument, 0, 'l' },
        { "files-without-match", no_argument, 0, 'L' },
        { "max-count", required_argument, 0, 'm' },
        { "only-matching", no_argument, 0, 'o' },
        { "quiet", no_argument, 0, 'q' },
        { "silent", no_argument, 0, 'q' },
        { "no-messages", no_argument, 0, 's' },
        { "line-number", no_argument, 0, 'n' },
        { "byte-offset", no_argument, 0, 'b' },
        { "with-filename", no_argument, 0, 'H' },
        { "no-filename", no_argument, 0, 'h' },
        { "null", no_argument, 0, 'Z' },
        { "text", no_argument, 0, 'a' },
        { "recursive", no_argument, 0, 'r' },
        { "dereference-recursive", no_argument, 0, 'R' },
        { "after-context", required_argument, 0, 'A' },
        { "before-context", required_argument, 0, 'B' },
        { "context", required_argument, 0, 'C' },
        { "include", required_argument, 0, OPTION_INCLUDE },
        { "exclude", required_argument, 0, OPTION_EXCLUDE },
        { "exclude-dir", required_argument, 0, OPTION_EXCLUDE_DIR },
        { "label", required_argument, 0, OPTION_LABEL },
        { "binary-files", required_argument, 0, OPTION_BINARY_FILES },
        { "color", optional_argument, 0, OPTION_IGNORED },
        { "colour", optional_argument, 0, OPTION_IGNORED },
        { "line-buffered", no_argument, 0, OPTION_IGNORED },
        { "help", no_argument, 0, OPTION_HELP },
        { "version", no_argument, 0, OPTION_VERSION },
        { 0 },
    };
    options o = { .max_count = -1, .with_filename = -1, .label = "(standard input)" };
    bool has_patterns = false;
    int letter, last_digit_at = 0;
    while ((letter = getopt_long(argc, argv, "0123456789A:B:C:EFGHLPRZabce:f:hilm:noqrsvwxyU", long_options, NULL)) != -1) {
        switch (letter) {
        case '0' ... '9': /* -NUM means -C NUM */
            o.before = last_digit_at == optind ? o.before * 10 + (letter - '0') : letter - '0';
            o.after = o.before;
            last_digit_at = optind;
            break;
        case 'A': o.after = number(optarg, "not a number of lines: "); break;
        case 'B': o.before = number(optarg, "not a number of lines: "); break;
        case 'C': o.before = o.after = number(optarg, "not a number of lines: "); break;
        case 'E': o.syntax = SYNTAX_EXTENDED; break;
        case 'F': o.syntax = SYNTAX_FIXED; break;
        case 'G': o.syntax = SYNTAX_BASIC; break;
        case 'P': trouble("Perl expressions are not supported; use -E", ""); break;
        case 'H': o.with_filename = 1; break;
        case 'h': o.with_filename = 0; break;
        case 'L':
        case 'l': o.list_files = letter; break;
        case 'R':
        case 'r': o.recursive = true; break;
        case 'Z': o.null_after_name = true; break;
        case 'a': o.text = true; break;
        case 'b': o.byte_offsets = true; break;
        case 'c': o.count = true; break;
        case 'e':
            append_patterns(&o.patterns, optarg);
            has_patterns = true;
            break;
        case 'f':
            append_pattern_file(&o.patterns, optarg);
            has_patterns = true;
            break;
        case 'i':
        case 'y': o.ignore_case = true; break;
        case 'I' + 1024: o.ignore_case = false; break;
        case 'm': o.max_count = number(optarg, "not a number of lines: "); break;
        case 'n': o.line_numbers = true; break;
        case 'o': o.only_matching = true; break;
        case 'q': o.quiet = true; break;
        case 's': o.no_messages = true; break;
        case 'v': o.invert = true; break;
        case 'w': o.words = true; break;
        case 'x': o.whole_lines = true; break;
        case 'U':
        case OPTION_IGNORED: break;
        case OPTION_INCLUDE: append(&o.include, optarg); break;
        case OPTION_EXCLUDE: append(&o.exclude, optarg); break;
        case OPTION_EXCLUDE_DIR: append(&o.exclude_dir, optarg); break;
        case OPTION_LABEL: o.label = optarg; break;
        case OPTION_BINARY_FILES: o.text = strcmp(optarg, "text") == 0; break;
        case OPTION_HELP: fputs(help, stdout); exit(0);
        case OPTION_VERSION: puts("grep (workbooks) 1.0"); exit(0);
        default: fputs("usage: grep [OPTION]... PATTERN [FILE]... (--help tells more)\n", stderr); exit(EXIT_TROUBLE);
        }
    }
    if (!has_patterns) {
        if (optind == argc) {
            fputs("usage: grep [OPTION]... PATTERN [FILE]... (--help tells more)\n", stderr);
            exit(EXIT_TROUBLE);
        }
        append_patterns(&o.patterns, argv[optind++]);
    }
    o.files = argv + optind;
    o.file_count = argc - optind;
    return o;
}
