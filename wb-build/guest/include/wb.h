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
 *   exec         wb_exec
 *   vfs          wb_vfs_query, wb_vfs_read, wb_vfs_write, wb_vfs_remove, wb_vfs_list
 *   kv           wb_kv_get, wb_kv_put, wb_kv_delete, wb_kv_list
 *   queue        wb_publish, wb_poll
 *   secrets      wb_secret_present, wb_secret_sign, wb_secret_hmac
 *   net          wb_request
 *   browse       wb_browse
 *   llm          wb_complete, wb_llm_open, wb_llm_next, wb_llm_close
 *   tcp          wb_tcp_connect, wb_tcp_send, wb_tcp_receive, wb_tcp_close
 *   tls          wb_tls_connect, wb_tls_send, wb_tls_receive, wb_tls_close
 *   udp          wb_udp_connect, wb_udp_send, wb_udp_receive, wb_udp_close
 *
 * Every call returns a value >= 0, or one of the wb_error codes; after an
 * error wb_message() holds the host's explanation, and what a wrapper would
 * have filled is empty. The buffers that the wrappers fill are allocated with malloc and ended with a NUL byte that is
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
    WB_NOT_FOUND = -1,    /* no command, file, secret ... of this name */
    WB_NO_SUCH_COMMAND = WB_NOT_FOUND,
    WB_TOO_DEEP = -2,     /* more than 8 commands run each other */
    WB_REFUSED = -3,      /* by policy or by a scope of the grant */
    WB_BAD_REQUEST = -4,  /* a pointer, text or list the host cannot read, wrong SQL, a wrong URL */
    WB_FAILED = -5,       /* it was tried and did not work: the child trapped, the peer is gone */
    WB_CHILD_FAILED = WB_FAILED,
    WB_LIMIT = -6,        /* a limit on size, count or rate, or one that the child reached */
    WB_UNAVAILABLE = -7,  /* the host's service does not answer */
    WB_TIMED_OUT = -8,
    WB_NO_MEMORY = -100   /* raised here, never by the host */
};

/* ---- the imports -------------------------------------------------------- */

#define WB_IMPORT(module, name) __attribute__((import_module(module), import_name(name))) extern

/* What the last call left with the host: its error message, its value or a
 * child's stdout, and a child's stderr or a second value. It stays until the next call. */
enum wb_stream { WB_MESSAGE = 0, WB_VALUE = 1, WB_STDERR = 2, WB_SECOND = 2 };

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

/* Texts are UTF-8 with their length in bytes. `env` is packed as `args` is. */
WB_IMPORT("wb:exec", "run")
int32_t wb_import_exec_run(const char *name, uint32_t name_len, const char *args, uint32_t args_len, const char *env,
                    uint32_t env_len, const void *input, uint32_t input_len);

WB_IMPORT("wb:vfs", "query")
int32_t wb_import_vfs_query(const char *volume, uint32_t volume_len, const char *sql, uint32_t sql_len,
                            const char *params, uint32_t params_len);
WB_IMPORT("wb:vfs", "read") int32_t wb_import_vfs_read(const char *path, uint32_t len);
WB_IMPORT("wb:vfs", "write")
int32_t wb_import_vfs_write(const char *path, uint32_t len, const void *data, uint32_t data_len);
WB_IMPORT("wb:vfs", "remove") int32_t wb_import_vfs_remove(const char *path, uint32_t len);
WB_IMPORT("wb:vfs", "list") int32_t wb_import_vfs_list(const char *path, uint32_t len);

WB_IMPORT("wb:kv", "get") int32_t wb_import_kv_get(const char *key, uint32_t len);
WB_IMPORT("wb:kv", "put")
int32_t wb_import_kv_put(const char *key, uint32_t len, const void *value, uint32_t value_len);
WB_IMPORT("wb:kv", "delete") int32_t wb_import_kv_delete(const char *key, uint32_t len);
WB_IMPORT("wb:kv", "list") int32_t wb_import_kv_list(const char *prefix, uint32_t len);

WB_IMPORT("wb:queue", "publish")
int32_t wb_import_queue_publish(const char *topic, uint32_t len, const void *message, uint32_t message_len);
WB_IMPORT("wb:queue", "poll") int32_t wb_import_queue_poll(const char *topic, uint32_t len);

