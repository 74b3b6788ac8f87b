/* fuzz_exif.c: EXIF. Its comment is valid UTF-8 without an end in it. */
#include "fuzz.h"

#include "sd/image/exif.h"
#include "weights/utf8.h"

#include <stdlib.h>
#include <string.h>

FUZZ(exif) {
    Error e = {0};
    char *text = NULL;
    int o = exif_orientation(data, size);
    fuzz_require(o >= 1 && o <= 8);
    fuzz_verdict(exif_user_comment(data, size, &text, &e), &e);
    if (!text) return;
    char *valid = utf8_valid(text, strlen(text));
    fuzz_require(*text && valid && !strcmp(valid, text));
    free(valid);
    free(text);
}
