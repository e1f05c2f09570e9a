#include "native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "runtime.h"
#include "utf8.h"

extern char **environ;

enum { EXIT_BROKEN_PIPE = 128 + 13 }; /* what shells report for SIGPIPE */

static int arg_count;
static char **arg_values;

uint8_t *native_bytes(JSContext *ctx, JSValueConst v, size_t *len)
{
    size_t offset, whole;
    if (JS_IsArrayBuffer(v))
        return JS_GetArrayBuffer(ctx, len, v);
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, v, &offset, len, NULL);
    if (JS_IsException(buffer))
        return NULL;
    uint8_t *p = JS_GetArrayBuffer(ctx, &whole, buffer);
    JS_FreeValue(ctx, buffer);
    if (!p && *len == 0)
        return (uint8_t *)"";
    return p ? p + offset : NULL;
}

/* An Error with a `code` such as "ENOENT", as Node.js words them. */
static JSValue throw_errno(JSContext *ctx, const char *call, const char *path)
{
    static const struct { int number; const char *name; } names[] = {
        { EACCES, "EACCES" }, { EBADF, "EBADF" },   { EEXIST, "EEXIST" },   { EINVAL, "EINVAL" },
        { EIO, "EIO" },       { EISDIR, "EISDIR" }, { ENOENT, "ENOENT" },   { ENOSPC, "ENOSPC" },
        { ENOSYS, "ENOSYS" }, { ENOTDIR, "ENOTDIR" }, { ENOTEMPTY, "ENOTEMPTY" }, { EPERM, "EPERM" },
        { EPIPE, "EPIPE" },   { EROFS, "EROFS" },   { ENOTCAPABLE, "EACCES" }, { EFBIG, "EFBIG" },
    };
    int number = errno;
    const char *name = "EIO";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            name = names[i].name;
    JSValue error = path ? JS_NewPlainError(ctx, "%s: %s, %s '%s'", name, strerror(number), call, path)
                         : JS_NewPlainError(ctx, "%s: %s, %s", name, strerror(number), call);
    JS_SetPropertyStr(ctx, error, "code", JS_NewString(ctx, name));
    JS_SetPropertyStr(ctx, error, "syscall", JS_NewString(ctx, call));
    if (path)
        JS_SetPropertyStr(ctx, error, "path", JS_NewString(ctx, path));
    return JS_Throw(ctx, error);
}

/* ---- streams ------------------------------------------------------------ */

/* read(fd, bytes) -> number of bytes, 0 at the end */
static JSValue native_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int fd;
    size_t len;
    if (JS_ToInt32(ctx, &fd, argv[0]))
        return JS_EXCEPTION;
    uint8_t *p = native_bytes(ctx, argv[1], &len);
    if (!p)
        return JS_EXCEPTION;
    ssize_t n = read(fd, p, len);
    return n < 0 ? throw_errno(ctx, "read", NULL) : JS_NewInt64(ctx, n);
}

/* readAll(fd) -> Uint8Array */
static JSValue native_read_all(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int fd;
    size_t len = 0, room = 64 * 1024;
    if (JS_ToInt32(ctx, &fd, argv[0]))
        return JS_EXCEPTION;
    uint8_t *bytes = js_malloc(ctx, room);
    while (bytes) {
        ssize_t n = read(fd, bytes + len, room - len);
        if (n < 0) {
            js_free(ctx, bytes);
            return throw_errno(ctx, "read", NULL);
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len == room) {
            uint8_t *larger = js_realloc(ctx, bytes, room *= 2);
            if (!larger)
                js_free(ctx, bytes);
            bytes = larger;
        }
    }
    if (!bytes)
        return JS_EXCEPTION;
    JSValue result = JS_NewUint8ArrayCopy(ctx, bytes, len);
    js_free(ctx, bytes);
    return result;
}

static bool write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* write(fd, bytes or text) -> number of bytes written; ends the program when
 * nobody reads the other end */
