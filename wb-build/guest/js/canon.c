#include "canon.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"
#include "utf8.h"

const uint32_t *canon_table;

/* ---- memory ------------------------------------------------------------- */

void *canon_alloc(JSContext *ctx, canon_blocks *blocks, size_t align, size_t size)
{
    if (blocks->count == blocks->room) {
        size_t room = blocks->room ? blocks->room * 2 : 16;
        void **larger = realloc(blocks->at, room * sizeof *larger);
        if (!larger)
            goto exhausted;
        blocks->at = larger;
        blocks->room = room;
    }
    /* malloc aligns to 16, more than any value needs. */
    void *p = malloc(size ? size : 1);
    if (p)
        return blocks->at[blocks->count++] = p;
exhausted:
    if (ctx)
        JS_ThrowOutOfMemory(ctx);
    return NULL;
}

void canon_release(canon_blocks *blocks)
{
    while (blocks->count > 0)
        free(blocks->at[--blocks->count]);
}

/* ---- places ------------------------------------------------------------- */

static canon_place inner(const canon_place *p, uint32_t offset)
{
    return p->flat ? *p : (canon_place){ .memory = p->memory + offset };
}

static uint64_t take(canon_place *p, uint32_t size)
{
    uint64_t v = 0;
    if (p->flat)
        return *p->flat++;
    memcpy(&v, p->memory, size);
    return v;
}

static void put(canon_place *p, uint32_t size, uint64_t v)
{
    if (p->flat)
        *p->flat++ = v;
    else
        memcpy(p->memory, &v, size);
}

/* An address and a length, or two words of any meaning. */
static uint32_t take_second(canon_place *p)
{
    canon_place second = inner(p, 4);
    uint32_t v = (uint32_t)take(&second, 4);
    p->flat = second.flat;
    return v;
}

static void put_pair(canon_place *p, uint32_t a, uint32_t b)
{
    put(p, 4, a);
    canon_place second = inner(p, 4);
    put(&second, 4, b);
    p->flat = second.flat;
}

/* ---- from the ABI to JavaScript ------------------------------------------ */

/* Arrays whose elements lie in memory as in a list. -1: none. */
static int typed_array(uint32_t kind)
{
    switch (kind) {
    case CANON_S8: return JS_TYPED_ARRAY_INT8;
    case CANON_U8: return JS_TYPED_ARRAY_UINT8;
    case CANON_S16: return JS_TYPED_ARRAY_INT16;
    case CANON_U16: return JS_TYPED_ARRAY_UINT16;
    case CANON_S32: return JS_TYPED_ARRAY_INT32;
    case CANON_U32: return JS_TYPED_ARRAY_UINT32;
    case CANON_S64: return JS_TYPED_ARRAY_BIG_INT64;
    case CANON_U64: return JS_TYPED_ARRAY_BIG_UINT64;
    case CANON_F32: return JS_TYPED_ARRAY_FLOAT32;
    case CANON_F64: return JS_TYPED_ARRAY_FLOAT64;
    default: return -1;
    }
}

static JSValue lift_list(JSContext *ctx, uint32_t element, uint8_t *at, uint32_t count)
{
    uint32_t size = canon_size(element);
    int typed = typed_array(canon_kind_of(element));
    if (typed >= 0) {
        JSValue buffer = JS_NewArrayBufferCopy(ctx, at, (size_t)count * size);
        JSValueConst args[] = { buffer, JS_UNDEFINED, JS_UNDEFINED };
        JSValue v = JS_IsException(buffer) ? JS_EXCEPTION : JS_NewTypedArray(ctx, 1, args, typed);
        JS_FreeValue(ctx, buffer);
        return v;
    }
    JSValue list = JS_NewArray(ctx);
    for (uint32_t i = 0; i < count; i++) {
        canon_place p = { .memory = at + (size_t)i * size };
        JSValue v = canon_lift(ctx, element, &p);
        if (JS_IsException(v) || JS_SetPropertyUint32(ctx, list, i, v) < 0) {
            JS_FreeValue(ctx, list);
            return JS_EXCEPTION;
        }
    }
    return list;
}

static JSValue lift_fields(JSContext *ctx, const uint32_t *t, canon_place *p, bool named)
{
    JSValue v = named ? JS_NewObject(ctx) : JS_NewArray(ctx);
    const uint32_t *field = t + 5;
    for (uint32_t i = 0; i < t[4]; i++, field += 3) {
        canon_place q = inner(p, field[2]);
        JSValue part = canon_lift(ctx, field[1], &q);
        p->flat = q.flat;
        int set = JS_IsException(part) ? -1
            : named                    ? JS_SetPropertyStr(ctx, v, canon_name(field[0]), part)
                                       : JS_SetPropertyUint32(ctx, v, i, part);
        if (set < 0) {
            JS_FreeValue(ctx, v);
            return JS_EXCEPTION;
        }
    }
    return v;
}

