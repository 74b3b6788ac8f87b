/* train_check.c: numbers that training could only spread: weights that are none, or so large that what is computed from
 * them is not finite. */
#include "weights/file_range.h"
#include "train_internal.h"

#include <math.h>

bool train_check_weights(const SdModel *m, const bool used[PART_COUNT], Error *e) {
    for (int p = 0; p < PART_COUNT; p++)
        for (int64_t i = 0; used[p] && i < m->lists[p].count; i++) {
            Found f = checkpoint_find(m->checkpoint, m->lists[p].w[i]->name);
            FileRange r = f.tensor ? file_tensor_range(f.file, f.tensor, F32) : (FileRange){0};
            if (r.not_finite + r.beyond)
                return error_set(e, ERR_FORMAT, "%s: %s holds %g; training needs finite weights, use another copy",
                                 m->checkpoint->path, m->lists[p].w[i]->name, r.first);
        }
    return true;
}

bool train_refuse_large(const SdModel *m, const bool used[PART_COUNT], const char *what, Error *e) {
    const char *name = "";
    double most = -1;
    for (int p = 0; p < PART_COUNT; p++)
        for (int64_t i = 0; used[p] && i < m->lists[p].count; i++) {
            Found f = checkpoint_find(m->checkpoint, m->lists[p].w[i]->name);
            double largest = f.tensor ? file_tensor_range(f.file, f.tensor, F32).largest : 0;
            if (largest > most) most = largest, name = m->lists[p].w[i]->name;
        }
    return error_set(e, ERR_NUMERIC,
                     "%s: %s not finite; its largest weight is %g, in %s: use another copy of the model",
                     m->checkpoint->path, what, most, name);
}

bool train_check_moments(const SdModel *m, const float *moments, int64_t count, Error *e) {
    static const bool ENCODER[PART_COUNT] = {[PART_ENCODER] = true};
    bool finite = true;
    for (int64_t i = 0; i < count; i++) finite = finite && isfinite(moments[i]);
    return finite || train_refuse_large(m, ENCODER, "the VAE's latents of a picture are", e);
}
