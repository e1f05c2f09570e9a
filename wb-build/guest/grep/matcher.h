/* Finds patterns in a line. */
#ifndef MATCHER_H
#define MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

typedef struct { size_t start, end; } match;

/* Compiles the patterns. Exits with 2 and a message when one is wrong. */
void matcher_compile(const options *o);

/* The leftmost match at or after `from`, the longest of those; false if there
 * is none. `line` has `len` bytes, no newline, and a NUL behind them; NULs
 * within are seen as \x01. */
bool matcher_find(const char *line, size_t len, size_t from, match *found);

#endif
