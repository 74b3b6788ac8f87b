/* train_state.c: FILE.state: the parameters, their moments and average, and the step, from which --resume continues. */
#include "weights/safetensors.h"
#include "train_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void state_path(const Trainer *t, char *out, size_t size) { snprintf(out, size, "%s.state", t->o->out); }

/* The parameters' arrays, in the file's order. */
static int arrays(Trainer *t, const char *names[4], float *at[4]) {
    static const char *const NAMES[4] = {"values", "m", "v", "ema"};
    float *const all[4] = {t->p.values, t->p.m, t->p.v, t->p.ema};
    int n = t->p.ema ? 4 : 3;
    for (int i = 0; i < n; i++) names[i] = NAMES[i], at[i] = all[i];
    return n;
}

bool train_save_state(Trainer *t, Error *e) {
    char path[STATE_PATH], step[32], seed[32];
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    state_path(t, path, sizeof path);
    snprintf(step, sizeof step, "%lld", (long long)t->step);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->o->seed);
    FileTensor list[4];
    for (int i = 0; i < n; i++) list[i] = (FileTensor){.name = names[i], .dtype = F32, .nd = 1, .n = {t->p.floats}};
    const FileMeta meta[] = {{"sdc.step", step},
                             {"sdc.seed", seed},
                             {"sdc.trains", t->o->vae    ? "vae"
                                            : t->o->text ? "unet+text"
                                                         : "unet"}};
    StWriter *w = st_write_begin(path, list, (size_t)n, meta, 3, e);
    bool ok = w != NULL;
    for (int i = 0; ok && i < n; i++) ok = st_write_data(w, at[i], (size_t)t->p.floats * sizeof(float), e);
    if (ok) return st_write_end(w, e);
    st_write_abort(w);
    return false;
}

bool train_load_state(Trainer *t, Error *e) {
    char path[STATE_PATH];
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    state_path(t, path, sizeof path);
    WeightFile *f = weight_file_open(path, e);
    if (!f) return false;
    const char *step = weight_file_meta(f, "sdc.step"), *seed = weight_file_meta(f, "sdc.seed");
    bool ok = step && seed && strtoull(seed, NULL, 10) == t->o->seed;
    if (!ok)
        error_set(e, ERR_FORMAT, "%s: belongs to a training with another --seed; resume with that one, or remove it",
                  path);
    for (int i = 0; ok && i < n; i++) {
        const FileTensor *s = weight_file_find(f, names[i]);
        ok = s && s->dtype == F32 && file_tensor_count(s) == t->p.floats;
        if (ok) memcpy(at[i], file_tensor_data(f, s), (size_t)t->p.floats * sizeof(float));
        else
            error_set(e, ERR_FORMAT, "%s: its %s does not fit this model and options; remove it to start over", path,
                      names[i]);
    }
    if (ok) t->step = strtoll(step, NULL, 10);
    weight_file_close(f);
    return ok;
}
