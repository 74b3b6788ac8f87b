/* image_stb.c: the only file that sees stb_image (Debian: libstb-dev). Only the decoders that are wanted are compiled,
 * and none of its file functions.
 *
 * Its memory is counted and capped, so that a small file cannot unfold without end, and comes zeroed: its JPEG decoder
 * reads tables that a hostile file never defined. stb keeps a few variables of its own (flip, premultiplied, iPhone
 * files: never set here; the reason of the last failure: one for each thread), and the count below is one more.
 * Without SIMD, so that a picture is the same on every machine. */
#include "image.h"
#include "image_head.h"

#include <stdlib.h>
#include <string.h>

#if defined __has_include && !defined SDC_NO_STB
#if __has_include(<stb/stb_image.h>)
#define STB_HEADER <stb/stb_image.h>
#elif __has_include(<stb_image.h>)
#define STB_HEADER <stb_image.h>
#endif
#endif

#ifdef STB_HEADER

bool image_supported(void) { return true; }

enum { FRONT = 16 }; /* before each block: its size */

static _Thread_local struct { size_t used, most; } memory;

static void *take(size_t n) {
    if (n > memory.most - memory.used) return NULL;
    uint8_t *p = calloc(1, n + FRONT);
    if (!p) return NULL;
    memcpy(p, &n, sizeof n);
    memory.used += n;
    return p + FRONT;
}

static void give(void *block) {
    if (!block) return;
    uint8_t *p = (uint8_t *)block - FRONT;
    size_t n;
    memcpy(&n, p, sizeof n);
    memory.used -= n;
    free(p);
}

static void *take_again(void *old, size_t n) {
    size_t before = 0;
    void *p = take(n);
    if (old) memcpy(&before, (uint8_t *)old - FRONT, sizeof before);
    if (p && old) memcpy(p, old, before < n ? before : n);
    if (p) give(old);
    return p;
}

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_SIMD
#define STBI_ASSERT(x) ((void)(x))
#define STBI_MALLOC(n) take(n)
#define STBI_REALLOC(p, n) take_again(p, n)
#define STBI_FREE(p) give(p)

/* Not within push and pop: gcc tells of functions that nobody calls at the end of the file. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include STB_HEADER
#pragma GCC diagnostic pop

uint8_t *image_stb_decode(const uint8_t *bytes, size_t size, int64_t width, int64_t height, size_t most,
                          const char **why) {
    int w = 0, h = 0, channels;
    memory.used = 0, memory.most = most;
    uint8_t *p = stbi_load_from_memory(bytes, (int)size, &w, &h, &channels, 4);
    *why = p ? NULL : stbi_failure_reason();
    if (p && (w != width || h != height)) {
        give(p);
        p = NULL;
        *why = "it contradicts itself";
    }
    return p;
}

void image_stb_free(uint8_t *rgba) { give(rgba); }

#else

bool image_supported(void) { return false; }

uint8_t *image_stb_decode(const uint8_t *bytes, size_t size, int64_t width, int64_t height, size_t most,
                          const char **why) {
    (void)bytes, (void)size, (void)width, (void)height, (void)most;
    *why = NULL;
    return NULL;
}

void image_stb_free(uint8_t *rgba) { free(rgba); }

#endif
