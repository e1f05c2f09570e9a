#include "utf8.h"

static size_t put(uint16_t *into, size_t at, uint32_t c)
{
    if (c < 0x10000) {
        if (into)
            into[at] = (uint16_t)c;
        return at + 1;
    }
    if (into) {
        into[at] = (uint16_t)(0xD7C0 + (c >> 10));
        into[at + 1] = (uint16_t)(0xDC00 | (c & 0x3FF));
    }
    return at + 2;
}

utf8_text utf8_decode(const uint8_t *bytes, size_t len, uint16_t *into)
{
    utf8_text t = { 0, 0, true };
    size_t i = 0;
    while (i < len) {
        uint8_t b = bytes[i];
        if (b < 0x80) {
            t.units = put(into, t.units, b);
            i++;
            continue;
        }
        /* https://encoding.spec.whatwg.org/#utf-8-decoder: how many bytes
         * follow, and the range of the first of them. */
        int need = 0;
        uint8_t low = 0x80, high = 0xBF;
        uint32_t c = 0;
        if (b >= 0xC2 && b <= 0xDF) {
            need = 1;
            c = b & 0x1F;
        } else if (b >= 0xE0 && b <= 0xEF) {
            need = 2;
            c = b & 0x0F;
            low = b == 0xE0 ? 0xA0 : 0x80;
            high = b == 0xED ? 0x9F : 0xBF;
        } else if (b >= 0xF0 && b <= 0xF4) {
            need = 3;
            c = b & 0x07;
            low = b == 0xF0 ? 0x90 : 0x80;
            high = b == 0xF4 ? 0x8F : 0xBF;
        }
        size_t j = i + 1;
        for (; need > 0 && j < len && bytes[j] >= low && bytes[j] <= high; need--, j++) {
            c = c << 6 | (bytes[j] & 0x3F);
            low = 0x80;
            high = 0xBF;
        }
        if (need > 0 && j == len) {
            t.pending = len - i;
            return t;
        }
        if (need > 0 || j == i + 1) {
            t.valid = false;
            c = 0xFFFD;
        }
        t.units = put(into, t.units, c);
        i = j;
    }
    return t;
}

void utf8_mend_surrogates(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (bytes[i] == 0xED && bytes[i + 1] >= 0xA0) {
            bytes[i] = 0xEF;
            bytes[i + 1] = 0xBF;
            bytes[i + 2] = 0xBD;
            i += 2;
        }
    }
}