static JSValue native_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int fd;
    size_t len;
    bool ok;
    if (JS_ToInt32(ctx, &fd, argv[0]))
        return JS_EXCEPTION;
    if (JS_IsString(argv[1])) {
        const char *text = JS_ToCStringLen(ctx, &len, argv[1]);
        if (!text)
            return JS_EXCEPTION;
        utf8_mend_surrogates((uint8_t *)text, len);
        ok = write_all(fd, (const uint8_t *)text, len);
        JS_FreeCString(ctx, text);
    } else {
        const uint8_t *p = native_bytes(ctx, argv[1], &len);
        if (!p)
            return JS_EXCEPTION;
        ok = write_all(fd, p, len);
    }
    /* Nobody reads any more. WASI has no SIGPIPE, and no other way than its
     * status to end a program that would write for ever. */
    if (!ok && errno == EPIPE)
        _Exit(EXIT_BROKEN_PIPE);
    return ok ? JS_NewInt64(ctx, (int64_t)len) : throw_errno(ctx, "write", NULL);
}

/* ---- text --------------------------------------------------------------- */

/* encode(text) -> Uint8Array */
static JSValue native_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    JSValue bytes = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, len);
    JS_FreeCString(ctx, text);
    uint8_t *p = JS_IsException(bytes) ? NULL : native_bytes(ctx, bytes, &len);
    if (p)
        utf8_mend_surrogates(p, len);
    return bytes;
}

/* decode(bytes, fatal) -> text; an unfinished character at the end is invalid */
static JSValue native_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t len;
    const uint8_t *p = native_bytes(ctx, argv[0], &len);
    if (!p)
        return JS_EXCEPTION;
    utf8_text t = utf8_decode(p, len, NULL);
    if (t.valid && t.pending == 0)
        return JS_NewStringLen(ctx, (const char *)p, len);
    if (JS_ToBool(ctx, argv[1]))
        return JS_ThrowTypeError(ctx, "the encoded data was not valid utf-8");
    uint16_t *units = js_malloc(ctx, (len + 1) * sizeof *units);
    if (!units)
        return JS_EXCEPTION;
    utf8_decode(p, len, units);
    if (t.pending)
        units[t.units++] = 0xFFFD;
    JSValue text = JS_NewStringUTF16(ctx, units, t.units);
    js_free(ctx, units);
    return text;
}

/* pending(bytes) -> how many bytes at the end begin an unfinished character */
static JSValue native_pending(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t len;
    const uint8_t *p = native_bytes(ctx, argv[0], &len);
    if (!p)
        return JS_EXCEPTION;
    /* A character starts at most three bytes before the end. */
    for (size_t n = len < 3 ? len : 3; n > 0; n--) {
        uint8_t b = p[len - n];
        if (b >= 0xC2 && utf8_decode(p + len - n, n, NULL).pending == n)
            return JS_NewInt64(ctx, (int64_t)n);
    }
    return JS_NewInt32(ctx, 0);
}

/* ---- process, clock, chance --------------------------------------------- */

static JSValue native_exit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int code = 0;
    if (JS_ToInt32(ctx, &code, argv[0]))
        return JS_EXCEPTION;
    _Exit(code & 0xFF);
}

static JSValue native_args(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    JSValue list = JS_NewArray(ctx);
    for (int i = 0; i < arg_count; i++)
        JS_SetPropertyUint32(ctx, list, (uint32_t)i, JS_NewString(ctx, arg_values[i]));
    return list;
}

static JSValue native_env(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    JSValue env = JS_NewObject(ctx);
    for (char **e = environ; e && *e; e++) {
        char *equals = strchr(*e, '=');
        if (!equals)
            continue;
        JSAtom key = JS_NewAtomLen(ctx, *e, (size_t)(equals - *e));
        JS_DefinePropertyValue(ctx, env, key, JS_NewString(ctx, equals + 1), JS_PROP_C_W_E);
        JS_FreeAtom(ctx, key);
    }
    return env;
}

/* now() -> milliseconds of the monotonic clock, with fractions */
static JSValue native_now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct timespec t = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &t);
    return JS_NewFloat64(ctx, (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6);
}

