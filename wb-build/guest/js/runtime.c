#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "native.h"

/* prelude.pack is what `jsc --prelude` makes of prelude/. */
static const uint8_t prelude_bytes[] = {
#embed <prelude.pack>
};

enum {
    EXIT_ERROR = 1,
    EXIT_NO_PROGRAM = 2,
    EXIT_UNSETTLED = 13, /* top-level await that nothing can end, as in Node.js */
};

static pack prelude, program;
static JSValue core;     /* namespace of prelude/core.js */
static JSValue main_end; /* promise of the main module's evaluation */

runtime_module_maker *runtime_world_module;

/* ---- rejections nobody handles ------------------------------------------ */

typedef struct { JSValue promise, reason; } rejection;
static rejection *rejections;
static size_t rejection_count, rejection_room;

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool handled, void *opaque)
{
    if (!handled) {
        if (rejection_count == rejection_room) {
            size_t room = rejection_room ? rejection_room * 2 : 8;
            rejection *larger = realloc(rejections, room * sizeof *larger);
            if (!larger)
                return;
            rejections = larger;
            rejection_room = room;
        }
        rejections[rejection_count++] = (rejection){ JS_DupValue(ctx, promise), JS_DupValue(ctx, reason) };
        return;
    }
    for (size_t i = 0; i < rejection_count; i++) {
        if (JS_VALUE_GET_PTR(rejections[i].promise) == JS_VALUE_GET_PTR(promise)) {
            JS_FreeValue(ctx, rejections[i].promise);
            JS_FreeValue(ctx, rejections[i].reason);
            rejections[i] = rejections[--rejection_count];
            return;
        }
    }
}

/* ---- reports ------------------------------------------------------------ */

/* For errors that the prelude cannot print, such as running out of memory. */
static void report_plainly(JSContext *ctx, JSValueConst error)
{
    const char *text = JS_ToCString(ctx, error);
    fprintf(stderr, "Uncaught %s\n", text ? text : "exception");
    JS_FreeCString(ctx, text);
}

static int report(JSContext *ctx, JSValue error, bool in_promise)
{
    JSValue f = JS_GetPropertyStr(ctx, core, "reportUncaught");
    JSValueConst args[] = { error, JS_NewBool(ctx, in_promise) };
    JSValue done = JS_Call(ctx, f, JS_UNDEFINED, 2, args);
    if (JS_IsException(done)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        report_plainly(ctx, error);
    }
    JS_FreeValue(ctx, done);
    JS_FreeValue(ctx, f);
    JS_FreeValue(ctx, error);
    return EXIT_ERROR;
}

static int report_pending(JSContext *ctx)
{
    return report(ctx, JS_GetException(ctx), false);
}

/* ---- modules ------------------------------------------------------------ */

#define PRELUDE_PREFIX "wb:"
#define WORLD_PREFIX PRELUDE_PREFIX "wit/"

/* `node:fs` lives in the prelude as `wb:node/fs.js`. */
static char *runtime_module_name(JSContext *ctx, const char *specifier)
{
    size_t len = strlen(specifier);
    char *name = js_malloc(ctx, len + sizeof PRELUDE_PREFIX ".js");
    if (!name)
        return NULL;
    sprintf(name, PRELUDE_PREFIX "%s.js", specifier);
    for (char *p = name + strlen(PRELUDE_PREFIX); *p; p++)
        if (*p == ':')
            *p = '/';
    return name;
}

