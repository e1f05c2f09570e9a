/* One program: its pack, the prelude's pack, and the loop that runs it. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "pack.h"
#include "quickjs.h"

/* Makes the context and evaluates the prelude. Exits on failure, which only
 * running out of memory can cause. */
JSContext *runtime_new(int argc, char **argv);

/* Evaluates the pack's first module and runs timers and promises until none is
 * left. Returns the exit code. */
int runtime_run(JSContext *ctx, const uint8_t *bytes, size_t len);

/* Evaluates a module of the prelude, once, and returns its namespace. */
JSValue runtime_load_prelude(JSContext *ctx, const char *name);

/* The source map of a module of the program. */
pack_bytes runtime_source_map(const char *name);

#endif
