/* UTF-8 as the Encoding Standard reads and writes it, which is stricter than
 * the engine: one U+FFFD per maximal invalid part, no surrogates. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t units;    /* UTF-16 code units of the decoded text */
    size_t pending;  /* bytes at the end that begin a character */
    bool valid;      /* nothing had to be replaced */
} utf8_text;

/* Decodes into `into`, which has room for `len` units, or only measures when
 * it is NULL. Bytes that are `pending` are not decoded. */
utf8_text utf8_decode(const uint8_t *bytes, size_t len, uint16_t *into);

/* Replaces encoded lone surrogates, which the engine lets through, by U+FFFD. */
void utf8_mend_surrogates(uint8_t *bytes, size_t len);

#endif
