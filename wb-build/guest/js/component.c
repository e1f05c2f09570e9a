/* The runtime of a JavaScript component.
 *
 * As built it belongs to no world. The build gives a copy of it the imports and
 * exports of one (wb_build's component/script.rs): each export puts its flattened
 * parameters into `wb_area` and calls `wb_export`, and `wit.call` is replaced by
 * a function that calls the import of the given number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canon.h"
#include "runtime.h"

/* Exported by the linker; `volatile` keeps the compiler from folding the zeros. */
struct { uint32_t address, len; } volatile wb_pack_slot = { 0, 0 };
struct { uint32_t address, len; } volatile wb_world_slot = { 0, 0 };
uint64_t wb_area[CANON_MOST_FLAT];

__attribute__((import_module("wit"), import_name("call"))) void wit_call(uint32_t import, uint64_t *slots);

/* The table begins with these words. Then the functions that are exported, those
 * that are imported, and for each resource the import that drops its handles. */
enum { TABLE_EXPORTS, TABLE_IMPORTS, TABLE_RESOURCES, TABLE_LISTS };

/* A function: its name, the name of its interface or 0, the tuple of its
 * parameters, its result or 0, and whether either goes by a pointer. */
enum { FUNCTION_NAME, FUNCTION_INTERFACE, FUNCTION_PARAMETERS, FUNCTION_RESULT, FUNCTION_INDIRECT, FUNCTION_RETPTR };

static JSContext *ctx;
static JSValue program; /* namespace of the main module */

/* What the host allocated for parameters and results of imports, and what it
 * still has to read of the last result. */
static canon_blocks received, returned;

static _Noreturn void fail(JSValue error)
{
    runtime_report(ctx, error);
    __builtin_trap();
}

/* ---- memory of the host ---------------------------------------------------- */

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    if (!old) {
        void *p = canon_alloc(NULL, &received, align, size);
        return p ? p : (__builtin_trap(), NULL);
    }
    for (size_t i = received.count; i-- > 0;)
        if (received.at[i] == old) {
            void *p = realloc(old, size ? size : 1);
            return p ? received.at[i] = p : (__builtin_trap(), NULL);
        }
    __builtin_trap();
}

/* The adapter between the two versions of WASI keeps what it asks for. */
__attribute__((export_name("cabi_realloc_adapter"))) void *
cabi_realloc_adapter(void *old, size_t old_size, size_t align, size_t size)
{
    void *p = align > 16 ? aligned_alloc(align, (size + align - 1) / align * align) : realloc(old, size);
    return p ? p : (__builtin_trap(), NULL);
}

/* ---- resources ------------------------------------------------------------- */

typedef struct { uint32_t resource, handle; bool held; } handle_box;

static JSClassID handle_class;
static JSValue *prototypes;

static void drop_handle(JSRuntime *rt, JSValueConst v)
{
    handle_box *box = JS_GetOpaque(v, handle_class);
    if (box && box->held) {
        const uint32_t *lists = canon_table + TABLE_LISTS;
        uint64_t slots[1] = { box->handle };
        wit_call(lists[canon_table[TABLE_EXPORTS] + canon_table[TABLE_IMPORTS] + box->resource], slots);
    }
    free(box);
}

JSValue canon_lift_handle(JSContext *ctx, uint32_t resource, uint32_t handle)
{
    handle_box *box = malloc(sizeof *box);
    JSValue v = box ? JS_NewObjectProtoClass(ctx, prototypes[resource], handle_class) : JS_ThrowOutOfMemory(ctx);
    if (JS_IsException(v)) {
        free(box);
        return v;
    }
    *box = (handle_box){ resource, handle, true };
    JS_SetOpaque(v, box);
    return v;
}

int canon_lower_handle(JSContext *ctx, uint32_t resource, JSValueConst v, bool give, uint32_t *handle)
{
    handle_box *box = JS_GetOpaque(v, handle_class);
    if (!box || box->resource != resource) {
        JS_ThrowTypeError(ctx, "expected a resource of another kind");
        return -1;
    }
    if (!box->held) {
        JS_ThrowTypeError(ctx, "the resource has been given away");
        return -1;
    }
    *handle = box->handle;
    if (give)
        box->held = false;
    return 0;
}

/* ---- imports --------------------------------------------------------------- */

static bool is_case(JSContext *ctx, JSValueConst v, const char *name)
{
    JSValue tag = JS_GetPropertyStr(ctx, v, "tag");
    const char *text = JS_ToCString(ctx, tag);
    bool is = text && strcmp(text, name) == 0;
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, tag);
    return is;
}

/* What a call that came back with an error throws: an Error with the error as
 * its `payload`. */