static JSValue tagged(JSContext *ctx, const char *tag, JSValue val)
{
    if (JS_IsException(val))
        return val;
    JSValue v = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, v, "tag", JS_NewString(ctx, tag));
    if (!JS_IsUndefined(val))
        JS_SetPropertyStr(ctx, v, "val", val);
    return v;
}

static JSValue lift_variant(JSContext *ctx, const uint32_t *t, canon_place *p)
{
    uint64_t *start = p->flat;
    uint32_t tag = (uint32_t)take(p, t[4]);
    if (tag >= t[6])
        return JS_ThrowRangeError(ctx, "a variant has no case %u", tag);
    const uint32_t *one = t + 7 + 2 * tag;
    JSValue v = JS_UNDEFINED;
    if (one[1]) {
        canon_place q = inner(p, t[5]);
        v = canon_lift(ctx, one[1], &q);
    }
    if (start)
        p->flat = start + t[3];
    return t[0] == CANON_ENUM ? JS_NewString(ctx, canon_name(one[0])) : tagged(ctx, canon_name(one[0]), v);
}

static JSValue lift_option(JSContext *ctx, const uint32_t *t, canon_place *p)
{
    uint64_t *start = p->flat;
    bool some = take(p, 1) & 1, nested = canon_kind_of(t[4]) == CANON_OPTION;
    JSValue v = JS_UNDEFINED;
    if (some) {
        canon_place q = inner(p, t[5]);
        v = canon_lift(ctx, t[4], &q);
    }
    if (start)
        p->flat = start + t[3];
    return nested ? tagged(ctx, some ? "some" : "none", v) : v;
}

static JSValue lift_flags(JSContext *ctx, const uint32_t *t, canon_place *p)
{
    JSValue v = JS_NewObject(ctx);
    uint64_t word = 0;
    canon_place q = *p;
    for (uint32_t i = 0; i < t[4]; i++) {
        if (i % 32 == 0) {
            q = inner(p, i / 8);
            word = take(&q, t[1] < 4 ? t[1] : 4);
            p->flat = q.flat;
        }
        JS_SetPropertyStr(ctx, v, canon_name(t[5 + i]), JS_NewBool(ctx, word >> (i % 32) & 1));
    }
    return v;
}

JSValue canon_lift(JSContext *ctx, uint32_t type, canon_place *p)
{
    const uint32_t *t = canon_table + type;
    switch (t[0]) {
    case CANON_BOOL: return JS_NewBool(ctx, (take(p, 1) & 0xFF) != 0);
    case CANON_S8: return JS_NewInt32(ctx, (int8_t)take(p, 1));
    case CANON_U8: return JS_NewInt32(ctx, (uint8_t)take(p, 1));
    case CANON_S16: return JS_NewInt32(ctx, (int16_t)take(p, 2));
    case CANON_U16: return JS_NewInt32(ctx, (uint16_t)take(p, 2));
    case CANON_S32: return JS_NewInt32(ctx, (int32_t)take(p, 4));
    case CANON_U32: return JS_NewUint32(ctx, (uint32_t)take(p, 4));
    case CANON_S64: return JS_NewBigInt64(ctx, (int64_t)take(p, 8));
    case CANON_U64: return JS_NewBigUint64(ctx, take(p, 8));
    case CANON_F32: {
        uint32_t bits = (uint32_t)take(p, 4);
        float f;
        memcpy(&f, &bits, 4);
        return JS_NewFloat64(ctx, f);
    }
    case CANON_F64: {
        uint64_t bits = take(p, 8);
        double d;
        memcpy(&d, &bits, 8);
        return JS_NewFloat64(ctx, d);
    }
    case CANON_CHAR: {
        uint32_t c = (uint32_t)take(p, 4);
        uint16_t units[2] = { (uint16_t)c };
        if (c < 0x10000)
            return JS_NewStringUTF16(ctx, units, 1);
        units[0] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
        units[1] = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
        return JS_NewStringUTF16(ctx, units, 2);
    }
    case CANON_STRING: {
        const char *at = (const char *)(uintptr_t)take(p, 4);
        return JS_NewStringLen(ctx, at, take_second(p));
    }
    case CANON_LIST: {
        uint8_t *at = (uint8_t *)(uintptr_t)take(p, 4);
        return lift_list(ctx, t[4], at, take_second(p));
    }
    case CANON_RECORD: return lift_fields(ctx, t, p, true);
    case CANON_TUPLE: return lift_fields(ctx, t, p, false);
    case CANON_FLAGS: return lift_flags(ctx, t, p);
    case CANON_ENUM:
    case CANON_VARIANT:
    case CANON_RESULT: return lift_variant(ctx, t, p);
    case CANON_OPTION: return lift_option(ctx, t, p);
    default: return canon_lift_handle(ctx, t[4], (uint32_t)take(p, 4));
    }
}

