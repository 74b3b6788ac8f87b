/* fuzz_exif.c: EXIF. */
#include "fuzz.h"

#include "sd/image/codecs/exif.h"

FUZZ(exif) {
    Error e = {0};
    ImageTexts texts = {0};
    int o = exif_orientation(data, size);
    fuzz_require(o >= 1 && o <= 8);
    fuzz_verdict(exif_texts(data, size, &texts, &e), &e);
    fuzz_texts(&texts);
    image_texts_free(&texts);
}