static JSValue throw_payload(JSContext *ctx, JSValue payload)
{
    JSValue error = JS_NewError(ctx);
    JSValue message = JS_IsObject(payload) ? JS_GetPropertyStr(ctx, payload, "message") : JS_DupValue(ctx, payload);
    if (!JS_IsString(message)) {
        JS_FreeValue(ctx, message);
        message = JS_JSONStringify(ctx, payload, JS_UNDEFINED, JS_UNDEFINED);
    }
    if (JS_IsException(message)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        message = JS_NewString(ctx, "the call failed");
    }
    const int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
    JS_DefinePropertyValueStr(ctx, error, "message", message, flags);
    JS_DefinePropertyValueStr(ctx, error, "name", JS_NewString(ctx, "ComponentError"), flags);
    JS_DefinePropertyValueStr(ctx, error, "payload", payload, JS_PROP_C_W_E);
    return JS_Throw(ctx, error);
}

static JSValue call_import(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int import, JSValueConst *data)
{
    const uint32_t *f = canon_table + canon_table[TABLE_LISTS + canon_table[TABLE_EXPORTS] + import];
    uint32_t parameters = f[FUNCTION_PARAMETERS], result = f[FUNCTION_RESULT];
    uint64_t slots[CANON_MOST_FLAT] = { 0 };
    canon_blocks sent = { 0 };
    JSValue list = JS_NewArray(ctx), v = JS_UNDEFINED;
    for (int i = 0; i < argc; i++)
        JS_SetPropertyUint32(ctx, list, i, JS_DupValue(ctx, argv[i]));
    canon_place to = { .flat = slots };
    if (f[FUNCTION_INDIRECT]) {
        to = (canon_place){ .memory = canon_alloc(ctx, &sent, canon_align(parameters), canon_size(parameters)) };
        slots[0] = (uintptr_t)to.memory;
    }
    bool lowered = (to.flat || to.memory) && canon_lower(ctx, parameters, list, &to, &sent) == 0;
    JS_FreeValue(ctx, list);
    uint8_t *area = NULL;
    if (lowered && f[FUNCTION_RETPTR]) {
        area = canon_alloc(ctx, &sent, canon_align(result), canon_size(result));
        *(to.flat ? to.flat : slots + 1) = (uintptr_t)area;
        lowered = area != NULL;
    }
    if (lowered) {
        wit_call((uint32_t)import, slots);
        if (result) {
            canon_place from = { .memory = area, .flat = area ? NULL : slots };
            v = canon_lift(ctx, result, &from);
        }
    }
    canon_release(&received);
    canon_release(&sent);
    free(sent.at);
    if (!lowered || JS_IsException(v))
        return JS_EXCEPTION;
    if (!result || canon_kind_of(result) != CANON_RESULT)
        return v;
    JSValue payload = JS_GetPropertyStr(ctx, v, "val");
    bool failed = is_case(ctx, v, "err");
    JS_FreeValue(ctx, v);
    return failed ? throw_payload(ctx, payload) : payload;
}

/* define(prototype): what objects of the resource inherit. */
static JSValue define_resource(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int resource,
                               JSValueConst *data)
{
    JS_FreeValue(ctx, prototypes[resource]);
    prototypes[resource] = JS_DupValue(ctx, argv[0]);
    return JS_UNDEFINED;
}

/* Modules `wit:3`, which calls the import 3, and `wit:r0`, for the resource 0. */
static int set_module(JSContext *ctx, JSModuleDef *m)
{
    JSAtom atom = JS_GetModuleName(ctx, m);
    const char *name = JS_AtomToCString(ctx, atom);
    const char *number = name ? strrchr(name, '/') + 1 : "";
    bool resource = *number == 'r';
    int n = atoi(number + resource);
    JSValue f = resource ? JS_NewCFunctionData(ctx, define_resource, 1, n, 0, NULL)
                         : JS_NewCFunctionData(ctx, call_import, 0, n, 0, NULL);
    JS_FreeCString(ctx, name);
    JS_FreeAtom(ctx, atom);
    return JS_SetModuleExport(ctx, m, "call", f);
}

static JSModuleDef *world_module(JSContext *ctx, const char *name)
{
    JSModuleDef *m = JS_NewCModule(ctx, name, set_module);
    return m && JS_AddModuleExport(ctx, m, "call") == 0 ? m : NULL;
}

/* ---- exports --------------------------------------------------------------- */

static void start(void)
{
    static char *arguments[] = { "component" };
    canon_table = (const uint32_t *)wb_world_slot.address;
    runtime_world_module = world_module;
    ctx = runtime_new(1, arguments);
    JSRuntime *rt = JS_GetRuntime(ctx);
    JSClassDef def = { "Resource", .finalizer = drop_handle };
    JS_NewClassID(rt, &handle_class);
    JS_NewClass(rt, handle_class, &def);
    uint32_t count = canon_table[TABLE_RESOURCES];
    prototypes = calloc(count + 1, sizeof *prototypes);
    for (uint32_t i = 0; i < count; i++)
        prototypes[i] = JS_NewObject(ctx);
    program = runtime_load(ctx, (const uint8_t *)wb_pack_slot.address, wb_pack_slot.len);
    if (JS_IsException(program))
        fail(JS_GetException(ctx));
}