static char *normalize(JSContext *ctx, const char *base, const char *specifier, void *opaque)
{
    if (strncmp(base, PRELUDE_PREFIX, strlen(PRELUDE_PREFIX)) == 0) {
        const pack_module *m = pack_find(&prelude, base);
        const pack_link *link = m ? pack_find_link(m, specifier) : NULL;
        return js_strdup(ctx, link && link->target < prelude.count ? prelude.modules[link->target].name : specifier);
    }
    const pack_module *m = pack_find(&program, base);
    const pack_link *link = m ? pack_find_link(m, specifier) : NULL;
    if (link && link->target == PACK_RUNTIME)
        return runtime_module_name(ctx, specifier);
    if (link && link->target < program.count)
        return js_strdup(ctx, program.modules[link->target].name);
    /* Only import() of a computed name comes here: everything else was linked
     * when the program was compiled. */
    JS_ThrowReferenceError(ctx, "cannot import `%s`: it was not part of the program when it was built", specifier);
    return NULL;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque)
{
    const pack_module *m = pack_find(&program, name);
    if (!m)
        m = pack_find(&prelude, name);
    if (!m && runtime_world_module && strncmp(name, WORLD_PREFIX, strlen(WORLD_PREFIX)) == 0)
        return runtime_world_module(ctx, name);
    if (!m) {
        JS_ThrowReferenceError(ctx, "no module `%s` in the program", name);
        return NULL;
    }
    JSValue v = JS_ReadObject(ctx, m->code.data, m->code.len, JS_READ_OBJ_BYTECODE);
    if (JS_IsException(v))
        return NULL;
    JSModuleDef *def = JS_VALUE_GET_PTR(v);
    JSValue meta = JS_GetImportMeta(ctx, def);
    JS_DefinePropertyValueStr(ctx, meta, "url", JS_NewString(ctx, name), JS_PROP_C_W_E);
    JS_DefinePropertyValueStr(ctx, meta, "main", JS_NewBool(ctx, m == program.modules), JS_PROP_C_W_E);
    JS_FreeValue(ctx, meta);
    JS_FreeValue(ctx, v); /* the context keeps its modules alive */
    return def;
}

/* Loads a module with all it imports and starts its evaluation. */
static JSValue evaluate(JSContext *ctx, const char *name, JSModuleDef **def)
{
    *def = load(ctx, name, NULL);
    if (!*def)
        return JS_EXCEPTION;
    JSValue v = JS_DupValue(ctx, JS_MKPTR(JS_TAG_MODULE, *def));
    if (JS_ResolveModule(ctx, v) < 0) {
        JS_FreeValue(ctx, v);
        return JS_EXCEPTION;
    }
    return JS_EvalFunction(ctx, v);
}

JSValue runtime_load_prelude(JSContext *ctx, const char *name)
{
    static struct { const char *name; JSModuleDef *def; } loaded[16];
    for (size_t i = 0; i < sizeof loaded / sizeof *loaded; i++) {
        if (!loaded[i].name) {
            const pack_module *m = pack_find(&prelude, name);
            JSModuleDef *def;
            if (!m)
                return JS_ThrowReferenceError(ctx, "no module `%s` in the prelude", name);
            JSValue done = evaluate(ctx, name, &def);
            if (JS_IsException(done))
                return done;
            JS_FreeValue(ctx, done);
            loaded[i].name = m->name;
            loaded[i].def = def;
        }
        if (strcmp(loaded[i].name, name) == 0)
            return JS_GetModuleNamespace(ctx, loaded[i].def);
    }
    return JS_ThrowReferenceError(ctx, "too many modules in the prelude");
}

pack_bytes runtime_source_map(const char *name)
{
    const pack_module *m = pack_find(&program, name);
    return m ? m->map : (pack_bytes){ NULL, 0 };
}

/* ---- the loop ----------------------------------------------------------- */

/* Runs what is due until nothing is left. Returns 0, or an exit code. */
static int run_loop(JSContext *ctx)
{
    JSRuntime *rt = JS_GetRuntime(ctx);
    JSValue run_timer = JS_GetPropertyStr(ctx, core, "runTimer");
    int code = 0;
    for (bool more = true; more;) {
        JSContext *job;
        int ran;
        while ((ran = JS_ExecutePendingJob(rt, &job)) > 0) {
        }
        if (ran < 0) {
            code = report_pending(job);
            break;
        }
        if (rejection_count > 0) {
            bool in_promise = JS_VALUE_GET_PTR(rejections[0].promise) != JS_VALUE_GET_PTR(main_end);
            code = report(ctx, JS_DupValue(ctx, rejections[0].reason), in_promise);
            break;
        }
        JSValue v = JS_Call(ctx, run_timer, JS_UNDEFINED, 0, NULL);
        if (JS_IsException(v)) {
            code = report_pending(ctx);
            break;
        }
        more = JS_ToBool(ctx, v);
        JS_FreeValue(ctx, v);
    }
    JS_FreeValue(ctx, run_timer);
    return code;
}

/* Takes a promise off the list of those that nobody handles. */
static void forget_rejection(JSContext *ctx, JSValueConst promise)
{
    on_rejection(ctx, promise, JS_UNDEFINED, true, NULL);
}

