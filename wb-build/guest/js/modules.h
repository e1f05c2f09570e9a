/* The modules that the runtime itself offers, what each exports, and the Dock
 * import that an export stands on. jsc checks imports against this table and
 * writes the Dock imports a program needs into its pack; jsrt finds module `S`
 * as prelude/S.js, with `:` read as `/`. */
#ifndef MODULES_H
#define MODULES_H

typedef struct { const char *specifier, *name, *dock; } runtime_export;

static const runtime_export runtime_exports[] = {
    { "wb", "session", "wb:session" },
    { "wb", "run", "wb:commands" },
    { "wb", "runMany", "wb:parallel" },
    { "wb", "DockError", 0 },
    { "wb/session", "session", "wb:session" },
    { "wb/commands", "run", "wb:commands" },
    { "wb/commands", "DockError", 0 },
    { "wb/parallel", "runMany", "wb:parallel" },
    { "wb/parallel", "DockError", 0 },
    { "node:fs", "default", 0 },
    { "node:fs", "readFileSync", 0 },
    { "node:fs", "writeFileSync", 0 },
    { "node:fs", "appendFileSync", 0 },
    { "node:fs", "existsSync", 0 },
    { "node:fs", "readdirSync", 0 },
    { "node:fs", "statSync", 0 },
    { "node:fs", "mkdirSync", 0 },
    { "node:fs", "unlinkSync", 0 },
    { "node:path", "default", 0 },
    { "node:path", "basename", 0 },
    { "node:path", "dirname", 0 },
    { "node:path", "extname", 0 },
    { "node:path", "isAbsolute", 0 },
    { "node:path", "join", 0 },
    { "node:path", "normalize", 0 },
    { "node:path", "relative", 0 },
    { "node:path", "resolve", 0 },
    { "node:path", "sep", 0 },
    { "node:process", "default", 0 },
    { "node:process", "argv", 0 },
    { "node:process", "env", 0 },
    { "node:process", "exit", 0 },
    { "node:process", "stdin", 0 },
    { "node:process", "stdout", 0 },
    { "node:process", "stderr", 0 },
    { "node:util", "default", 0 },
    { "node:util", "inspect", 0 },
    { "node:util", "format", 0 },
    { "node:util", "TextEncoder", 0 },
    { "node:util", "TextDecoder", 0 },
};

#define RUNTIME_EXPORT_COUNT (sizeof runtime_exports / sizeof *runtime_exports)

#endif