/* The function of an export, and in `self` the object that it is of. */
static JSValue find_function(const uint32_t *f, JSValue *self)
{
    JSValue object = JS_DupValue(ctx, program);
    if (f[FUNCTION_INTERFACE]) {
        JS_FreeValue(ctx, object);
        object = JS_GetPropertyStr(ctx, program, canon_name(f[FUNCTION_INTERFACE]));
    }
    *self = object;
    JSValue v = JS_IsObject(object) ? JS_GetPropertyStr(ctx, object, canon_name(f[FUNCTION_NAME])) : JS_UNDEFINED;
    if (JS_IsFunction(ctx, v) || JS_IsException(v))
        return v;
    JS_FreeValue(ctx, v);
    const char *interface = f[FUNCTION_INTERFACE] ? canon_name(f[FUNCTION_INTERFACE]) : "";
    return JS_ThrowTypeError(ctx, "the program exports no function `%s%s%s`", interface, *interface ? "." : "",
                             canon_name(f[FUNCTION_NAME]));
}

/* `{ tag: "err" }` with what was thrown, if it can be an error of the type. */
static JSValue as_error(uint32_t result, JSValue error)
{
    uint32_t type = canon_table[result + 10]; /* the second case's */
    JSValue payload = JS_IsObject(error) ? JS_GetPropertyStr(ctx, error, "payload") : JS_UNDEFINED;
    if (JS_IsUndefined(payload) && JS_IsError(error)) {
        if (!type || canon_kind_of(type) != CANON_STRING)
            fail(error);
        payload = JS_GetPropertyStr(ctx, error, "message");
    } else if (JS_IsUndefined(payload)) {
        payload = JS_DupValue(ctx, error);
    }
    JS_FreeValue(ctx, error);
    JSValue v = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, v, "tag", JS_NewString(ctx, "err"));
    JS_SetPropertyStr(ctx, v, "val", payload);
    return v;
}

static JSValue as_ok(JSValue val)
{
    JSValue v = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, v, "tag", JS_NewString(ctx, "ok"));
    JS_SetPropertyStr(ctx, v, "val", val);
    return v;
}

/* The values of `list` as arguments. */
static JSValue apply(JSValueConst f, JSValueConst self, JSValueConst list, uint32_t count)
{
    JSValue args[count + 1];
    for (uint32_t i = 0; i < count; i++)
        args[i] = JS_GetPropertyUint32(ctx, list, i);
    JSValue v = JS_Call(ctx, f, self, (int)count, args);
    for (uint32_t i = 0; i < count; i++)
        JS_FreeValue(ctx, args[i]);
    return runtime_settle(ctx, v);
}

__attribute__((export_name("wb_export"))) void wb_export(uint32_t index)
{
    if (!ctx)
        start();
    JS_UpdateStackTop(JS_GetRuntime(ctx));
    const uint32_t *f = canon_table + canon_table[TABLE_LISTS + index];
    uint32_t parameters = f[FUNCTION_PARAMETERS], result = f[FUNCTION_RESULT];
    canon_place from = { .flat = wb_area };
    if (f[FUNCTION_INDIRECT])
        from = (canon_place){ .memory = (uint8_t *)(uintptr_t)wb_area[0] };
    JSValue list = canon_lift(ctx, parameters, &from), self = JS_UNDEFINED;
    canon_release(&received);
    if (JS_IsException(list))
        fail(JS_GetException(ctx));
    JSValue function = find_function(f, &self);
    if (JS_IsException(function))
        fail(JS_GetException(ctx));
    JSValue v = apply(function, self, list, canon_table[parameters + 4]);
    bool fallible = result && canon_kind_of(result) == CANON_RESULT;
    if (JS_IsException(v)) {
        JSValue error = JS_GetException(ctx);
        if (!fallible)
            fail(error);
        v = as_error(result, error);
    } else if (fallible) {
        v = as_ok(v);
    }
    if (result) {
        memset(wb_area, 0, sizeof wb_area);
        canon_place to = { .flat = wb_area };
        if (f[FUNCTION_RETPTR]) {
            to = (canon_place){ .memory = canon_alloc(ctx, &returned, canon_align(result), canon_size(result)) };
            if (!to.memory)
                fail(JS_GetException(ctx));
        }
        if (canon_lower(ctx, result, v, &to, &returned) < 0)
            fail(JS_GetException(ctx));
        if (f[FUNCTION_RETPTR])
            wb_area[0] = (uintptr_t)to.memory;
    }
    JS_FreeValue(ctx, v);
    JS_FreeValue(ctx, function);
    JS_FreeValue(ctx, self);
    JS_FreeValue(ctx, list);
}

__attribute__((export_name("wb_post_return"))) void wb_post_return(void)
{
    canon_release(&returned);
}
