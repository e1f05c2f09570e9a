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

/* ---- the calls that all look alike ---------------------------------------- */

/* A text or bytes, as a pointer and a length. */
typedef struct { const void *data; const char *text; size_t len; } dock_input;

static int take_input(JSContext *ctx, JSValueConst v, dock_input *in)
{
    in->text = NULL;
    if (JS_IsString(v))
        in->data = in->text = JS_ToCStringLen(ctx, &in->len, v);
    else
        in->data = native_bytes(ctx, v, &in->len);
    return in->data != NULL;
}

static void free_input(JSContext *ctx, dock_input *in)
{
    if (in->text)
        JS_FreeCString(ctx, in->text);
}

/* [status, a stream's bytes ...], or [status, message] */
static JSValue reply(JSContext *ctx, int32_t status, int streams)
{
    if (status < 0)
        return failure(ctx, status);
    JSValue list = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, list, 0, JS_NewInt32(ctx, status));
    for (int i = 1; i <= streams; i++)
        JS_SetPropertyUint32(ctx, list, (uint32_t)i, take_bytes(ctx, i));
    return list;
}

/* An import is called by its name, never through a pointer: what a program does
 * not import is taken out of the runtime by that name. */
#define DOCK_1(name, call, streams)                                                                  \
    static JSValue name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)             \
    {                                                                                                \
        dock_input a;                                                                                \
        if (!take_input(ctx, argv[0], &a))                                                           \
            return JS_EXCEPTION;                                                                     \
        JSValue result = reply(ctx, call(a.data, (uint32_t)a.len), streams);                         \
        free_input(ctx, &a);                                                                         \
        return result;                                                                               \
    }

#define DOCK_2(name, call, streams)                                                                  \
    static JSValue name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)             \
    {                                                                                                \
        dock_input a, b;                                                                             \
        if (!take_input(ctx, argv[0], &a))                                                           \
            return JS_EXCEPTION;                                                                     \
        JSValue result = JS_EXCEPTION;                                                               \
        if (take_input(ctx, argv[1], &b)) {                                                          \
            result = reply(ctx, call(a.data, (uint32_t)a.len, b.data, (uint32_t)b.len), streams);    \
            free_input(ctx, &b);                                                                     \
        }                                                                                            \
        free_input(ctx, &a);                                                                         \
        return result;                                                                               \
    }

/* connect(host, port) */
#define DOCK_CONNECT(name, call)                                                                     \
    static JSValue name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)             \
    {                                                                                                \
        dock_input host;                                                                             \
        uint32_t port;                                                                               \
        if (JS_ToUint32(ctx, &port, argv[1]) || !take_input(ctx, argv[0], &host))                    \
            return JS_EXCEPTION;                                                                     \
        JSValue result = reply(ctx, call(host.data, (uint32_t)host.len, port), 0);                   \
        free_input(ctx, &host);                                                                      \
        return result;                                                                               \
    }

/* send(handle, data) */
#define DOCK_SEND(name, call)                                                                        \
    static JSValue name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)             \
    {                                                                                                \
        dock_input data;                                                                             \
        int32_t handle;                                                                              \
        if (JS_ToInt32(ctx, &handle, argv[0]) || !take_input(ctx, argv[1], &data))                   \
            return JS_EXCEPTION;                                                                     \
        JSValue result = reply(ctx, call(handle, data.data, (uint32_t)data.len), 0);                 \
        free_input(ctx, &data);                                                                      \
        return result;                                                                               \
    }

/* receive(handle, most) */
#define DOCK_RECEIVE(name, call)                                                                     \
    static JSValue name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)             \
    {                                                                                                \
        int32_t handle;                                                                              \
        uint32_t most;                                                                               \
        if (JS_ToInt32(ctx, &handle, argv[0]) || JS_ToUint32(ctx, &most, argv[1]))                   \
            return JS_EXCEPTION;                                                                     \
        return reply(ctx, call(handle, most), 1);                                                    \
    }

