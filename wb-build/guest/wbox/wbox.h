/* wbox: the commands of a Unix pipe in one module.
 *
 * `wbox APPLET ARGS...` runs an applet; under an applet's own name (argv[0]) it
 * is that applet. Text is utf-8 throughout. */
#ifndef WBOX_H
#define WBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

typedef int applet_main(int argc, char **argv);

applet_main base64_main, basename_main, cat_main, comm_main, cut_main, date_main, dirname_main, echo_main,
    env_main, expand_main, false_main, fold_main, head_main, join_main, ls_main, nl_main, paste_main,
    printf_main, rev_main, seq_main, sha256sum_main, shuf_main, sleep_main, sort_main, tac_main, tail_main,
    tee_main, tr_main, true_main, uniq_main, wc_main, yes_main;

/* ---- what applets share (common.c) --------------------------------------- */

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The name of the running applet, for messages. */
extern const char *applet;

/* Writes "APPLET: MESSAGE" to stderr. */
[[gnu::format(printf, 1, 2)]] void warn(const char *format, ...);

/* warn, then exit with EXIT_FAILED. */
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char *format, ...);

/* Writes "usage: APPLET TEXT" and exits with EXIT_USAGE. */
[[noreturn]] void usage(const char *text);

void *must(void *allocated);

/* Opens a file for reading; "-" is standard input. NULL, after a message, if
 * that is not possible. */
FILE *open_input(const char *name);
void close_input(FILE *f);

/* Runs `body` for each file, or for standard input if there is none. Returns
 * the exit code: EXIT_FAILED if a file could not be read. */
int each_input(int argc, char **argv, void (*body)(FILE *in, const char *name));

/* A line with its newline taken off; `ended` tells whether it had one. */
typedef struct { char *text; size_t len, room; bool ended; } line;

bool read_line(FILE *in, line *l, int delimiter);

/* A number with an optional factor: b 512, k or K 1024, M, G, kB 1000 ... */
long long parse_size(const char *text);
long parse_number(const char *text);

/* The character at `p`, of at most `len` bytes, and its length. Bytes that are
 * not utf-8 count as characters of one byte. */
uint32_t utf8_next(const char *p, size_t len, size_t *size);
size_t utf8_count(const char *p, size_t len);
size_t utf8_put(char *into, uint32_t c);

/* Reads a backslash escape; `*p` is behind the backslash and moves on. Returns
 * the character, or -1 for \c and -2 for one that means nothing. */
int read_escape(const char **p, bool octal_needs_zero);

/* Reads a whole stream into `lines`, each a copy without its newline. */
typedef struct { char *text; size_t len; } text;
typedef struct { text *items; size_t count, room; } texts;

void read_lines(FILE *in, texts *into, int delimiter);

#endif
