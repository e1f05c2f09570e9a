/* jsc: compiles a graph of ES modules to a pack.
 *
 *   jsc [--prelude] [--maps] [--strip] [--root DIR] -o PACK ENTRY...
 *
 * Modules are read from below DIR (the folder of the first entry if it is not
 * given) and named by their path in it, so that the pack does not depend on
 * where the sources lie. Imports are relative (`./a.js`; `.js`, `.mjs`, `.json`
 * and `/index.js` are tried), or name a module of the runtime. Packages are
 * bundled before.
 *
 * What is wrong with the sources goes to stderr, a line each:
 *   FILE:LINE:COLUMN: MESSAGE
 * Exit codes: 0 compiled, 1 wrong sources, 2 wrong call or a file that cannot
 * be read or written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine.h"
#include "modules.h"
#include "pack.h"

enum { EXIT_SOURCES = 1, EXIT_CALL = 2 };

typedef struct { char *specifier; uint32_t target; } link_entry;

typedef struct {
    char *name;
    uint8_t *code;
    size_t code_len;
    char *map;
    link_entry *links;
    uint32_t link_count;
    JSValue value; /* the compiled module; JS_UNDEFINED until then */
} module;

static const char *root;
static bool prelude, with_maps, reported;
static int write_flags = JS_WRITE_OBJ_BYTECODE | JS_WRITE_OBJ_STRIP_SOURCE;

static module *modules;
static uint32_t module_count;

/* ---- files -------------------------------------------------------------- */

static void *must(void *p)
{
    if (!p) {
        fputs("jsc: out of memory\n", stderr);
        exit(EXIT_CALL);
    }
    return p;
}

static char *join(const char *a, const char *separator, const char *b)
{
    size_t size = strlen(a) + strlen(separator) + strlen(b) + 1;
    char *path = must(malloc(size));
    snprintf(path, size, "%s%s%s", a, separator, b);
    return path;
}

/* A file below the root, with a NUL behind it; NULL if it cannot be read. */
static char *read_source(const char *name, size_t *len)
{
    char *path = join(root, "/", name), *text = NULL;
    FILE *f = fopen(path, "rb");
    free(path);
    if (!f)
        return NULL;
    size_t room = 64 * 1024;
    *len = 0;
    do {
        text = must(realloc(text, (room *= 2) + 1));
        *len += fread(text + *len, 1, room - *len, f);
    } while (*len == room);
    bool failed = ferror(f);
    fclose(f);
    if (failed) {
        free(text);
        return NULL;
    }
    text[*len] = 0;
    return text;
}

static bool is_file(const char *name)
{
    struct stat st;
    char *path = join(root, "/", name);
    bool is = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    free(path);
    return is;
}

/* A prelude module is named `wb:` and its path, to keep it apart from modules
 * of programs. */
static const char *file_of(const char *name)
{
    return prelude ? name + 3 : name;
}

/* ---- diagnostics -------------------------------------------------------- */

/* Where `specifier` first stands in quotes in a module. The engine keeps no
 * positions for imports. */
static void locate(const char *name, const char *specifier, int *line, int *column)
{
    size_t len, n = strlen(specifier);
    char *text = read_source(file_of(name), &len);
    *line = *column = 1;
    for (char *p = text; p && (p = strstr(p, specifier)); p++) {
        if (p == text || p[n] != p[-1] || (p[n] != '"' && p[n] != '\''))
            continue;
        for (char *q = text; q < p - 1; q++) {
            ++*column;
            if (*q == '\n') {
                ++*line;
                *column = 1;
            }
        }
        break;
    }
    free(text);
}

static void diagnose_import(const char *name, const char *specifier, const char *message)
{
    int line, column;
    locate(name, specifier, &line, &column);
    fprintf(stderr, "%s:%d:%d: %s\n", file_of(name), line, column, message);
    reported = true;
}

/* "SyntaxError: message" without its first word. */
static const char *message_of(const char *what)
{
    const char *colon = what ? strstr(what, ": ") : NULL;
    return colon ? colon + 2 : what ? what : "out of memory";
}

/* Prints the pending exception, which tells its place in the first line of its
 * stack: "    at FILE:LINE:COLUMN". */
