/* exact_sum.c: what the checksum of a run is of (exact.h). */
#include "exact.h"

#include <string.h>

void exact_add(Sha256 *sum, const char *name, const float *values, int64_t count) {
    enum { PIECE = 1024 };
    unsigned char bytes[4 * PIECE];
    sha256_update(sum, name, strlen(name) + 1);
    for (int64_t at = 0; at < count; at += PIECE) {
        int64_t n = count - at < PIECE ? count - at : PIECE;
        for (int64_t i = 0; i < n; i++) {
            uint32_t u;
            memcpy(&u, &values[at + i], sizeof u);
            for (int b = 0; b < 4; b++) bytes[4 * i + b] = (unsigned char)(u >> 8 * b);
        }
        sha256_update(sum, bytes, (size_t)n * 4);
    }
}
