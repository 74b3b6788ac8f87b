/* train_check.c: numbers that training could only spread: weights that are none, or so large that what is computed from
 * them is not finite. */
#include "weights/formats/file_range.h"
#include "train_internal.h"

#include <inttypes.h>
#include <math.h>

bool train_check_weights(const Trainer *t, Error *e) {
    const SdModel *m = t->m;
    for (int p = 0; p < PART_COUNT; p++)
        for (int64_t i = 0; (t->used[p] || t->o->half) && i < m->lists[p].count; i++) {
            const char *name = m->lists[p].w[i]->name;
            Found f = checkpoint_find(m->checkpoint, name);
            FileRange r = t->used[p] && f.tensor ? file_tensor_range(f.file, f.tensor, F32) : (FileRange){0};
            if (r.not_finite + r.beyond)
                return error_set(e, ERR_FORMAT, "%s: %s holds %g; training needs finite weights, use another copy",
                                 m->checkpoint->path, name, r.first);
            if (t->o->half && f.tensor) r = file_tensor_range(f.file, f.tensor, F16);
            if (r.beyond) return train_refuse_half(m->checkpoint->path, name, r.first, e);
        }
    return true;
}

bool train_refuse_step(int64_t step, const char *what, Error *e) {
    return error_set(e, ERR_NUMERIC,
                     "step %" PRId64 ": %s not finite; nothing is saved of it: resume from the last state with a "
                     "smaller --lr",
                     step, what);
}

bool train_refuse_half(const char *path, const char *name, double value, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: %s holds %.7g, more than f16 can (%g); use --dtype f32", path, name, value,
                     dtype_largest(F16));
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

bool train_check_moments(const Trainer *t, const float *moments, int64_t count, Error *e) {
    static const bool ENCODER[PART_COUNT] = {[PART_ENCODER] = true};
    static const char WHAT[] = "the VAE's latents of a picture are";
    bool finite = true;
    for (int64_t i = 0; i < count; i++) finite = finite && isfinite(moments[i]);
    if (finite) return true;
    return t->o->vae && t->step ? train_refuse_step(t->step, WHAT, e) : train_refuse_large(t->m, ENCODER, WHAT, e);
}