static int diagnose_exception(JSContext *ctx, const char *name)
{
    JSValue error = JS_GetException(ctx);
    if (!reported) {
        JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
        const char *where = JS_ToCString(ctx, stack), *what = JS_ToCString(ctx, error);
        const char *at = where ? strstr(where, "at ") : NULL;
        size_t len = at ? strcspn(at + 3, "\n") : 0;
        if (what && strncmp(what, "RangeError", 10) == 0)
            fprintf(stderr, "%s:1:1: the source is nested too deeply\n", file_of(name));
        else if (len && at[3 + len - 1] >= '0' && at[3 + len - 1] <= '9')
            fprintf(stderr, "%.*s: %s\n", (int)len, file_of(at + 3), message_of(what));
        else
            fprintf(stderr, "%s:1:1: %s\n", file_of(name), message_of(what));
        JS_FreeCString(ctx, where);
        JS_FreeCString(ctx, what);
        JS_FreeValue(ctx, stack);
    }
    JS_FreeValue(ctx, error);
    return EXIT_SOURCES;
}

/* ---- resolution --------------------------------------------------------- */

/* `wit:3` calls the third import of a component's world. The build makes these
 * names, and lets no program say them. */
static bool is_world_module(const char *specifier)
{
    return strncmp(specifier, "wit:", 4) == 0;
}

static bool is_runtime_module(const char *specifier)
{
    if (prelude)
        return strcmp(specifier, "wb:native") == 0;
    if (is_world_module(specifier))
        return true;
    for (size_t i = 0; i < RUNTIME_EXPORT_COUNT; i++)
        if (strcmp(runtime_exports[i].specifier, specifier) == 0)
            return true;
    return false;
}

static uint32_t find_or_add_module(const char *name)
{
    for (uint32_t i = 0; i < module_count; i++)
        if (strcmp(modules[i].name, name) == 0)
            return i;
    modules = must(realloc(modules, (module_count + 1) * sizeof *modules));
    modules[module_count] = (module){ .name = must(strdup(name)), .value = JS_UNDEFINED };
    return module_count++;
}

static void add_link(uint32_t from, const char *specifier, uint32_t target)
{
    module *m = &modules[from];
    for (uint32_t i = 0; i < m->link_count; i++)
        if (strcmp(m->links[i].specifier, specifier) == 0)
            return;
    m->links = must(realloc(m->links, (m->link_count + 1) * sizeof *m->links));
    m->links[m->link_count++] = (link_entry){ must(strdup(specifier)), target };
}

/* `specifier` as seen from `base`, without `.` and `..`; NULL if it leaves the
 * root. */
static char *resolve_path(const char *base, const char *specifier)
{
    const char *slash = strrchr(base, '/');
    size_t len = *specifier == '/' || !slash ? 0 : (size_t)(slash - base);
    char *path = must(malloc(len + strlen(specifier) + 2));
    memcpy(path, base, len);
    for (const char *p = specifier; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0) {
            if (len == 0) {
                free(path);
                return NULL;
            }
            while (len > 0 && path[--len] != '/') {
            }
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            if (len > 0)
                path[len++] = '/';
            memcpy(path + len, p, n);
            len += n;
        }
        p += n + (p[n] == '/');
    }
    path[len] = 0;
    return path;
}

static char *find_file(const char *path)
{
    static const char *const endings[] = { "", ".js", ".mjs", ".json", "/index.js", "/index.mjs" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *name = join(path, "", endings[i]);
        if (is_file(name))
            return name;
        free(name);
    }
    return NULL;
}

static char *refuse(JSContext *ctx, const char *base, const char *specifier, const char *format)
{
    char message[512];
    snprintf(message, sizeof message, format, specifier);
    diagnose_import(base, specifier, message);
    JS_ThrowSyntaxError(ctx, "%s", message);
    return NULL;
}

