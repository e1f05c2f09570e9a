#include "pack.h"

#include <stdlib.h>
#include <string.h>

typedef struct { const uint8_t *at, *end; bool ok; } reader;

static uint32_t read_u32(reader *r)
{
    uint32_t v = 0;
    if (r->end - r->at < 4) {
        r->ok = false;
        r->at = r->end;
        return 0;
    }
    memcpy(&v, r->at, 4);
    r->at += 4;
    return v;
}

static pack_bytes read_bytes(reader *r)
{
    pack_bytes b = { NULL, read_u32(r) };
    if ((size_t)(r->end - r->at) < b.len) {
        r->ok = false;
        b.len = 0;
    }
    b.data = r->at;
    r->at += b.len;
    return b;
}

/* A count of items of at least `size` bytes each, so that a damaged count
 * cannot ask for more memory than the pack itself has. */
static uint32_t read_count(reader *r, size_t size)
{
    uint32_t n = read_u32(r);
    if (n > (size_t)(r->end - r->at) / size) {
        r->ok = false;
        return 0;
    }
    return n;
}

static void read_module(reader *r, pack_module *m)
{
    pack_bytes name = read_bytes(r);
    m->name = strndup((const char *)name.data, name.len);
    m->code = read_bytes(r);
    m->map = read_bytes(r);
    m->link_count = read_count(r, 8);
    m->links = calloc(m->link_count + 1, sizeof *m->links);
    for (uint32_t i = 0; i < m->link_count; i++) {
        m->links[i].specifier = read_bytes(r);
        m->links[i].target = read_u32(r);
    }
}

bool pack_open(pack *p, const uint8_t *bytes, size_t len)
{
    reader r = { bytes, bytes + len, true };
    if (len < 12 || memcmp(bytes, PACK_MAGIC, 8) != 0)
        return false;
    r.at += 8;
    if (read_u32(&r) != PACK_VERSION)
        return false;
    for (uint32_t n = read_count(&r, 4); n > 0; n--)
        read_bytes(&r);
    p->count = read_count(&r, 16);
    p->modules = calloc(p->count + 1, sizeof *p->modules);
    for (uint32_t i = 0; i < p->count && r.ok; i++)
        read_module(&r, &p->modules[i]);
    return r.ok && p->count > 0;
}

const pack_module *pack_find(const pack *p, const char *name)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (strcmp(p->modules[i].name, name) == 0)
            return &p->modules[i];
    return NULL;
}

const pack_link *pack_find_link(const pack_module *m, const char *specifier)
{
    size_t len = strlen(specifier);
    for (uint32_t i = 0; i < m->link_count; i++) {
        const pack_bytes *s = &m->links[i].specifier;
        if (s->len == len && memcmp(s->data, specifier, len) == 0)
            return &m->links[i];
    }
    return NULL;
}