/* ---- from JavaScript to the ABI ------------------------------------------ */

static int mismatch(JSContext *ctx, const char *wanted, JSValueConst v)
{
    const char *found = JS_IsUndefined(v) ? "undefined"
        : JS_IsNull(v)                    ? "null"
        : JS_IsString(v)                  ? "a string"
        : JS_IsNumber(v)                  ? "a number"
        : JS_IsBigInt(v)                  ? "a bigint"
        : JS_IsBool(v)                    ? "a boolean"
        : JS_IsFunction(ctx, v)           ? "a function"
        : JS_IsArray(v)                   ? "an array"
                                          : "an object";
    JS_ThrowTypeError(ctx, "found %s, expected %s", found, wanted);
    return -1;
}

static int lower_integer(JSContext *ctx, JSValueConst v, double least, double most, const char *type, int64_t *out)
{
    double d;
    if (!JS_IsNumber(v))
        return mismatch(ctx, type, v);
    JS_ToFloat64(ctx, &d, v);
    if (d != trunc(d) || d < least || d > most) {
        JS_ThrowRangeError(ctx, "found a number that is no %s", type);
        return -1;
    }
    *out = (int64_t)d;
    return 0;
}

static int lower_long(JSContext *ctx, JSValueConst v, bool is_signed, uint64_t *out)
{
    if (JS_IsBigInt(v)) {
        /* A value that does not fit comes back as another one. */
        JSValue back;
        if (is_signed) {
            JS_ToBigInt64(ctx, (int64_t *)out, v);
            back = JS_NewBigInt64(ctx, (int64_t)*out);
        } else {
            JS_ToBigUint64(ctx, out, v);
            back = JS_NewBigUint64(ctx, *out);
        }
        bool fits = JS_IsStrictEqual(ctx, back, v);
        JS_FreeValue(ctx, back);
        if (fits)
            return 0;
        JS_ThrowRangeError(ctx, "found a bigint that is no %s", is_signed ? "s64" : "u64");
        return -1;
    }
    double most = 9007199254740991;
    if (JS_IsNumber(v))
        return lower_integer(ctx, v, is_signed ? -most : 0, most, is_signed ? "s64" : "u64", (int64_t *)out);
    return mismatch(ctx, "a bigint", v);
}

static int lower_string(JSContext *ctx, JSValueConst v, canon_place *p, canon_blocks *blocks)
{
    size_t len;
    if (!JS_IsString(v))
        return mismatch(ctx, "a string", v);
    const char *text = JS_ToCStringLen(ctx, &len, v);
    uint8_t *at = text ? canon_alloc(ctx, blocks, 1, len) : NULL;
    if (at) {
        memcpy(at, text, len);
        utf8_mend_surrogates(at, len);
        put_pair(p, (uint32_t)(uintptr_t)at, (uint32_t)len);
    }
    JS_FreeCString(ctx, text);
    return at ? 0 : -1;
}

static int lower_list(JSContext *ctx, uint32_t element, JSValueConst v, canon_place *p, canon_blocks *blocks)
{
    uint32_t size = canon_size(element);
    int typed = typed_array(canon_kind_of(element));
    if (typed >= 0 && JS_GetTypedArrayType(v) == typed) {
        size_t len;
        const uint8_t *bytes = native_bytes(ctx, v, &len);
        void *at = bytes ? canon_alloc(ctx, blocks, canon_align(element), len) : NULL;
        if (!at)
            return -1;
        memcpy(at, bytes, len);
        put_pair(p, (uint32_t)(uintptr_t)at, (uint32_t)(len / size));
        return 0;
    }
    int64_t count;
    if (!JS_IsArray(v) && JS_GetTypedArrayType(v) < 0)
        return mismatch(ctx, "an array", v);
    if (JS_GetLength(ctx, v, &count) < 0)
        return -1;
    if (size && count > INT32_MAX / size) {
        JS_ThrowRangeError(ctx, "a list is too long");
        return -1;
    }
    uint8_t *at = canon_alloc(ctx, blocks, canon_align(element), (size_t)count * size);
    if (!at)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        canon_place q = { .memory = at + (size_t)i * size };
        JSValue one = JS_GetPropertyUint32(ctx, v, i);
        int lowered = JS_IsException(one) ? -1 : canon_lower(ctx, element, one, &q, blocks);
        JS_FreeValue(ctx, one);
        if (lowered < 0)
            return -1;
    }
    put_pair(p, (uint32_t)(uintptr_t)at, (uint32_t)count);
    return 0;
}

