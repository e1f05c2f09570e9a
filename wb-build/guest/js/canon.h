/* Values between JavaScript and the canonical ABI of the component model.
 *
 * What types there are is told by the world's table, a list of little-endian
 * words that the build lays into memory (wb-build/src/component/table.rs). A
 * type is the index of its first word; index 0 is no type. */
#ifndef CANON_H
#define CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "quickjs.h"

/* The first word of a type. Then its size and alignment in memory and the number
 * of core values it is flattened to; then as the comment says. Names are indices
 * of a word with their length, followed by their bytes and a NUL. */
enum canon_kind {
    CANON_BOOL,
    CANON_S8,
    CANON_U8,
    CANON_S16,
    CANON_U16,
    CANON_S32,
    CANON_U32,
    CANON_S64,
    CANON_U64,
    CANON_F32,
    CANON_F64,
    CANON_CHAR,
    CANON_STRING,
    CANON_LIST,    /* element */
    CANON_RECORD,  /* count, then name, type, offset */
    CANON_TUPLE,   /* count, then 0, type, offset */
    CANON_FLAGS,   /* count, then names */
    CANON_ENUM,    /* size of the tag, 0, count, then name, 0 */
    CANON_VARIANT, /* size of the tag, offset of the payload, count, then name, type */
    CANON_OPTION,  /* type, offset of the payload */
    CANON_RESULT,  /* as a variant of `ok` and `err` */
    CANON_OWN,     /* resource */
    CANON_BORROW,  /* resource */
};

/* Most core values of a flattened list of parameters, and the pointer to where
 * an import shall leave its result. */
#define CANON_MOST_FLAT 17

/* Where a value is: at an address, or in flattened slots that are taken one
 * after the other. A slot holds any core value in its low bytes. */
typedef struct { uint8_t *memory; uint64_t *flat; } canon_place;

/* Memory that lives until the other side has read it. */
typedef struct { void **at; size_t count, room; } canon_blocks;

extern const uint32_t *canon_table;

static inline uint32_t canon_kind_of(uint32_t type) { return canon_table[type]; }
static inline uint32_t canon_size(uint32_t type) { return canon_table[type + 1]; }
static inline uint32_t canon_align(uint32_t type) { return canon_table[type + 2]; }
static inline const char *canon_name(uint32_t name) { return (const char *)(canon_table + name + 1); }

/* NULL with an exception pending when memory is exhausted; never NULL otherwise. */
void *canon_alloc(JSContext *ctx, canon_blocks *blocks, size_t align, size_t size);
void canon_release(canon_blocks *blocks);

/* A new value of JavaScript from a value of the type. */
JSValue canon_lift(JSContext *ctx, uint32_t type, canon_place *from);

/* Writes `v` as a value of the type; -1 with an exception pending if it is none. */
int canon_lower(JSContext *ctx, uint32_t type, JSValueConst v, canon_place *to, canon_blocks *blocks);

/* Handles of resources (component.c). */
JSValue canon_lift_handle(JSContext *ctx, uint32_t resource, uint32_t handle);
int canon_lower_handle(JSContext *ctx, uint32_t resource, JSValueConst v, bool give, uint32_t *handle);

#endif
