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

/* Evaluates the pack's first module to its end and returns its namespace. */
JSValue runtime_load(JSContext *ctx, const uint8_t *bytes, size_t len);

/* Runs what is due; the value of `v`, once it is settled if it is a promise.
 * An exception, also for a rejection that nobody handles. Takes `v`. */
JSValue runtime_settle(JSContext *ctx, JSValue v);

/* Prints an error that nobody caught. Takes `error`. */
void runtime_report(JSContext *ctx, JSValue error);

/* Makes the modules `wit:…` of a component; NULL in a command. */
typedef JSModuleDef *runtime_module_maker(JSContext *ctx, const char *name);
extern runtime_module_maker *runtime_world_module;

/* Evaluates a module of the prelude, once, and returns its namespace. */
JSValue runtime_load_prelude(JSContext *ctx, const char *name);

/* The source map of a module of the program. */
pack_bytes runtime_source_map(const char *name);

#endif