static int lower_fields(JSContext *ctx, const uint32_t *t, JSValueConst v, canon_place *p, canon_blocks *blocks,
                        bool named)
{
    if (!JS_IsObject(v))
        return mismatch(ctx, named ? "an object" : "an array", v);
    const uint32_t *field = t + 5;
    for (uint32_t i = 0; i < t[4]; i++, field += 3) {
        canon_place q = inner(p, field[2]);
        JSValue part = named ? JS_GetPropertyStr(ctx, v, canon_name(field[0])) : JS_GetPropertyUint32(ctx, v, i);
        int lowered = JS_IsException(part) ? -1 : canon_lower(ctx, field[1], part, &q, blocks);
        JS_FreeValue(ctx, part);
        p->flat = q.flat;
        if (lowered < 0)
            return -1;
    }
    return 0;
}

/* Writes the case `tag` with the payload `v`. */
static int lower_case(JSContext *ctx, uint32_t flat_count, uint32_t tag_size, uint32_t tag, uint32_t payload,
                      uint32_t type, JSValueConst v, canon_place *p, canon_blocks *blocks)
{
    uint64_t *start = p->flat;
    if (start)
        memset(start, 0, flat_count * sizeof *start);
    put(p, tag_size, tag);
    canon_place q = inner(p, payload);
    if (type && canon_lower(ctx, type, v, &q, blocks) < 0)
        return -1;
    if (start)
        p->flat = start + flat_count;
    return 0;
}

static int lower_variant(JSContext *ctx, const uint32_t *t, JSValueConst v, canon_place *p, canon_blocks *blocks)
{
    JSValue name = t[0] == CANON_ENUM ? JS_DupValue(ctx, v)
        : JS_IsObject(v)              ? JS_GetPropertyStr(ctx, v, "tag")
                                      : JS_UNDEFINED;
    if (!JS_IsString(name)) {
        JS_FreeValue(ctx, name);
        return JS_IsException(name) ? -1
            : mismatch(ctx, t[0] == CANON_ENUM ? "the name of a case" : "an object with a `tag`", v);
    }
    const char *tag = JS_ToCString(ctx, name);
    JS_FreeValue(ctx, name);
    if (!tag)
        return -1;
    uint32_t i = 0;
    while (i < t[6] && strcmp(canon_name(t[7 + 2 * i]), tag) != 0)
        i++;
    if (i == t[6])
        JS_ThrowTypeError(ctx, "`%s` is not among the cases", tag);
    JS_FreeCString(ctx, tag);
    if (i == t[6])
        return -1;
    uint32_t type = t[8 + 2 * i];
    JSValue val = type ? JS_GetPropertyStr(ctx, v, "val") : JS_UNDEFINED;
    int lowered = JS_IsException(val) ? -1 : lower_case(ctx, t[3], t[4], i, t[5], type, val, p, blocks);
    JS_FreeValue(ctx, val);
    return lowered;
}

static int lower_option(JSContext *ctx, const uint32_t *t, JSValueConst v, canon_place *p, canon_blocks *blocks)
{
    if (canon_kind_of(t[4]) != CANON_OPTION) {
        bool some = !JS_IsUndefined(v) && !JS_IsNull(v);
        return lower_case(ctx, t[3], 1, some, t[5], some ? t[4] : 0, v, p, blocks);
    }
    JSValue val = JS_IsObject(v) ? JS_GetPropertyStr(ctx, v, "val") : JS_UNDEFINED;
    JSValue tag = JS_IsObject(v) ? JS_GetPropertyStr(ctx, v, "tag") : JS_UNDEFINED;
    const char *word = JS_IsString(tag) ? JS_ToCString(ctx, tag) : NULL;
    bool some = word && strcmp(word, "some") == 0, known = some || (word && strcmp(word, "none") == 0);
    int lowered = known ? lower_case(ctx, t[3], 1, some, t[5], some ? t[4] : 0, val, p, blocks)
                        : mismatch(ctx, "an object whose `tag` is `some` or `none`", v);
    JS_FreeCString(ctx, word);
    JS_FreeValue(ctx, tag);
    JS_FreeValue(ctx, val);
    return lowered;
}

