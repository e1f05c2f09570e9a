/* QuickJS-ng, unpatched, as one translation unit with the three accessors of
 * engine.h: a module's import entries, linking without evaluation and the
 * state of Math.random are not part of its public API. */
#include "quickjs.c"
#include "engine.h"

int engine_link(JSContext *ctx, JSValueConst module)
{
    JSModuleDef *m = JS_VALUE_GET_PTR(module);
    if (js_create_module_function(ctx, m) < 0)
        return -1;
    return js_link_module(ctx, m);
}

static void visit_one(JSContext *ctx, JSModuleDef *m, int request, JSAtom name,
                      engine_import_visitor *visit, void *opaque)
{
    const char *specifier = JS_AtomToCString(ctx, m->req_module_entries[request].module_name);
    const char *taken = name == JS_ATOM_NULL ? NULL : JS_AtomToCString(ctx, name);
    if (specifier)
        visit(opaque, specifier, taken);
    JS_FreeCString(ctx, specifier);
    JS_FreeCString(ctx, taken);
}

void engine_each_import(JSContext *ctx, JSValueConst module, engine_import_visitor *visit, void *opaque)
{
    JSModuleDef *m = JS_VALUE_GET_PTR(module);
    for (int i = 0; i < m->req_module_entries_count; i++)
        visit_one(ctx, m, i, JS_ATOM_NULL, visit, opaque);
    for (int i = 0; i < m->import_entries_count; i++) {
        JSImportEntry *e = &m->import_entries[i];
        visit_one(ctx, m, e->req_module_idx, e->import_name, visit, opaque);
    }
    for (int i = 0; i < m->export_entries_count; i++) {
        JSExportEntry *e = &m->export_entries[i];
        if (e->export_type == JS_EXPORT_TYPE_INDIRECT)
            visit_one(ctx, m, e->u.req_module_idx, e->local_name, visit, opaque);
    }
    for (int i = 0; i < m->star_export_entries_count; i++)
        visit_one(ctx, m, m->star_export_entries[i].req_module_idx, JS_ATOM__star_, visit, opaque);
}

void engine_seed(JSContext *ctx, uint64_t seed)
{
    /* xorshift never leaves zero. */
    ctx->random_state = seed ? seed : 1;
}