static char *normalize(JSContext *ctx, const char *base, const char *specifier, void *opaque)
{
    uint32_t from = find_or_add_module(base);
    if (is_runtime_module(specifier)) {
        add_link(from, specifier, PACK_RUNTIME);
        return js_strdup(ctx, specifier);
    }
    if (*specifier != '.' && *specifier != '/')
        return refuse(ctx, base, specifier,
                      "cannot find `%s`: neither a relative path nor a module of the runtime");
    char *path = resolve_path(file_of(base), specifier);
    if (!path)
        return refuse(ctx, base, specifier, "cannot import `%s`: it lies outside of the source tree");
    char *file = find_file(path);
    free(path);
    if (!file)
        return refuse(ctx, base, specifier, "cannot find `%s`");
    char *name = join(prelude ? "wb:" : "", "", file);
    free(file);
    add_link(from, specifier, find_or_add_module(name));
    char *result = js_strdup(ctx, name);
    free(name);
    return result;
}

/* ---- compilation -------------------------------------------------------- */

static int no_init(JSContext *ctx, JSModuleDef *m)
{
    return 0;
}

/* Stands for a module that only the runtime has; names its exports. */
static JSModuleDef *runtime_stub(JSContext *ctx, const char *specifier)
{
    JSModuleDef *m = JS_NewCModule(ctx, specifier, no_init);
    for (size_t i = 0; m && i < RUNTIME_EXPORT_COUNT; i++)
        if (strcmp(runtime_exports[i].specifier, specifier) == 0)
            JS_AddModuleExport(ctx, m, runtime_exports[i].name);
    if (m && is_world_module(specifier))
        JS_AddModuleExport(ctx, m, "call");
    return m;
}

/* The text of a module that has `text`, or what `text` means as JSON, as its
 * default export. Reading JSON here already finds what is wrong with it. */
static char *as_default_export(JSContext *ctx, const char *text, size_t len, const char *name, bool json)
{
    if (json) {
        JSValue parsed = JS_ParseJSON(ctx, text, len, name);
        if (JS_IsException(parsed))
            return NULL;
        JS_FreeValue(ctx, parsed);
    }
    JSValue string = JS_NewStringLen(ctx, text, len);
    JSValue literal = JS_JSONStringify(ctx, string, JS_UNDEFINED, JS_UNDEFINED);
    const char *quoted = must((void *)JS_ToCString(ctx, literal));
    char *source = join(json ? "export default JSON.parse(" : "export default (", "", quoted);
    char *whole = join(source, "", ");\n");
    free(source);
    JS_FreeCString(ctx, quoted);
    JS_FreeValue(ctx, literal);
    JS_FreeValue(ctx, string);
    return whole;
}

/* FILE.map without what the runtime does not use; NULL if there is none. */
static char *read_map(JSContext *ctx, const char *file)
{
    static const char *const unused[] = { "sourcesContent", "names", "file" };
    char *name = join(file, "", ".map"), *map = NULL;
    size_t len;
    char *text = read_source(name, &len);
    JSValue json = text ? JS_ParseJSON(ctx, text, len, name) : JS_NULL;
    if (JS_IsException(json)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
    } else if (JS_IsObject(json)) {
        for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
            JSAtom key = JS_NewAtom(ctx, unused[i]);
            JS_DeleteProperty(ctx, json, key, 0);
            JS_FreeAtom(ctx, key);
        }
        JSValue lean = JS_JSONStringify(ctx, json, JS_UNDEFINED, JS_UNDEFINED);
        const char *s = must((void *)JS_ToCString(ctx, lean));
        map = must(strdup(s));
        JS_FreeCString(ctx, s);
        JS_FreeValue(ctx, lean);
    }
    JS_FreeValue(ctx, json);
    free(text);
    free(name);
    return map;
}

static bool has_ending(const char *s, const char *ending)
{
    size_t n = strlen(s), k = strlen(ending);
    return n >= k && strcmp(s + n - k, ending) == 0;
}

static bool has_type(JSContext *ctx, JSValueConst attributes, const char *type)
{
    if (!JS_IsObject(attributes))
        return false;
    JSValue v = JS_GetPropertyStr(ctx, attributes, "type");
    const char *s = JS_ToCString(ctx, v);
    bool is = s && strcmp(s, type) == 0;
    JS_FreeCString(ctx, s);
    JS_FreeValue(ctx, v);
    return is;
}

