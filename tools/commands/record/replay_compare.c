#include "replay_compare.h"

#include "sd/image/codecs/codecs.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- formats that keep pixels only nearly --- */

enum { MOST_QUALITY = 100, UNKNOWN = 0 };

/* Whether the new picture as a file of this quality shows the same; *size: of that file. A file that cannot be made is
 * larger than any. */
static bool shows_same(const ReplayFile *was, const ImageCodec *c, const SdPicture *is, int quality, size_t *size) {
    uint8_t *bytes = NULL;
    Image image = {0};
    Error own = {0};
    *size = SIZE_MAX;
    bool same = c->encode(is->rgb, is->width, is->height, was->text, quality, &bytes, size, &own) &&
                image_decode(bytes, *size, was->path, IMAGE_WHITE, &image, &own) && image.width == was->image.width &&
                image.height == was->image.height &&
                !memcmp(image.rgb, was->image.rgb, (size_t)image.width * (size_t)image.height * 3);
    free(bytes);
    image_free(&image);
    return same;
}

/* The quality at which the new picture becomes the file's: the usual one, or one that makes a file as large. */
static int find_quality(const ReplayFile *was, const ImageCodec *c, const SdPicture *is) {
    int low = 1, high = MOST_QUALITY;
    size_t size;
    if (shows_same(was, c, is, IMAGE_QUALITY, &size)) return IMAGE_QUALITY;
    while (low < high) {
        int middle = (low + high) / 2;
        if (shows_same(was, c, is, middle, &size)) return middle;
        if (size < was->bytes.size) low = middle + 1;
        else high = middle;
    }
    for (int q = low - 2; q <= low + 2; q++) /* sizes do not always grow */
        if (q >= 1 && q <= MOST_QUALITY && shows_same(was, c, is, q, &size)) return q;
    return UNKNOWN;
}

/* --- pixels --- */

typedef struct {
    int64_t pixels, changed;
    int most;
    double psnr;
} Apart;

static Apart apart(const Image *was, const SdPicture *is) {
    Apart a = {.pixels = (int64_t)was->width * was->height};
    double squares = 0;
    for (int64_t i = 0; i < a.pixels; i++) {
        bool differs = false;
        for (int c = 0; c < 3; c++) {
            int d = abs(was->rgb[3 * i + c] - is->rgb[3 * i + c]);
            differs |= d > 0;
            a.most = d > a.most ? d : a.most;
            squares += (double)d * d;
        }
        a.changed += differs;
    }
    a.psnr = 10 * log10(255.0 * 255.0 * 3 * (double)a.pixels / squares);
    return a;
}

void replay_compare(const ReplayFile *was, const SdPicture *is, bool *equal) {
    const char *lossy = image_lossy(was->bytes.bytes, was->bytes.size);
    const ImageCodec *c = lossy ? image_codec(was->bytes.bytes, was->bytes.size) : NULL;
    const bool made = c && c->encode && (!c->writes || c->writes());
    const Apart a = apart(&was->image, is);
    const int quality = a.changed && made ? find_quality(was, c, is) : UNKNOWN;
    *equal = !a.changed || quality != UNKNOWN;
    if (!a.changed) printf("%s: equal\n", was->path);
    else if (*equal) printf("%s: equal as a %s of quality %d\n", was->path, lossy, quality);
    else
        printf("%s: differs in %" PRId64 " of %" PRId64 " pixels, by %d of 255 at most, PSNR %.2f dB", was->path,
               a.changed, a.pixels, a.most, a.psnr);
    if (*equal) return;
    if (lossy && made)
        printf("; %s keeps pixels only nearly, and of no quality is one of the new picture the same", lossy);
    else if (lossy)
        printf("; %s keeps pixels only nearly: install %s, and the new picture is compared as one", lossy, c->package);
    putchar('\n');
}
