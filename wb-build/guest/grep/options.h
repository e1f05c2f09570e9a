/* What the command line of grep asks for. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

typedef enum { SYNTAX_BASIC, SYNTAX_EXTENDED, SYNTAX_FIXED } syntax;

typedef struct { char **items; int count; } text_list;

typedef struct {
    syntax syntax;
    bool ignore_case, words, whole_lines, invert;
    bool count, only_matching, quiet, no_messages;
    bool line_numbers, byte_offsets, text, recursive, null_after_name;
    int list_files;    /* 'l': names with a match, 'L': names without, 0: lines */
    int with_filename; /* 1: always, 0: never, -1: with more than one file */
    long max_count;    /* -1: no limit */
    long before, after;
    const char *label; /* stands for standard input */
    text_list patterns, include, exclude, exclude_dir;
    char **files;
    int file_count;
} options;

/* Exits with 2 and a message when the command line is wrong. */
options options_parse(int argc, char **argv);

#endif
