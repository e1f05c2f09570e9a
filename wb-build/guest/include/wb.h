/* wb.h: the Dock for C and C++ commands and kernels.
 *
 * A core module reaches the Dock through one import module per capability.
 * Only what a program calls is imported, so a program that never calls
 * wb_run() loads without the capability `commands`.
 *
 *   capability   functions
 *   (none)       wb_session
 *   commands     wb_run
 *   parallel     wb_run_many
 *
 * Every call returns a value >= 0, or one of the wb_error codes; after an
 * error wb_message() holds the host's explanation. The buffers that the
 * wrappers fill are allocated with malloc and ended with a NUL byte that is
 * not counted in their length; release them with free() or the _free functions.
 */
#ifndef WB_H
#define WB_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wb_error {
    WB_NO_SUCH_COMMAND = -1,
    WB_TOO_DEEP = -2,     /* more than 8 commands run each other */
    WB_REFUSED = -3,      /* by policy */
    WB_BAD_REQUEST = -4,  /* a pointer, text or list the host cannot read */
    WB_CHILD_FAILED = -5, /* the child trapped */
    WB_LIMIT = -6,        /* the child reached a limit of its own */
    WB_NO_MEMORY = -100   /* raised here, never by the host */
};

/* ---- the imports -------------------------------------------------------- */

#define WB_IMPORT(module, name) __attribute__((import_module(module), import_name(name))) extern

/* What the last call left with the host: its error message, its value or a
 * child's stdout, and a child's stderr. It stays until the next call. */
enum wb_stream { WB_MESSAGE = 0, WB_VALUE = 1, WB_STDERR = 2 };

WB_IMPORT("wb:reply", "len") int32_t wb_reply_len(int32_t stream);
WB_IMPORT("wb:reply", "read") int32_t wb_reply_read(int32_t stream, uint32_t offset, void *into, uint32_t len);

WB_IMPORT("wb:session", "info") int32_t wb_session_info(void);

/* `args` holds NUL-terminated strings, back to back. */
WB_IMPORT("wb:commands", "run")
int32_t wb_commands_run(const char *name, uint32_t name_len, const char *args, uint32_t args_len,
                        const void *input, uint32_t input_len);

/* `inputs` holds a u32 count, then for each child a u32 length and its stdin. */
WB_IMPORT("wb:parallel", "run_many")
int32_t wb_parallel_run_many(const char *name, uint32_t name_len, const void *inputs, uint32_t inputs_len);

/* ---- the wrappers ------------------------------------------------------- */

typedef struct { uint8_t *data; size_t len; } wb_bytes;

/* A child's end: its exit code, or a wb_error when it did not run to one. */
typedef struct { int32_t status; wb_bytes out, err; } wb_output;

static inline void wb_bytes_free(wb_bytes *b)
{
    free(b->data);
    b->data = NULL;
    b->len = 0;
}

static inline void wb_output_free(wb_output *o)
{
    wb_bytes_free(&o->out);
    wb_bytes_free(&o->err);
}

/* Copies one stream of the last reply. */
static inline int32_t wb_reply(int32_t stream, wb_bytes *into)
{
    int32_t len = wb_reply_len(stream);
    into->data = NULL;
    into->len = 0;
    if (len < 0)
        return len;
    if (!(into->data = (uint8_t *)malloc((size_t)len + 1)))
        return WB_NO_MEMORY;
    if (len > 0)
        len = wb_reply_read(stream, 0, into->data, (uint32_t)len);
    if (len < 0) {
        wb_bytes_free(into);
        return len;
    }
    into->len = (size_t)len;
    into->data[len] = 0;
    return 0;
}

/* Why the last call failed. Empty after one that did not. */
static inline char *wb_message(void)
{
    wb_bytes text;
    return wb_reply(WB_MESSAGE, &text) < 0 ? NULL : (char *)text.data;
}

/* The session as JSON: {"id": ..., "tenant": ..., "profile": ...}. */
static inline char *wb_session(void)
{
    wb_bytes json;
    if (wb_session_info() < 0 || wb_reply(WB_VALUE, &json) < 0)
        return NULL;
    return (char *)json.data;
}

/* Runs a registered command and waits for it. `args` ends with NULL and does
 * not repeat the command's name; it may be NULL itself. Returns the exit code. */
static inline int32_t wb_run(const char *name, const char *const *args, const void *input, size_t input_len,
                             wb_output *result)
{
    size_t size = 0;
    char *packed, *p;
    int32_t status, failed;
    memset(result, 0, sizeof *result);
    for (size_t i = 0; args && args[i]; i++)
        size += strlen(args[i]) + 1;
    if (!(packed = p = (char *)malloc(size + 1)))
        return result->status = WB_NO_MEMORY;
    for (size_t i = 0; args && args[i]; i++) {
        size_t n = strlen(args[i]) + 1;
        memcpy(p, args[i], n);
        p += n;
    }
    status = wb_commands_run(name, (uint32_t)strlen(name), packed, (uint32_t)size, input, (uint32_t)input_len);
    free(packed);
    result->status = status;
    if (status < 0)
        return status;
    if ((failed = wb_reply(WB_VALUE, &result->out)) < 0 || (failed = wb_reply(WB_STDERR, &result->err)) < 0) {
        wb_output_free(result);
        return result->status = failed;
    }
    return status;
}

/* Takes a length-prefixed part of a run_many reply, as a copy. */
static inline int wb__take(const uint8_t **p, const uint8_t *end, wb_bytes *into)
{
    uint32_t len;
    if (end - *p < 4)
        return 0;
    memcpy(&len, *p, 4);
    *p += 4;
    if ((size_t)(end - *p) < len || !(into->data = (uint8_t *)malloc((size_t)len + 1)))
        return 0;
    memcpy(into->data, *p, len);
    into->data[len] = 0;
    into->len = len;
    *p += len;
    return 1;
}

/* Runs one command over many inputs at once. `results` has room for `count`
 * outputs, which come back in the order of the inputs. Returns `count`. */
static inline int32_t wb_run_many(const char *name, const wb_bytes *inputs, uint32_t count, wb_output *results)
{
    size_t size = 4;
    uint8_t *packed, *w;
    const uint8_t *p, *end;
    wb_bytes reply;
    int32_t status;
    if (count)
        memset(results, 0, count * sizeof *results);
    for (uint32_t i = 0; i < count; i++)
        size += 4 + inputs[i].len;
    if (!(packed = w = (uint8_t *)malloc(size)))
        return WB_NO_MEMORY;
    memcpy(w, &count, 4);
    w += 4;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = (uint32_t)inputs[i].len;
        memcpy(w, &len, 4);
        if (len)
            memcpy(w + 4, inputs[i].data, len);
        w += 4 + len;
    }
    status = wb_parallel_run_many(name, (uint32_t)strlen(name), packed, (uint32_t)size);
    free(packed);
    if (status < 0 || (status = wb_reply(WB_VALUE, &reply)) < 0)
        return status;
    p = reply.data;
    end = p + reply.len;
    for (uint32_t i = 0; i < count; i++) {
        int ok = end - p >= 4;
        if (ok) {
            memcpy(&results[i].status, p, 4);
            p += 4;
            ok = wb__take(&p, end, &results[i].out) && wb__take(&p, end, &results[i].err);
        }
        if (!ok) {
            for (uint32_t k = 0; k <= i; k++)
                wb_output_free(&results[k]);
            wb_bytes_free(&reply);
            return WB_NO_MEMORY;
        }
    }
    wb_bytes_free(&reply);
    return (int32_t)count;
}

#ifdef __cplusplus
}
#endif
#endif
