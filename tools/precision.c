#include "precision.h"

#include <stdio.h>
#include <string.h>

SdPrecision precision_of(const char *name, bool quiet) {
    static const struct {
        const char *name;
        SdPrecision precision;
    } NAMES[] = {{"f32-direct", SD_F32_DIRECT}, {"mixed", SD_MIXED}, {"f16", SD_F16}, {"bf16", SD_BF16}};
    SdPrecision p = SD_F32;
    for (size_t i = 0; name && i < sizeof NAMES / sizeof *NAMES; i++)
        if (!strcmp(name, NAMES[i].name)) p = NAMES[i].precision;
    if (p == SD_MIXED && !sd_has_mixed() && !quiet)
        fprintf(stderr,
                "sdc: precision mixed: this processor has no bf16 instructions (AVX-512 BF16); computing in f32\n");
    return p;
}