static int lower_flags(JSContext *ctx, const uint32_t *t, JSValueConst v, canon_place *p)
{
    if (!JS_IsObject(v))
        return mismatch(ctx, "an object", v);
    for (uint32_t i = 0; i < t[4]; i += 32) {
        uint32_t word = 0;
        for (uint32_t k = i; k < t[4] && k < i + 32; k++) {
            JSValue flag = JS_GetPropertyStr(ctx, v, canon_name(t[5 + k]));
            if (JS_IsException(flag))
                return -1;
            word |= (uint32_t)JS_ToBool(ctx, flag) << (k % 32);
            JS_FreeValue(ctx, flag);
        }
        canon_place q = inner(p, i / 8);
        put(&q, t[1] < 4 ? t[1] : 4, word);
        p->flat = q.flat;
    }
    return 0;
}

static int lower_char(JSContext *ctx, JSValueConst v, canon_place *p)
{
    if (!JS_IsString(v))
        return mismatch(ctx, "a character", v);
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, v);
    if (!text)
        return -1;
    uint16_t units[4];
    utf8_text t = len > 0 && len <= 4 ? utf8_decode((const uint8_t *)text, len, units) : (utf8_text){ 0 };
    JS_FreeCString(ctx, text);
    uint32_t c = units[0];
    bool pair = t.valid && t.units == 2 && c >= 0xD800 && c < 0xDC00;
    if (!t.valid || t.pending || !(t.units == 1 || pair))
        return mismatch(ctx, "one character", v);
    put(p, 4, pair ? 0x10000 + ((c - 0xD800) << 10) + (units[1] - 0xDC00u) : c);
    return 0;
}

int canon_lower(JSContext *ctx, uint32_t type, JSValueConst v, canon_place *p, canon_blocks *blocks)
{
    static const struct { const char *name; double least, most; } integers[] = {
        [CANON_S8] = { "s8", INT8_MIN, INT8_MAX },
        [CANON_U8] = { "u8", 0, UINT8_MAX },
        [CANON_S16] = { "s16", INT16_MIN, INT16_MAX },
        [CANON_U16] = { "u16", 0, UINT16_MAX },
        [CANON_S32] = { "s32", INT32_MIN, INT32_MAX },
        [CANON_U32] = { "u32", 0, UINT32_MAX },
    };
    const uint32_t *t = canon_table + type;
    switch (t[0]) {
    case CANON_BOOL:
        put(p, 1, (uint64_t)JS_ToBool(ctx, v));
        return 0;
    case CANON_S8:
    case CANON_U8:
    case CANON_S16:
    case CANON_U16:
    case CANON_S32:
    case CANON_U32: {
        int64_t n;
        if (lower_integer(ctx, v, integers[t[0]].least, integers[t[0]].most, integers[t[0]].name, &n) < 0)
            return -1;
        put(p, t[1], (uint32_t)n);
        return 0;
    }
    case CANON_S64:
    case CANON_U64: {
        uint64_t n;
        if (lower_long(ctx, v, t[0] == CANON_S64, &n) < 0)
            return -1;
        put(p, 8, n);
        return 0;
    }
    case CANON_F32:
    case CANON_F64: {
        double d;
        uint64_t bits = 0;
        if (!JS_IsNumber(v))
            return mismatch(ctx, "a number", v);
        JS_ToFloat64(ctx, &d, v);
        float f = (float)d;
        if (t[0] == CANON_F32)
            memcpy(&bits, &f, 4);
        else
            memcpy(&bits, &d, 8);
        put(p, t[1], bits);
        return 0;
    }
    case CANON_CHAR: return lower_char(ctx, v, p);
    case CANON_STRING: return lower_string(ctx, v, p, blocks);
    case CANON_LIST: return lower_list(ctx, t[4], v, p, blocks);
    case CANON_RECORD: return lower_fields(ctx, t, v, p, blocks, true);
    case CANON_TUPLE: return lower_fields(ctx, t, v, p, blocks, false);
    case CANON_FLAGS: return lower_flags(ctx, t, v, p);
    case CANON_ENUM:
    case CANON_VARIANT:
    case CANON_RESULT: return lower_variant(ctx, t, v, p, blocks);
    case CANON_OPTION: return lower_option(ctx, t, v, p, blocks);
    default: {
        uint32_t handle;
        if (canon_lower_handle(ctx, t[4], v, t[0] == CANON_OWN, &handle) < 0)
            return -1;
        put(p, 4, handle);
        return 0;
    }
    }
}
