/* Times the blur of the media toolkit compiled natively: the twin of the media benchmark.
 *
 * The argument is the length of a frame, which standard input starts with. Each byte
 * after it is a call: a line of nanoseconds and a checksum of the result. */
#define _POSIX_C_SOURCE 200112L
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int blur(int len);

static void *in, *out;
static size_t room;

const void *input(void) { return in; }
void *output(uint32_t len) { return len <= room ? out : NULL; }

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
}

static uint64_t fnv(const uint8_t *bytes, int len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < len; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

int main(int argc, char **argv)
{
    int len = argc > 1 ? atoi(argv[1]) : 0;
    if (len <= 0) return 2;
    room = (size_t)len;
    if (posix_memalign(&in, 64, room) || posix_memalign(&out, 64, room)) return 1;
    if (fread(in, 1, room, stdin) != room) return 1;
    while (getchar() != EOF) {
        int64_t started = now();
        int made = blur(len);
        int64_t took = now() - started;
        if (made < 0) return 1;
        printf("%" PRId64 " %" PRIu64 "\n", took, fnv(out, made));
        fflush(stdout);
    }
    return 0;
}