WB_IMPORT("wb:secrets", "present") int32_t wb_import_secrets_present(const char *name, uint32_t len);
WB_IMPORT("wb:secrets", "sign")
int32_t wb_import_secrets_sign(const char *name, uint32_t len, const void *data, uint32_t data_len);
WB_IMPORT("wb:secrets", "hmac")
int32_t wb_import_secrets_hmac(const char *name, uint32_t len, const void *data, uint32_t data_len);

WB_IMPORT("wb:net", "request")
int32_t wb_import_net_request(const char *head, uint32_t head_len, const void *body, uint32_t body_len);
WB_IMPORT("wb:browse", "fetch") int32_t wb_import_browse_fetch(const char *url, uint32_t len);

WB_IMPORT("wb:llm", "complete") int32_t wb_import_llm_complete(const char *prompt, uint32_t len);
WB_IMPORT("wb:llm", "open") int32_t wb_import_llm_open(const char *prompt, uint32_t len);
WB_IMPORT("wb:llm", "next") int32_t wb_import_llm_next(int32_t answer);
WB_IMPORT("wb:llm", "close") int32_t wb_llm_close(int32_t answer);

WB_IMPORT("wb:tcp", "connect") int32_t wb_import_tcp_connect(const char *host, uint32_t len, uint32_t port);
WB_IMPORT("wb:tcp", "send") int32_t wb_tcp_send(int32_t connection, const void *data, uint32_t len);
WB_IMPORT("wb:tcp", "receive") int32_t wb_import_tcp_receive(int32_t connection, uint32_t most);
WB_IMPORT("wb:tcp", "close") int32_t wb_tcp_close(int32_t connection);

WB_IMPORT("wb:tls", "connect") int32_t wb_import_tls_connect(const char *host, uint32_t len, uint32_t port);
WB_IMPORT("wb:tls", "send") int32_t wb_tls_send(int32_t connection, const void *data, uint32_t len);
WB_IMPORT("wb:tls", "receive") int32_t wb_import_tls_receive(int32_t connection, uint32_t most);
WB_IMPORT("wb:tls", "close") int32_t wb_tls_close(int32_t connection);

WB_IMPORT("wb:udp", "connect") int32_t wb_import_udp_connect(const char *host, uint32_t len, uint32_t port);
WB_IMPORT("wb:udp", "send") int32_t wb_udp_send(int32_t socket, const void *message, uint32_t len);
WB_IMPORT("wb:udp", "receive") int32_t wb_import_udp_receive(int32_t socket);
WB_IMPORT("wb:udp", "close") int32_t wb_udp_close(int32_t socket);

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

/* Strings of a list that ends with NULL, back to back. */
static inline char *wb__pack(const char *const *list, uint32_t *size)
{
    char *packed, *p;
    *size = 0;
    for (size_t i = 0; list && list[i]; i++)
        *size += (uint32_t)strlen(list[i]) + 1;
    if (!(packed = p = (char *)malloc(*size + 1)))
        return NULL;
    for (size_t i = 0; list && list[i]; i++) {
        size_t n = strlen(list[i]) + 1;
        memcpy(p, list[i], n);
        p += n;
    }
    return packed;
}

/* What a child left, after a call that returned `status`. */
static inline int32_t wb__output(int32_t status, wb_output *result)
{
    int32_t failed;
    result->status = status;
    if (status < 0)
        return status;
    if ((failed = wb_reply(WB_VALUE, &result->out)) < 0 || (failed = wb_reply(WB_STDERR, &result->err)) < 0) {
        wb_output_free(result);
        return result->status = failed;
    }
    return status;
}

/* Runs a registered command and waits for it. `args` ends with NULL and does
 * not repeat the command's name; it may be NULL itself. Returns the exit code. */
static inline int32_t wb_run(const char *name, const char *const *args, const void *input, size_t input_len,
                             wb_output *result)
{
    uint32_t size;
    char *packed = wb__pack(args, &size);
    int32_t status;
    memset(result, 0, sizeof *result);
    if (!packed)
        return result->status = WB_NO_MEMORY;
    status = wb_commands_run(name, (uint32_t)strlen(name), packed, size, input, (uint32_t)input_len);
    free(packed);
    return wb__output(status, result);
}

/* Runs a registered command as wb_run() does, with environment variables:
 * `env` holds texts `NAME=value`, ends with NULL and may be NULL itself. */
