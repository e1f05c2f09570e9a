/* What jsc and jsrt need from QuickJS-ng beyond its public API. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "quickjs.h"

/* The engine can only measure its shadow stack, but what runs out first is the
 * host's stack, of which every call uses some as well: on x86-64 some 2.4 bytes
 * for each of ours in the interpreter, and 22 in the parsers of JavaScript and
 * JSON, whose frames hold little that needs an address. So each gets its share
 * of the host's stack, in bytes of shadow stack: recursion ends in a RangeError
 * that a program can catch, and not in a trap. */
#ifndef ENGINE_HOST_STACK
#define ENGINE_HOST_STACK (8 * 1024 * 1024)
#endif
#define ENGINE_JS_STACK (ENGINE_HOST_STACK / 4)
#define ENGINE_PARSER_STACK (ENGINE_HOST_STACK / 64)

/* Makes JSON and eval keep to ENGINE_PARSER_STACK. */
int engine_limit_parsers(JSContext *ctx);

/* Resolves every import of `module` and its dependencies against the exports
 * of the modules they name, without evaluating anything. Returns -1 with an
 * exception pending when a name is missing. */
int engine_link(JSContext *ctx, JSValueConst module);

/* Calls `visit(opaque, specifier, name)` for each name that `module` takes
 * from another module. `name` is "*" when it takes the whole namespace, and
 * NULL for an import for side effects only. */
typedef void engine_import_visitor(void *opaque, const char *specifier, const char *name);
void engine_each_import(JSContext *ctx, JSValueConst module, engine_import_visitor *visit, void *opaque);

/* Whether a value is a function compiled from source, as opposed to one of
 * the engine or of this runtime. */
bool engine_is_compiled(JSValueConst v);

/* Seeds Math.random, which the engine otherwise seeds from the clock. */
void engine_seed(JSContext *ctx, uint64_t seed);

#endif
