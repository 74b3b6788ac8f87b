/* codec_stb.c: the only file that includes stb_image (Debian: libstb-dev). Only its JPEG decoder is compiled, and none
 * of its file functions.
 *
 * Its memory is counted and capped, so that a small file cannot unfold without end, and comes zeroed: its JPEG decoder
 * reads tables that a hostile file never defined. stb has a few variables of its own (flip, premultiplied, iPhone
 * files: never set here; the reason of the last failure: one per thread), and the count below is one more.
 * Without SIMD, so that a picture is the same on every machine. */
#include "codecs.h"

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

bool stb_is_there(void) { return true; }

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

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_SIMD
#define STBI_ASSERT(x) ((void)(x))
#define STBI_MALLOC(n) take(n)
#define STBI_REALLOC(p, n) NULL /* its JPEG decoder makes no block larger */
#define STBI_FREE(p) give(p)

/* Not within push and pop: gcc warns of functions that nobody calls only at the end of the file. */
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

bool stb_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    int w = 0, h = 0, channels;
    /* A JPEG's components, in blocks of up to 32 x 32, its coefficients if it is progressive, and RGBA: 16 bytes a
     * pixel of four components. */
    memory.most = (size_t)(head->width + 64) * (size_t)(head->height + 64) * 16 + (1 << 20);
    memory.used = 0;
    uint8_t *p = stbi_load_from_memory(bytes, (int)size, &w, &h, &channels, 4);
    *why = p ? NULL : stbi_failure_reason();
    bool ok = p && w == head->width && h == head->height;
    if (p && !ok) *why = "it contradicts itself";
    for (int64_t y = 0; ok && y < h; y++) to->put(to->user, p + (size_t)y * (size_t)w * 4, y, 0, 1, w);
    give(p);
    return ok;
}

#else

bool stb_is_there(void) { return false; }

bool stb_decode(const uint8_t *bytes, size_t size, const ImageHead *head, const ImageSink *to, const char **why) {
    (void)bytes, (void)size, (void)head, (void)to;
    *why = NULL;
    return false;
}

#endif