static inline int32_t wb_exec(const char *name, const char *const *args, const char *const *env, const void *input,
                              size_t input_len, wb_output *result)
{
    uint32_t args_size, env_size;
    char *packed_args = wb__pack(args, &args_size), *packed_env = wb__pack(env, &env_size);
    int32_t status = WB_NO_MEMORY;
    memset(result, 0, sizeof *result);
    if (packed_args && packed_env)
        status = wb_import_exec_run(name, (uint32_t)strlen(name), packed_args, args_size, packed_env, env_size, input,
                             (uint32_t)input_len);
    free(packed_args);
    free(packed_env);
    return wb__output(status, result);
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

/* The value that a call left, if it returned `status` >= 0; `status` again. */
static inline int32_t wb__value(int32_t status, wb_bytes *into)
{
    int32_t failed;
    into->data = NULL;
    into->len = 0;
    if (status < 0)
        return status;
    return (failed = wb_reply(WB_VALUE, into)) < 0 ? failed : status;
}

/* ---- vfs: files and tables of the tenant ---------------------------------
 * The volumes are `workspace` and `memory`, which outlive a run, and `tmp`. A
 * path begins with one: "workspace/notes/today.txt". */

/* Runs one SQL statement on the tables of a volume. `params` is a JSON array
 * for the statement's `?`, or NULL for none; bytes are {"base64": "..."}. The
 * rows come as JSON: {"columns": [...], "rows": [[...]], "changed": n}. */
static inline int32_t wb_vfs_query(const char *volume, const char *sql, const char *params, wb_bytes *rows)
{
    if (!params)
        params = "[]";
    return wb__value(wb_import_vfs_query(volume, (uint32_t)strlen(volume), sql, (uint32_t)strlen(sql), params,
                                         (uint32_t)strlen(params)),
                     rows);
}

/* The content of a file. */
static inline int32_t wb_vfs_read(const char *path, wb_bytes *content)
{
    return wb__value(wb_import_vfs_read(path, (uint32_t)strlen(path)), content);
}

/* Makes or replaces a file, and its directories. */
static inline int32_t wb_vfs_write(const char *path, const void *data, size_t len)
{
    return wb_import_vfs_write(path, (uint32_t)strlen(path), data, (uint32_t)len);
}

/* Removes a file: 1, or 0 when there was none. */
static inline int32_t wb_vfs_remove(const char *path)
{
    return wb_import_vfs_remove(path, (uint32_t)strlen(path));
}

/* What is in a directory, as JSON: [{"name": ..., "directory": ..., "size": ...}]. */
static inline int32_t wb_vfs_list(const char *path, wb_bytes *entries)
{
    return wb__value(wb_import_vfs_list(path, (uint32_t)strlen(path)), entries);
}

/* ---- kv: keys and values that outlive a run ------------------------------ */

/* 1 and the value of a key, or 0 and nothing. */
static inline int32_t wb_kv_get(const char *key, wb_bytes *value)
{
    int32_t found = wb_import_kv_get(key, (uint32_t)strlen(key));
    return found > 0 ? wb__value(found, value) : (memset(value, 0, sizeof *value), found);
}

/* Sets the value of a key, at most 1 MiB. */
static inline int32_t wb_kv_put(const char *key, const void *value, size_t len)
{
    return wb_import_kv_put(key, (uint32_t)strlen(key), value, (uint32_t)len);
}

/* Removes a key: 1, or 0 when there was none. */
static inline int32_t wb_kv_delete(const char *key)
{
    return wb_import_kv_delete(key, (uint32_t)strlen(key));
}

/* The keys that begin with `prefix`, in order, each ended by a NUL byte.
 * Returns how many. */
static inline int32_t wb_kv_list(const char *prefix, wb_bytes *keys)
{
    return wb__value(wb_import_kv_list(prefix, (uint32_t)strlen(prefix)), keys);
}

/* ---- queue: messages from program to program ----------------------------- */

/* Appends a message of at most 256 KiB to a topic. */
static inline int32_t wb_publish(const char *topic, const void *message, size_t len)
{
    return wb_import_queue_publish(topic, (uint32_t)strlen(topic), message, (uint32_t)len);
}

/* 1 and the oldest message of a topic, which nobody else gets then, or 0 and nothing. */
static inline int32_t wb_poll(const char *topic, wb_bytes *message)
{
    int32_t found = wb_import_queue_poll(topic, (uint32_t)strlen(topic));
    return found > 0 ? wb__value(found, message) : (memset(message, 0, sizeof *message), found);
}

/* ---- secrets: used by name, never read ----------------------------------- */

/* 1 when there is a secret of this name, else 0. */
static inline int32_t wb_secret_present(const char *name)
{
    return wb_import_secrets_present(name, (uint32_t)strlen(name));
}

/* The Ed25519 signature of `data`, 64 bytes. */
static inline int32_t wb_secret_sign(const char *name, const void *data, size_t len, wb_bytes *signature)
{
    return wb__value(wb_import_secrets_sign(name, (uint32_t)strlen(name), data, (uint32_t)len), signature);
}

/* The HMAC-SHA256 of `data`, 32 bytes. */
static inline int32_t wb_secret_hmac(const char *name, const void *data, size_t len, wb_bytes *code)
{
    return wb__value(wb_import_secrets_hmac(name, (uint32_t)strlen(name), data, (uint32_t)len), code);
}

/* ---- net: HTTP requests --------------------------------------------------- */

/* Sends a request. `head` is JSON: {"method": ..., "url": ..., "headers": [[name,
 * value]], "timeout_ms": n, "redirects": n}; a text {{secret:NAME}} in a header's value or in
 * the body is filled in by the host. Returns the HTTP status; `response` is the
 * body, and `response_head`, if not NULL, JSON: {"status", "url", "headers"}. */
static inline int32_t wb_request(const char *head, const void *body, size_t len, wb_bytes *response,
                                 wb_bytes *response_head)
{
    int32_t failed, status = wb_import_net_request(head, (uint32_t)strlen(head), body, (uint32_t)len);
    if (response_head)
        memset(response_head, 0, sizeof *response_head);
    status = wb__value(status, response);
    if (status >= 0 && response_head && (failed = wb_reply(WB_SECOND, response_head)) < 0) {
        wb_bytes_free(response);
        return failed;
    }
    return status;
}

/* ---- browse: pages of the web --------------------------------------------- */

/* A page as JSON: {"url", "status", "title", "text", "links": [{"text", "url"}]}. */
static inline int32_t wb_browse(const char *url, wb_bytes *page)
{
    return wb__value(wb_import_browse_fetch(url, (uint32_t)strlen(url)), page);
}

/* ---- llm: language models -------------------------------------------------
 * A prompt is a text, or JSON that begins with `{`: {"model", "system",
 * "messages": [{"role": "user" or "assistant", "content"}], "max_tokens",
 * "temperature", "stop": [...]}. */

/* The whole answer. */
static inline int32_t wb_complete(const char *prompt, wb_bytes *answer)
{
    return wb__value(wb_import_llm_complete(prompt, (uint32_t)strlen(prompt)), answer);
}

/* Starts an answer that comes in pieces. Returns its handle, for wb_llm_close(). */
static inline int32_t wb_llm_open(const char *prompt)
{
    return wb_import_llm_open(prompt, (uint32_t)strlen(prompt));
}

/* The next piece: its length, or 0 at the end. */
static inline int32_t wb_llm_next(int32_t answer, wb_bytes *piece)
{
    return wb__value(wb_import_llm_next(answer), piece);
}

/* ---- tcp, tls, udp ---------------------------------------------------------
 * connect returns a handle. send sends all. receive waits and gives up to
 * `most` bytes, or a whole datagram; 0 means that the peer has closed. */

static inline int32_t wb_tcp_connect(const char *host, uint16_t port)
{
    return wb_import_tcp_connect(host, (uint32_t)strlen(host), port);
}

static inline int32_t wb_tcp_receive(int32_t connection, uint32_t most, wb_bytes *data)
{
    return wb__value(wb_import_tcp_receive(connection, most), data);
}

/* The peer's certificate must be `host`'s. */
static inline int32_t wb_tls_connect(const char *host, uint16_t port)
{
    return wb_import_tls_connect(host, (uint32_t)strlen(host), port);
}

static inline int32_t wb_tls_receive(int32_t connection, uint32_t most, wb_bytes *data)
{
    return wb__value(wb_import_tls_receive(connection, most), data);
}

static inline int32_t wb_udp_connect(const char *host, uint16_t port)
{
    return wb_import_udp_connect(host, (uint32_t)strlen(host), port);
}

static inline int32_t wb_udp_receive(int32_t socket, wb_bytes *message)
{
    return wb__value(wb_import_udp_receive(socket), message);
}

#ifdef __cplusplus
}
#endif
#endif
