/* The Dock's calls for the prelude module `wb`. A program that imports none of
 * them loses the imports below when its command is put together. */
#include "native.h"
#include "../include/wb.h"

static JSValue take_text(JSContext *ctx, int32_t stream)
{
    wb_bytes b;
    if (wb_reply(stream, &b) < 0)
        return JS_ThrowOutOfMemory(ctx);
    JSValue v = JS_NewStringLen(ctx, (const char *)b.data, b.len);
    wb_bytes_free(&b);
    return v;
}

static JSValue take_bytes(JSContext *ctx, int32_t stream)
{
    wb_bytes b;
    if (wb_reply(stream, &b) < 0)
        return JS_ThrowOutOfMemory(ctx);
    JSValue v = JS_NewUint8ArrayCopy(ctx, b.data, b.len);
    wb_bytes_free(&b);
    return v;
}

/* [status, message] */
static JSValue failure(JSContext *ctx, int32_t status)
{
    JSValue list = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, list, 0, JS_NewInt32(ctx, status));
    JS_SetPropertyUint32(ctx, list, 1, take_text(ctx, WB_MESSAGE));
    return list;
}

/* session() -> JSON text, or [status, message] */
static JSValue dock_session(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int32_t status = wb_session_info();
    return status < 0 ? failure(ctx, status) : take_text(ctx, WB_VALUE);
}

/* run(name, arguments as NUL-ended text, stdin bytes)
 *   -> [exit code, stdout, stderr], or [status, message] */
static JSValue dock_run(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t name_len, args_len, input_len;
    JSValue list = JS_EXCEPTION;
    const char *name = JS_ToCStringLen(ctx, &name_len, argv[0]);
    const char *args = JS_ToCStringLen(ctx, &args_len, argv[1]);
    const uint8_t *input = native_bytes(ctx, argv[2], &input_len);
    if (name && args && input) {
        int32_t status =
            wb_commands_run(name, (uint32_t)name_len, args, (uint32_t)args_len, input, (uint32_t)input_len);
        if (status < 0) {
            list = failure(ctx, status);
        } else {
            list = JS_NewArray(ctx);
            JS_SetPropertyUint32(ctx, list, 0, JS_NewInt32(ctx, status));
            JS_SetPropertyUint32(ctx, list, 1, take_bytes(ctx, WB_VALUE));
            JS_SetPropertyUint32(ctx, list, 2, take_bytes(ctx, WB_STDERR));
        }
    }
    JS_FreeCString(ctx, name);
    JS_FreeCString(ctx, args);
    return list;
}

/* runMany(name, packed inputs) -> packed results, or [status, message] */
static JSValue dock_run_many(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t name_len, len;
    JSValue result = JS_EXCEPTION;
    const char *name = JS_ToCStringLen(ctx, &name_len, argv[0]);
    const uint8_t *inputs = native_bytes(ctx, argv[1], &len);
    if (name && inputs) {
        int32_t status = wb_parallel_run_many(name, (uint32_t)name_len, inputs, (uint32_t)len);
        result = status < 0 ? failure(ctx, status) : take_bytes(ctx, WB_VALUE);
    }
    JS_FreeCString(ctx, name);
    return result;
}

static const JSCFunctionListEntry exports[] = {
    JS_CFUNC_DEF("dockSession", 0, dock_session),
    JS_CFUNC_DEF("dockRun", 3, dock_run),
    JS_CFUNC_DEF("dockRunMany", 2, dock_run_many),
};

int dock_add_exports(JSContext *ctx, JSModuleDef *m)
{
    return JS_AddModuleExportList(ctx, m, exports, sizeof exports / sizeof *exports);
}

int dock_set_exports(JSContext *ctx, JSModuleDef *m)
{
    return JS_SetModuleExportList(ctx, m, exports, sizeof exports / sizeof *exports);
}
