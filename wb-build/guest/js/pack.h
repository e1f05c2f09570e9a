/* A pack: compiled modules in one run of bytes, entry module first.
 *
 *   "WBJSPACK"  u32 version = 1
 *   u32 count   of Dock import modules the program needs, each: text
 *   u32 count   of modules, each:
 *     text        name, as it stands in stack traces
 *     bytes       engine bytecode
 *     bytes       source map (JSON, version 3); empty if there is none
 *     u32 count   of links, each: text specifier, u32 index of the module it
 *                 names, or PACK_RUNTIME for a module of the runtime
 *
 * All integers are little endian; text and bytes are a u32 length and content.
 * The bytecode is that of one exact engine version and build. */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACK_MAGIC "WBJSPACK"
#define PACK_VERSION 1
#define PACK_RUNTIME UINT32_MAX

typedef struct { const uint8_t *data; uint32_t len; } pack_bytes;

typedef struct { pack_bytes specifier; uint32_t target; } pack_link;

typedef struct {
    char *name; /* NUL-terminated */
    pack_bytes code, map;
    pack_link *links;
    uint32_t link_count;
} pack_module;

typedef struct { pack_module *modules; uint32_t count; } pack;

/* Opens a pack in place: the bytes must outlive it. False if they are not a
 * pack of this version. */
bool pack_open(pack *p, const uint8_t *bytes, size_t len);

const pack_module *pack_find(const pack *p, const char *name);

const pack_link *pack_find_link(const pack_module *m, const char *specifier);

#endif
