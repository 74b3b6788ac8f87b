/* codec_jpeg_write.c: JPEG files by libjpeg-turbo's TurboJPEG, which is loaded when it is needed (Debian:
 * libturbojpeg0), with the text in EXIF. Its interface, as turbojpeg.h of version 2.1 has it. */
#include "codecs.h"
#include "exif_write.h"
#include "tensor/os.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS_RGB = 0, SAMPLES_444 = 0, SAMPLES_420 = 2, ACCURATE = 4096, FINE = 95, SEGMENT_MOST = 65533 };

typedef struct {
    void *(*init)(void);
    int (*compress)(void *handle, const unsigned char *rgb, int width, int pitch, int height, int format,
                    unsigned char **out, unsigned long *size, int samples, int quality, int flags);
    void (*release)(unsigned char *bytes);
    int (*destroy)(void *handle);
} Turbo;

static bool load(Turbo *t) {
    static const char *const NAMES[] = {"libturbojpeg.so.0", "libturbojpeg.so", "libturbojpeg.dylib",
                                        "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.dylib"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && !library; i++)
        library = os_library_open(NAMES[i], NULL, NULL);
    if (!library) return false;
    *t = (Turbo){(void *(*)(void))os_library_function(library, "tjInitCompress"),
                 (int (*)(void *, const unsigned char *, int, int, int, int, unsigned char **, unsigned long *, int,
                          int, int))os_library_function(library, "tjCompress2"),
                 (void (*)(unsigned char *))os_library_function(library, "tjFree"),
                 (int (*)(void *))os_library_function(library, "tjDestroy")};
    return t->init && t->compress && t->release && t->destroy;
}

bool jpeg_is_written(void) {
    Turbo t;
    return load(&t);
}

static bool no_memory(Error *e) {
    return error_set(e, ERR_MEMORY, "cannot allocate memory to write a JPEG; free some and try again");
}

/* The file with the text in a segment behind the first one, which is JFIF's. */
static bool with_text(const uint8_t *jpeg, size_t n, const char *text, uint8_t **out, size_t *size, Error *e) {
    uint8_t *exif = NULL;
    size_t exif_n = 0, front = 2;
    if (text && !exif_make(text, &exif, &exif_n, e)) return false;
    if (text && 2 + 6 + exif_n > SEGMENT_MOST) {
        free(exif);
        return error_set(e, ERR_ARGUMENT, "the text is too long for a JPEG; name it .png, or .webp");
    }
    if (n > 6 && jpeg[2] == 0xFF && jpeg[3] == 0xE0) front = 4 + (size_t)(jpeg[4] << 8 | jpeg[5]);
    size_t segment = text ? 4 + 6 + exif_n : 0;
    uint8_t *p = front <= n ? malloc(n + segment) : NULL;
    if (p) {
        memcpy(p, jpeg, front);
        if (text) {
            size_t length = segment - 2;
            const uint8_t begin[10] = {0xFF, 0xE1, (uint8_t)(length >> 8), (uint8_t)length, 'E', 'x', 'i', 'f', 0, 0};
            memcpy(p + front, begin, sizeof begin);
            memcpy(p + front + sizeof begin, exif, exif_n);
        }
        memcpy(p + front + segment, jpeg + front, n - front);
    }
    free(exif);
    *out = p, *size = n + segment;
    return p || no_memory(e);
}

bool jpeg_write(const uint8_t *rgb, int width, int height, const char *text, int quality, uint8_t **out, size_t *size,
                Error *e) {
    Turbo t;
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    if (!load(&t)) return error_set(e, ERR_DEVICE, "JPEG files are written by libturbojpeg0; install it");
    void *handle = t.init();
    if (!handle) return no_memory(e);
    int samples = quality >= FINE ? SAMPLES_444 : SAMPLES_420;
    bool ok =
        !t.compress(handle, rgb, width, 0, height, PIXELS_RGB, &jpeg, &n, samples, quality, ACCURATE) || no_memory(e);
    ok = ok && with_text(jpeg, n, text, out, size, e);
    if (jpeg) t.release(jpeg);
    t.destroy(handle);
    return ok;
}