static JSValue native_sleep(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    double ms;
    if (JS_ToFloat64(ctx, &ms, argv[0]))
        return JS_EXCEPTION;
    if (ms > 0) {
        struct timespec t = { (time_t)(ms / 1e3) };
        t.tv_nsec = (long)((ms - (double)t.tv_sec * 1e3) * 1e6);
        nanosleep(&t, NULL);
    }
    return JS_UNDEFINED;
}

/* random(bytes): fills them */
static JSValue native_random(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t len;
    uint8_t *p = native_bytes(ctx, argv[0], &len);
    if (!p)
        return JS_EXCEPTION;
    for (size_t at = 0; at < len; at += 256) /* getentropy's largest request */
        if (getentropy(p + at, len - at < 256 ? len - at : 256) != 0)
            return throw_errno(ctx, "getentropy", NULL);
    return JS_UNDEFINED;
}

/* ---- files -------------------------------------------------------------- */

/* open(path, mode) -> fd; mode is "r", "w" or "a" */
static JSValue native_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *path = JS_ToCString(ctx, argv[0]), *mode = JS_ToCString(ctx, argv[1]);
    JSValue result = JS_EXCEPTION;
    if (path && mode) {
        int flags = *mode == 'w' ? O_WRONLY | O_CREAT | O_TRUNC
                  : *mode == 'a' ? O_WRONLY | O_CREAT | O_APPEND
                                 : O_RDONLY;
        int fd = open(path, flags, 0666);
        struct stat st;
        if (fd >= 0 && *mode == 'r' && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
            close(fd);
            fd = -1;
            errno = EISDIR;
        }
        result = fd < 0 ? throw_errno(ctx, "open", path) : JS_NewInt32(ctx, fd);
    }
    JS_FreeCString(ctx, path);
    JS_FreeCString(ctx, mode);
    return result;
}

static JSValue native_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int fd;
    if (JS_ToInt32(ctx, &fd, argv[0]))
        return JS_EXCEPTION;
    close(fd);
    return JS_UNDEFINED;
}

/* stat(path) -> [kind, size, modified in ms], kind "file", "directory" or "other" */
static JSValue native_stat(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    struct stat st;
    const char *path = JS_ToCString(ctx, argv[0]);
    if (!path)
        return JS_EXCEPTION;
    JSValue result;
    if (stat(path, &st) != 0) {
        result = throw_errno(ctx, "stat", path);
    } else {
        const char *kind = S_ISREG(st.st_mode) ? "file" : S_ISDIR(st.st_mode) ? "directory" : "other";
        double modified = (double)st.st_mtim.tv_sec * 1e3 + (double)st.st_mtim.tv_nsec / 1e6;
        result = JS_NewArray(ctx);
        JS_SetPropertyUint32(ctx, result, 0, JS_NewString(ctx, kind));
        JS_SetPropertyUint32(ctx, result, 1, JS_NewInt64(ctx, st.st_size));
        JS_SetPropertyUint32(ctx, result, 2, JS_NewFloat64(ctx, modified));
    }
    JS_FreeCString(ctx, path);
    return result;
}

/* list(path) -> names in the directory */
static JSValue native_list(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *path = JS_ToCString(ctx, argv[0]);
    if (!path)
        return JS_EXCEPTION;
    JSValue result;
    DIR *dir = opendir(path);
    if (!dir) {
        result = throw_errno(ctx, "scandir", path);
    } else {
        uint32_t n = 0;
        result = JS_NewArray(ctx);
        for (struct dirent *e; (e = readdir(dir));)
            if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                JS_SetPropertyUint32(ctx, result, n++, JS_NewString(ctx, e->d_name));
        closedir(dir);
    }
    JS_FreeCString(ctx, path);
    return result;
}

static JSValue native_mkdir(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *path = JS_ToCString(ctx, argv[0]);
    if (!path)
        return JS_EXCEPTION;
    JSValue result = mkdir(path, 0777) == 0 ? JS_UNDEFINED : throw_errno(ctx, "mkdir", path);
    JS_FreeCString(ctx, path);
    return result;
}

