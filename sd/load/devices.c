#include "devices.h"

#include <string.h>

bool devices_parse(const char *text, Devices *out) {
    *out = (Devices){.kind = DEVICE_AUTO, .count = 1};
    if (!strcmp(text, "auto")) return true;
    *out = (Devices){.kind = DEVICE_CPU};
    if (!strcmp(text, "cpu")) return true;
    if (strncmp(text, "cuda", 4)) return false;
    *out = (Devices){.kind = DEVICE_CUDA, .count = 1};
    text += 4;
    if (!*text) return true;
    if (*text != ':') return false;
    for (out->count = 0; *text; out->count++) {
        int n = 0, digits = 0;
        for (text++; *text >= '0' && *text <= '9' && digits < 3; text++, digits++) n = 10 * n + (*text - '0');
        if (!digits || (*text && *text != ',') || out->count == MAX_GPUS) return false;
        for (int i = 0; i < out->count; i++)
            if (out->gpus[i] == n) return false;
        out->gpus[out->count] = n;
    }
    return true;
}
