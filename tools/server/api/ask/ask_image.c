#include "ask_image.h"

#include "weights/files/base64.h"

#include <stdlib.h>
#include <string.h>

bool ask_image(uint8_t **file, size_t *size, const char *key, const char *text, Fault *f) {
    if (!strncmp(text, "http:", 5) || !strncmp(text, "https:", 6) || !strncmp(text, "file:", 5))
        return fault(f, 422, key, "%s: addresses are not fetched; send the picture itself, in base64", key);
    if (!strncmp(text, "data:", 5)) {
        const char *comma = strchr(text, ',');
        if (!comma) return fault(f, 422, key, "%s: is a data URL without data", key);
        text = comma + 1;
    }
    bool memory;
    free(*file);
    *file = base64_read(text, strlen(text), size, &memory);
    if (*file && *size) return true;
    return fault(f, memory ? 500 : 422, key, memory ? "%s: out of memory" : "%s: is no picture in base64", key);
}