static JSValue native_unlink(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *path = JS_ToCString(ctx, argv[0]);
    if (!path)
        return JS_EXCEPTION;
    JSValue result = unlink(path) == 0 ? JS_UNDEFINED : throw_errno(ctx, "unlink", path);
    JS_FreeCString(ctx, path);
    return result;
}

/* ---- engine ------------------------------------------------------------- */

/* load(name) -> namespace of a module of the prelude, evaluated now */
static JSValue native_load(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    if (!name)
        return JS_EXCEPTION;
    JSValue result = runtime_load_prelude(ctx, name);
    JS_FreeCString(ctx, name);
    return result;
}

/* sourceMap(module name) -> JSON text or undefined */
static JSValue native_source_map(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    if (!name)
        return JS_EXCEPTION;
    pack_bytes map = runtime_source_map(name);
    JS_FreeCString(ctx, name);
    return map.len ? JS_NewStringLen(ctx, (const char *)map.data, map.len) : JS_UNDEFINED;
}

/* promise(p) -> [state, result], state "pending", "fulfilled" or "rejected" */
static JSValue native_promise(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    static const char *const states[] = { "pending", "fulfilled", "rejected" };
    JSPromiseStateEnum state = JS_PromiseState(ctx, argv[0]);
    if ((int)state < 0)
        return JS_UNDEFINED;
    JSValue result = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, result, 0, JS_NewString(ctx, states[state]));
    JS_SetPropertyUint32(ctx, result, 1, JS_PromiseResult(ctx, argv[0]));
    return result;
}

/* isCompiled(v) -> whether v is a function compiled from source */
static JSValue native_is_compiled(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    return JS_NewBool(ctx, engine_is_compiled(argv[0]));
}

/* proxyTarget(v) -> the target of a proxy, else undefined */
static JSValue native_proxy_target(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    return JS_IsProxy(argv[0]) ? JS_GetProxyTarget(ctx, argv[0]) : JS_UNDEFINED;
}

static const JSCFunctionListEntry exports[] = {
    JS_CFUNC_DEF("read", 2, native_read),
    JS_CFUNC_DEF("readAll", 1, native_read_all),
    JS_CFUNC_DEF("write", 2, native_write),
    JS_CFUNC_DEF("encode", 1, native_encode),
    JS_CFUNC_DEF("decode", 2, native_decode),
    JS_CFUNC_DEF("pending", 1, native_pending),
    JS_CFUNC_DEF("exit", 1, native_exit),
    JS_CFUNC_DEF("args", 0, native_args),
    JS_CFUNC_DEF("env", 0, native_env),
    JS_CFUNC_DEF("now", 0, native_now),
    JS_CFUNC_DEF("sleep", 1, native_sleep),
    JS_CFUNC_DEF("random", 1, native_random),
    JS_CFUNC_DEF("open", 2, native_open),
    JS_CFUNC_DEF("close", 1, native_close),
    JS_CFUNC_DEF("stat", 1, native_stat),
    JS_CFUNC_DEF("list", 1, native_list),
    JS_CFUNC_DEF("mkdir", 1, native_mkdir),
    JS_CFUNC_DEF("unlink", 1, native_unlink),
    JS_CFUNC_DEF("load", 1, native_load),
    JS_CFUNC_DEF("sourceMap", 1, native_source_map),
    JS_CFUNC_DEF("promise", 1, native_promise),
    JS_CFUNC_DEF("isCompiled", 1, native_is_compiled),
    JS_CFUNC_DEF("proxyTarget", 1, native_proxy_target),
};

static int init(JSContext *ctx, JSModuleDef *m)
{
    if (JS_SetModuleExportList(ctx, m, exports, sizeof exports / sizeof *exports) < 0)
        return -1;
    return dock_set_exports(ctx, m);
}

JSModuleDef *native_module(JSContext *ctx, int argc, char **argv)
{
    arg_count = argc;
    arg_values = argv;
    JSModuleDef *m = JS_NewCModule(ctx, "wb:native", init);
    if (m && (JS_AddModuleExportList(ctx, m, exports, sizeof exports / sizeof *exports) < 0
              || dock_add_exports(ctx, m) < 0))
        return NULL;
    return m;
}