/* next(handle), close(handle) */
#define DOCK_HANDLE(name, call, streams)                                                             \
    static JSValue name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)             \
    {                                                                                                \
        int32_t handle;                                                                              \
        if (JS_ToInt32(ctx, &handle, argv[0]))                                                       \
            return JS_EXCEPTION;                                                                     \
        return reply(ctx, call(handle), streams);                                                    \
    }

DOCK_1(dock_vfs_read, wb_import_vfs_read, 1)
DOCK_2(dock_vfs_write, wb_import_vfs_write, 0)
DOCK_1(dock_vfs_remove, wb_import_vfs_remove, 0)
DOCK_1(dock_vfs_list, wb_import_vfs_list, 1)
DOCK_1(dock_kv_get, wb_import_kv_get, 1)
DOCK_2(dock_kv_put, wb_import_kv_put, 0)
DOCK_1(dock_kv_delete, wb_import_kv_delete, 0)
DOCK_1(dock_kv_list, wb_import_kv_list, 1)
DOCK_2(dock_queue_publish, wb_import_queue_publish, 0)
DOCK_1(dock_queue_poll, wb_import_queue_poll, 1)
DOCK_1(dock_secrets_present, wb_import_secrets_present, 0)
DOCK_2(dock_secrets_sign, wb_import_secrets_sign, 1)
DOCK_2(dock_secrets_hmac, wb_import_secrets_hmac, 1)
DOCK_2(dock_net_request, wb_import_net_request, 2)
DOCK_1(dock_browse_fetch, wb_import_browse_fetch, 1)
DOCK_1(dock_llm_complete, wb_import_llm_complete, 1)
DOCK_1(dock_llm_open, wb_import_llm_open, 0)
DOCK_HANDLE(dock_llm_next, wb_import_llm_next, 1)
DOCK_HANDLE(dock_llm_close, wb_llm_close, 0)
DOCK_CONNECT(dock_tcp_connect, wb_import_tcp_connect)
DOCK_SEND(dock_tcp_send, wb_tcp_send)
DOCK_RECEIVE(dock_tcp_receive, wb_import_tcp_receive)
DOCK_HANDLE(dock_tcp_close, wb_tcp_close, 0)
DOCK_CONNECT(dock_tls_connect, wb_import_tls_connect)
DOCK_SEND(dock_tls_send, wb_tls_send)
DOCK_RECEIVE(dock_tls_receive, wb_import_tls_receive)
DOCK_HANDLE(dock_tls_close, wb_tls_close, 0)
DOCK_CONNECT(dock_udp_connect, wb_import_udp_connect)
DOCK_SEND(dock_udp_send, wb_udp_send)
DOCK_HANDLE(dock_udp_receive, wb_import_udp_receive, 1)
DOCK_HANDLE(dock_udp_close, wb_udp_close, 0)

/* vfsQuery(volume, sql, parameters as JSON) */
static JSValue dock_vfs_query(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    dock_input in[3];
    int taken = 0;
    JSValue result = JS_EXCEPTION;
    while (taken < 3 && take_input(ctx, argv[taken], &in[taken]))
        taken++;
    if (taken == 3)
        result = reply(ctx,
                       wb_import_vfs_query(in[0].data, (uint32_t)in[0].len, in[1].data, (uint32_t)in[1].len,
                                           in[2].data, (uint32_t)in[2].len),
                       1);
    while (taken > 0)
        free_input(ctx, &in[--taken]);
    return result;
}