JSValue runtime_settle(JSContext *ctx, JSValue v)
{
    JSRuntime *rt = JS_GetRuntime(ctx);
    if (JS_IsException(v))
        return v;
    for (bool more = true;;) {
        JSContext *job;
        int ran;
        while ((ran = JS_ExecutePendingJob(rt, &job)) > 0) {
        }
        bool waits = JS_IsPromise(v);
        if (waits)
            forget_rejection(ctx, v);
        if (rejection_count > 0) {
            JSValue reason = JS_DupValue(ctx, rejections[0].reason);
            while (rejection_count > 0)
                forget_rejection(ctx, rejections[0].promise);
            JS_FreeValue(ctx, v);
            return JS_Throw(ctx, reason);
        }
        if (!waits)
            return v;
        JSPromiseStateEnum state = JS_PromiseState(ctx, v);
        if (state != JS_PROMISE_PENDING) {
            JSValue result = JS_PromiseResult(ctx, v);
            JS_FreeValue(ctx, v);
            return state == JS_PROMISE_FULFILLED ? result : JS_Throw(ctx, result);
        }
        if (!more) {
            JS_FreeValue(ctx, v);
            return JS_ThrowInternalError(ctx, "the program awaits something that cannot happen any more");
        }
        JSValue run_timer = JS_GetPropertyStr(ctx, core, "runTimer");
        JSValue ran_one = JS_Call(ctx, run_timer, JS_UNDEFINED, 0, NULL);
        JS_FreeValue(ctx, run_timer);
        if (JS_IsException(ran_one)) {
            JS_FreeValue(ctx, v);
            return ran_one;
        }
        more = JS_ToBool(ctx, ran_one);
        JS_FreeValue(ctx, ran_one);
    }
}

void runtime_report(JSContext *ctx, JSValue error)
{
    report(ctx, error, false);
}

JSValue runtime_load(JSContext *ctx, const uint8_t *bytes, size_t len)
{
    JSModuleDef *def;
    if (!pack_open(&program, bytes, len))
        return JS_ThrowInternalError(ctx, "this runtime holds no program");
    main_end = evaluate(ctx, program.modules[0].name, &def);
    JSValue done = runtime_settle(ctx, main_end);
    if (JS_IsException(done))
        return done;
    JS_FreeValue(ctx, done);
    return JS_GetModuleNamespace(ctx, def);
}

JSContext *runtime_new(int argc, char **argv)
{
    uint64_t seed = 0;
    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = rt ? JS_NewContext(rt) : NULL;
    if (!ctx || !pack_open(&prelude, prelude_bytes, sizeof prelude_bytes)) {
        fputs("jsrt: out of memory\n", stderr);
        exit(EXIT_ERROR);
    }
    JS_SetMaxStackSize(rt, ENGINE_JS_STACK);
    getentropy(&seed, sizeof seed);
    engine_seed(ctx, seed);
    JS_SetModuleLoaderFunc(rt, normalize, load, NULL);
    JS_SetHostPromiseRejectionTracker(rt, on_rejection, NULL);
    if (engine_limit_parsers(ctx) < 0 || !native_module(ctx, argc, argv)) {
        report_plainly(ctx, JS_GetException(ctx));
        exit(EXIT_ERROR);
    }
    core = runtime_load_prelude(ctx, PRELUDE_PREFIX "core.js");
    if (JS_IsException(core)) {
        report_plainly(ctx, JS_GetException(ctx));
        exit(EXIT_ERROR);
    }
    return ctx;
}

int runtime_run(JSContext *ctx, const uint8_t *bytes, size_t len)
{
    JSModuleDef *def;
    if (!pack_open(&program, bytes, len)) {
        fputs("jsrt: this runtime holds no program\n", stderr);
        return EXIT_NO_PROGRAM;
    }
    main_end = evaluate(ctx, program.modules[0].name, &def);
    if (JS_IsException(main_end))
        return report_pending(ctx);
    int code = run_loop(ctx);
    if (code)
        return code;
    if (JS_PromiseState(ctx, main_end) == JS_PROMISE_PENDING) {
        fputs("Warning: the program ended while it awaited something that cannot happen any more\n", stderr);
        return EXIT_UNSETTLED;
    }
    JSValue exit_code = JS_GetPropertyStr(ctx, core, "exitCode");
    JSValue v = JS_Call(ctx, exit_code, JS_UNDEFINED, 0, NULL);
    JS_FreeValue(ctx, exit_code);
    if (JS_IsException(v) || JS_ToInt32(ctx, &code, v))
        return report_pending(ctx);
    return code & 0xFF;
}