static JSModuleDef *compile(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes)
{
    if (is_runtime_module(name))
        return runtime_stub(ctx, name);
    uint32_t index = find_or_add_module(name);
    size_t len;
    char *text = read_source(file_of(name), &len);
    if (!text) {
        fprintf(stderr, "%s:1:1: cannot read the file: %s\n", file_of(name), strerror(errno));
        reported = true;
        JS_ThrowSyntaxError(ctx, "cannot read `%s`", name);
        return NULL;
    }
    bool json = has_ending(name, ".json") || has_type(ctx, attributes, "json");
    if (json || has_type(ctx, attributes, "text")) {
        char *source = as_default_export(ctx, text, len, name, json);
        free(text);
        if (!source)
            return NULL;
        text = source;
        len = strlen(source);
    }
    JSValue v = JS_Eval(ctx, text, len, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    free(text);
    if (JS_IsException(v))
        return NULL;
    module *m = &modules[index];
    m->value = v;
    m->code = JS_WriteObject(ctx, &m->code_len, v, write_flags);
    if (!m->code)
        return NULL;
    if (with_maps)
        m->map = read_map(ctx, file_of(name));
    return JS_VALUE_GET_PTR(v);
}

/* Finds the import that the failed link complained of, by the name it quotes. */
typedef struct { const char *message; const module *importer; } search;

static void match_import(void *opaque, const char *specifier, const char *name)
{
    search *s = opaque;
    char quoted[256];
    if (!name || reported)
        return;
    snprintf(quoted, sizeof quoted, "'%s'", name);
    if (!strstr(s->message, quoted))
        return;
    for (uint32_t i = 0; i < s->importer->link_count; i++) {
        const link_entry *link = &s->importer->links[i];
        const char *target = link->target == PACK_RUNTIME ? specifier : modules[link->target].name;
        if (strcmp(link->specifier, specifier) == 0 && strstr(s->message, target)) {
            char message[512];
            snprintf(message, sizeof message, "`%s` has no export `%s`", specifier, name);
            diagnose_import(s->importer->name, specifier, message);
        }
    }
}

static int diagnose_link(JSContext *ctx, const char *entry)
{
    JSValue error = JS_GetException(ctx);
    const char *message = must((void *)JS_ToCString(ctx, error));
    for (uint32_t i = 0; i < module_count && !reported; i++) {
        search s = { message, &modules[i] };
        if (!JS_IsUndefined(modules[i].value))
            engine_each_import(ctx, modules[i].value, match_import, &s);
    }
    JS_FreeCString(ctx, message);
    JS_Throw(ctx, error);
    return diagnose_exception(ctx, entry);
}

/* ---- output ------------------------------------------------------------- */

static bool wanted[RUNTIME_EXPORT_COUNT];
static char **world_imports;
static uint32_t world_import_count;

static void note_world_import(const char *specifier)
{
    for (uint32_t i = 0; i < world_import_count; i++)
        if (strcmp(world_imports[i], specifier) == 0)
            return;
    world_imports = must(realloc(world_imports, (world_import_count + 1) * sizeof *world_imports));
    world_imports[world_import_count++] = must(strdup(specifier));
}

static void note_wanted(void *opaque, const char *specifier, const char *name)
{
    if (name && is_world_module(specifier))
        note_world_import(specifier);
    for (size_t i = 0; name && i < RUNTIME_EXPORT_COUNT; i++)
        if (strcmp(runtime_exports[i].specifier, specifier) == 0
            && (strcmp(name, "*") == 0 || strcmp(runtime_exports[i].name, name) == 0))
            wanted[i] = true;
}

static void write_u32(FILE *f, uint32_t v)
{
    fwrite(&v, 4, 1, f);
}

static void write_bytes(FILE *f, const void *p, size_t len)
{
    write_u32(f, (uint32_t)len);
    fwrite(p, 1, len, f);
}

static void write_text(FILE *f, const char *s)
{
    write_bytes(f, s, strlen(s));
}

/* The Dock modules behind what the program imports, each once, and wb:reply,
 * which all of them need; then the imports of its world. */
static void write_imports(JSContext *ctx, FILE *f)
{
    const char *docks[RUNTIME_EXPORT_COUNT + 1];
    uint32_t n = 0;
    for (uint32_t i = 0; i < module_count; i++)
        engine_each_import(ctx, modules[i].value, note_wanted, NULL);
    for (size_t i = 0; i < RUNTIME_EXPORT_COUNT; i++) {
        bool known = !wanted[i] || !runtime_exports[i].dock;
        for (uint32_t k = 0; k < n && !known; k++)
            known = strcmp(docks[k], runtime_exports[i].dock) == 0;
        if (!known)
            docks[n++] = runtime_exports[i].dock;
    }
    if (n > 0)
        docks[n++] = "wb:reply";
    write_u32(f, n + world_import_count);
    for (uint32_t i = 0; i < n; i++)
        write_text(f, docks[i]);
    for (uint32_t i = 0; i < world_import_count; i++)
        write_text(f, world_imports[i]);
}

static bool write_pack(JSContext *ctx, const char *out)
{
    FILE *f = fopen(out, "wb");
    if (!f)
        return false;
    fwrite(PACK_MAGIC, 1, 8, f);
    write_u32(f, PACK_VERSION);
    write_imports(ctx, f);
    write_u32(f, module_count);
    for (uint32_t i = 0; i < module_count; i++) {
        const module *m = &modules[i];
        write_text(f, m->name);
        write_bytes(f, m->code, m->code_len);
        write_text(f, m->map ? m->map : "");
        write_u32(f, m->link_count);
        for (uint32_t k = 0; k < m->link_count; k++) {
            write_text(f, m->links[k].specifier);
            write_u32(f, m->links[k].target);
        }
    }
    bool ok = !ferror(f);
    return fclose(f) == 0 && ok;
}

static int check_attributes(JSContext *ctx, void *opaque, JSValueConst attributes)
{
    return 0; /* unknown types mean a plain module */
}

static int build_entry(JSContext *ctx, const char *entry)
{
    char *name = join(prelude ? "wb:" : "", "", entry);
    uint32_t index = find_or_add_module(name);
    if (JS_IsUndefined(modules[index].value) && !compile(ctx, name, NULL, JS_UNDEFINED))
        return diagnose_exception(ctx, name);
    if (JS_ResolveModule(ctx, modules[index].value) < 0)
        return diagnose_exception(ctx, name);
    if (!prelude && engine_link(ctx, modules[index].value) < 0)
        return diagnose_link(ctx, name);
    free(name);
    return 0;
}

static int usage(void)
{
    fputs("usage: jsc [--prelude] [--maps] [--strip] [--root DIR] -o PACK ENTRY...\n", stderr);
    return EXIT_CALL;
}

int main(int argc, char **argv)
{
    const char *out = NULL;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--prelude") == 0)
            prelude = true;
        else if (strcmp(argv[i], "--maps") == 0)
            with_maps = true;
        else if (strcmp(argv[i], "--strip") == 0)
            write_flags |= JS_WRITE_OBJ_STRIP_DEBUG;
        else if (strcmp(argv[i], "--root") == 0 && i + 1 < argc)
            root = argv[++i];
        else if (strcmp(argv[i], "-o") == 0 && i + 1 < argc)
            out = argv[++i];
        else
            return usage();
    }
    if (i == argc || !out)
        return usage();
    if (!root) {
        char *slash = strrchr(argv[i], '/');
        root = slash ? strndup(argv[i], (size_t)(slash - argv[i])) : ".";
        argv[i] = slash ? slash + 1 : argv[i];
    }

    JSRuntime *rt = JS_NewRuntime();
    JSContext *ctx = must(rt ? JS_NewContext(rt) : NULL);
    JS_SetMaxStackSize(rt, 2 * ENGINE_PARSER_STACK); /* nothing else runs here */
    JS_SetModuleLoaderFunc2(rt, normalize, compile, check_attributes, NULL);
    for (; i < argc; i++) {
        int code = build_entry(ctx, argv[i]);
        if (code)
            return code;
    }
    if (!write_pack(ctx, out)) {
        fprintf(stderr, "jsc: cannot write `%s`: %s\n", out, strerror(errno));
        return EXIT_CALL;
    }
    _Exit(0);
}