/* exec(name, arguments and environment as NUL-ended texts, stdin) */
static JSValue dock_exec(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    dock_input in[4];
    int taken = 0;
    JSValue result = JS_EXCEPTION;
    while (taken < 4 && take_input(ctx, argv[taken], &in[taken]))
        taken++;
    if (taken == 4)
        result = reply(ctx,
                       wb_import_exec_run(in[0].data, (uint32_t)in[0].len, in[1].data, (uint32_t)in[1].len,
                                          in[2].data, (uint32_t)in[2].len, in[3].data, (uint32_t)in[3].len),
                       2);
    while (taken > 0)
        free_input(ctx, &in[--taken]);
    return result;
}

static const JSCFunctionListEntry exports[] = {
    JS_CFUNC_DEF("dockSession", 0, dock_session),
    JS_CFUNC_DEF("dockRun", 3, dock_run),
    JS_CFUNC_DEF("dockRunMany", 2, dock_run_many),
    JS_CFUNC_DEF("dockExec", 4, dock_exec),
    JS_CFUNC_DEF("dockVfsQuery", 3, dock_vfs_query),
    JS_CFUNC_DEF("dockVfsRead", 1, dock_vfs_read),
    JS_CFUNC_DEF("dockVfsWrite", 2, dock_vfs_write),
    JS_CFUNC_DEF("dockVfsRemove", 1, dock_vfs_remove),
    JS_CFUNC_DEF("dockVfsList", 1, dock_vfs_list),
    JS_CFUNC_DEF("dockKvGet", 1, dock_kv_get),
    JS_CFUNC_DEF("dockKvPut", 2, dock_kv_put),
    JS_CFUNC_DEF("dockKvDelete", 1, dock_kv_delete),
    JS_CFUNC_DEF("dockKvList", 1, dock_kv_list),
    JS_CFUNC_DEF("dockPublish", 2, dock_queue_publish),
    JS_CFUNC_DEF("dockPoll", 1, dock_queue_poll),
    JS_CFUNC_DEF("dockSecretPresent", 1, dock_secrets_present),
    JS_CFUNC_DEF("dockSecretSign", 2, dock_secrets_sign),
    JS_CFUNC_DEF("dockSecretHmac", 2, dock_secrets_hmac),
    JS_CFUNC_DEF("dockRequest", 2, dock_net_request),
    JS_CFUNC_DEF("dockBrowse", 1, dock_browse_fetch),
    JS_CFUNC_DEF("dockComplete", 1, dock_llm_complete),
    JS_CFUNC_DEF("dockLlmOpen", 1, dock_llm_open),
    JS_CFUNC_DEF("dockLlmNext", 1, dock_llm_next),
    JS_CFUNC_DEF("dockLlmClose", 1, dock_llm_close),
    JS_CFUNC_DEF("dockTcpConnect", 2, dock_tcp_connect),
    JS_CFUNC_DEF("dockTcpSend", 2, dock_tcp_send),
    JS_CFUNC_DEF("dockTcpReceive", 2, dock_tcp_receive),
    JS_CFUNC_DEF("dockTcpClose", 1, dock_tcp_close),
    JS_CFUNC_DEF("dockTlsConnect", 2, dock_tls_connect),
    JS_CFUNC_DEF("dockTlsSend", 2, dock_tls_send),
    JS_CFUNC_DEF("dockTlsReceive", 2, dock_tls_receive),
    JS_CFUNC_DEF("dockTlsClose", 1, dock_tls_close),
    JS_CFUNC_DEF("dockUdpConnect", 2, dock_udp_connect),
    JS_CFUNC_DEF("dockUdpSend", 2, dock_udp_send),
    JS_CFUNC_DEF("dockUdpReceive", 1, dock_udp_receive),
    JS_CFUNC_DEF("dockUdpClose", 1, dock_udp_close),
};

int dock_add_exports(JSContext *ctx, JSModuleDef *m)
{
    return JS_AddModuleExportList(ctx, m, exports, sizeof exports / sizeof *exports);
}

int dock_set_exports(JSContext *ctx, JSModuleDef *m)
{
    return JS_SetModuleExportList(ctx, m, exports, sizeof exports / sizeof *exports);
}
