/* convert_numbers.c: which type a tensor gets in a new file, and its numbers in that. */
#include "convert_internal.h"

#include "sd/models/config_detect.h"
#include "tensor/q8.h"
#include "weights/formats/blocks.h"
#include "weights/formats/file_range.h"

#include <stdio.h>
#include <string.h>

/* The text encoders' and the U-Net's matrices and filters, but for the embeddings, as stable-diffusion.cpp chooses
 * (ModelLoader::tensor_should_be_converted); in torch's order a filter's rows are 3 numbers long, so that it stays.
 * Convolutions with few inputs or outputs stay, and so does the VAE: a tenth of the model, whose error would be seen.
 */
static bool is_quantised(const char *name, int nd, const int64_t *n) {
    return nd >= 2 && n[nd - 1] % Q8_NUMBERS == 0 && n[0] >= Q8_NUMBERS && strncmp(name, KEY_VAE, strlen(KEY_VAE)) &&
           !strstr(name, "time_embed.") && !strstr(name, "label_emb.") && !strstr(name, "embedding");
}

DType convert_type(const NewFile *p, const char *name, int nd, const int64_t *n, DType own) {
    return p->dtype < 0 || (p->dtype == Q8_0 && !is_quantised(name, nd, n)) ? own : (DType)p->dtype;
}

bool convert_check_range(const NewFile *p, Found f, DType to, bool *clamp, Error *e) {
    FileRange r = file_tensor_range(f.file, f.tensor, to);
    if ((r.not_finite || r.beyond) && !*p->done->tensor)
        snprintf(p->done->tensor, sizeof p->done->tensor, "%.190s", f.tensor->name);
    p->done->not_finite += r.not_finite;
    if (r.beyond && !p->clamp)
        return error_set(
            e, ERR_FORMAT,
            "%s: %s holds %.7g, more than %s can (%.5g); --clamp goes on with that, or choose another --dtype",
            p->m->checkpoint->path, f.tensor->name, r.first, dtype_name(to), dtype_largest(to));
    p->done->clamped += r.beyond;
    *clamp = *clamp || r.beyond > 0;
    return true;
}

static float number(const void *in, DType from, int64_t i) {
    if (from == F32) return ((const float *)in)[i];
    if (from == Q8_0) return q8_number(in, i);
    return from == F16 ? f16_to_f32(((const uint16_t *)in)[i]) : bf16_to_f32(((const uint16_t *)in)[i]);
}

void convert_narrow(void *out, DType to, const void *in, DType from, int64_t n, float most) {
    float block[Q8_NUMBERS];
    for (int64_t i = 0; i < n; i++) {
        float v = number(in, from, i);
        v = v > most ? most : v < -most ? -most : v; /* a NaN stays one */
        block[i % Q8_NUMBERS] = v;
        if (to == F32) ((float *)out)[i] = v;
        else if (to == F16 || to == BF16) ((uint16_t *)out)[i] = to == F16 ? f32_to_f16(v) : f32_to_bf16(v);
        else if (i % Q8_NUMBERS == Q8_NUMBERS - 1) quantise_q8_0(block, (uint8_t *)out + i / Q8_NUMBERS * Q8_BYTES);
    }
}
