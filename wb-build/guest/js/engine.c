/* QuickJS-ng, unpatched, as one translation unit with the few accessors of
 * engine.h: a module's import entries, linking without evaluation, the
 * kind of a function and the state of Math.random are not part of its public API. */
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

/* ---- stack of the parsers ------------------------------------------------ */

/* Lets the stack grow by `room` from here, if that is less than is left. */
static uintptr_t narrow_stack(JSContext *ctx, size_t room)
{
    uintptr_t before = ctx->rt->stack_limit, limit = js_get_stack_pointer() - room;
    if (limit > before)
        ctx->rt->stack_limit = limit;
    return before;
}

static JSValue limited_json_parse(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uintptr_t before = narrow_stack(ctx, ENGINE_PARSER_STACK);
    JSValue v = js_json_parse(ctx, self, argc, argv);
    ctx->rt->stack_limit = before;
    return v;
}

static JSValue limited_json_stringify(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    uintptr_t before = narrow_stack(ctx, ENGINE_PARSER_STACK);
    JSValue v = js_json_stringify(ctx, self, argc, argv);
    ctx->rt->stack_limit = before;
    return v;
}

static JSValue limited_eval(JSContext *ctx, JSValueConst self, const char *input, size_t len, const char *filename,
                            int line, int flags, int scope)
{
    uintptr_t before = narrow_stack(ctx, ENGINE_PARSER_STACK);
    JSValue v = __JS_EvalInternal(ctx, self, input, len, filename, line, flags, scope);
    ctx->rt->stack_limit = before;
    return v;
}

int engine_limit_parsers(JSContext *ctx)
{
    const int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
    JSValue json = JS_GetPropertyStr(ctx, ctx->global_obj, "JSON");
    JSValue parse = JS_NewCFunction(ctx, limited_json_parse, "parse", 2);
    JSValue stringify = JS_NewCFunction(ctx, limited_json_stringify, "stringify", 3);
    bool failed = JS_DefinePropertyValueStr(ctx, json, "parse", parse, flags) < 0
        || JS_DefinePropertyValueStr(ctx, json, "stringify", stringify, flags) < 0;
    JS_FreeValue(ctx, json);
    ctx->eval_internal = limited_eval;
    return failed ? -1 : 0;
}

bool engine_is_compiled(JSValueConst v)
{
    return JS_VALUE_GET_TAG(v) == JS_TAG_OBJECT && js_class_has_bytecode(JS_VALUE_GET_OBJ(v)->class_id);
}

void engine_seed(JSContext *ctx, uint64_t seed)
{
    /* xorshift never leaves zero. */
    ctx->random_state = seed ? seed : 1;
}
