/* What jsc and jsrt need from QuickJS-ng beyond its public API. */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "quickjs.h"

/* Native stack that JavaScript may use. The linker gives the module 2 MiB of
 * shadow stack, but the host's own stack, which each interpreter call uses as
 * well, runs out first; see RECIPES.md for the measurement behind the figure. */
#ifndef ENGINE_JS_STACK
#define ENGINE_JS_STACK (128 * 1024)
#endif

/* Resolves every import of `module` and its dependencies against the exports
 * of the modules they name, without evaluating anything. Returns -1 with an
 * exception pending when a name is missing. */
int engine_link(JSContext *ctx, JSValueConst module);

/* Calls `visit(opaque, specifier, name)` for each name that `module` takes
 * from another module. `name` is "*" when it takes the whole namespace, and
 * NULL for an import for side effects only. */
typedef void engine_import_visitor(void *opaque, const char *specifier, const char *name);
void engine_each_import(JSContext *ctx, JSValueConst module, engine_import_visitor *visit, void *opaque);

/* Seeds Math.random, which the engine otherwise seeds from the clock. */
void engine_seed(JSContext *ctx, uint64_t seed);

#endif
