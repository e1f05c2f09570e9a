/* Applets that encode or digest: base64 sha256sum */
#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "wbox.h"

/* ---- base64 (RFC 4648) --------------------------------------------------- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static bool base64_decodes, base64_ignores;
static size_t base64_width = 76;

static void encode(FILE *in, const char *name)
{
    unsigned char b[3];
    size_t column = 0;
    (void)name;
    for (size_t n; (n = fread(b, 1, 3, in)) > 0;) {
        uint32_t bits = (uint32_t)b[0] << 16 | (n > 1 ? (uint32_t)b[1] << 8 : 0) | (n > 2 ? b[2] : 0);
        for (size_t i = 0; i < 4; i++) {
            putchar(i <= n ? alphabet[bits >> (18 - 6 * i) & 63] : '=');
            if (base64_width && ++column == base64_width) {
                putchar('\n');
                column = 0;
            }
        }
    }
    if (column > 0)
        putchar('\n');
}

static void decode(FILE *in, const char *name)
{
    uint32_t bits = 0;
    int digits = 0, padding = 0;
    (void)name;
    for (int c; (c = getc(in)) != EOF;) {
        const char *found = c ? strchr(alphabet, c) : NULL;
        if (c == '=') {
            padding++;
            continue;
        }
        if (!found || padding) {
            if (c == '\n' || c == '\r' || (!found && base64_ignores))
                continue;
            fail("wrong input");
        }
        bits = bits << 6 | (uint32_t)(found - alphabet);
        if (++digits == 4) {
            putchar((int)(bits >> 16 & 0xFF));
            putchar((int)(bits >> 8 & 0xFF));
            putchar((int)(bits & 0xFF));
            digits = 0;
            bits = 0;
        }
    }
    if (digits == 1 || (padding && digits + padding != 4))
        fail("the input ends too early");
    if (digits >= 2)
        putchar((int)(bits >> (digits == 2 ? 4 : 10) & 0xFF));
    if (digits == 3)
        putchar((int)(bits >> 2 & 0xFF));
}

int base64_main(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "decode", no_argument, 0, 'd' }, { "ignore-garbage", no_argument, 0, 'i' }, { "wrap", required_argument, 0, 'w' }, { 0 },
    };
    for (int c; (c = getopt_long(argc, argv, "dDiw:", long_options, NULL)) != -1;) {
        switch (c) {
        case 'd':
        case 'D': base64_decodes = true; break;
        case 'i': base64_ignores = true; break;
        case 'w': base64_width = (size_t)parse_number(optarg); break;
        default: usage("[-di] [-w COLUMNS] [FILE]");
        }
    }
    return each_input(argc - optind, argv + optind, base64_decodes ? decode : encode);
}

/* ---- sha256 (FIPS 180-4) ------------------------------------------------- */

typedef struct { uint32_t state[8]; uint64_t len; unsigned char block[64]; } sha256;

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The first 32 bits of the fractional parts of the cube roots of the first 64
 * primes. */
static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static void sha256_block(sha256 *s)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 | (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, s->state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + rounds[i] + w[i];
        uint32_t t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        s->state[i] += v[i];
}

static void sha256_add(sha256 *s, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->block[s->len++ % 64] = p[i];
        if (s->len % 64 == 0)
            sha256_block(s);
    }
}

static void sha256_file(FILE *in, const char *name)
{
    static unsigned char buffer[64 * 1024];
    sha256 s = { .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        sha256_add(&s, buffer, n);
    uint64_t bits = s.len * 8;
    sha256_add(&s, (const unsigned char[]){ 0x80 }, 1);
    while (s.len % 64 != 56)
        sha256_add(&s, (const unsigned char[]){ 0 }, 1);
    for (int i = 7; i >= 0; i--)
        sha256_add(&s, (const unsigned char[]){ (unsigned char)(bits >> (8 * i)) }, 1);
    for (int i = 0; i < 8; i++)
        printf("%08x", (unsigned)s.state[i]);
    printf("  %s\n", name);
}

int sha256sum_main(int argc, char **argv)
{
    if (getopt(argc, argv, "b") == '?')
        usage("[FILE]...");
    return each_input(argc - optind, argv + optind, sha256_file);
}
