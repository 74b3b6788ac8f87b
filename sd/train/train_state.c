/* train_state.c: FILE.state: the parameters, their moments and average, and the step, from which --resume continues.
 *
 * A state belongs to one training: the seed, what is trained and the shapes of the parameters must be the same, and
 * whether there is an average. Everything else (data, batch, rate, steps ...) may be changed on purpose. */
#include "weights/files/file_open.h"
#include "weights/files/path.h"
#include "weights/formats/safetensors.h"
#include "train_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool train_state_path(const TrainOptions *o, char out[OS_PATH_SIZE], Error *e) {
    return path_make(out, e, "%s.state", o->out);
}

static const char *trains(const TrainOptions *o) { return o->vae ? "vae" : o->text ? "unet+text" : "unet"; }

/* The parameters' arrays, in the file's order. */
static int arrays(Trainer *t, const char *names[4], float *at[4]) {
    static const char *const NAMES[4] = {"values", "m", "v", "ema"};
    float *const all[4] = {t->p.values, t->p.m, t->p.v, t->p.ema};
    int n = t->p.ema ? 4 : 3;
    for (int i = 0; i < n; i++) names[i] = NAMES[i], at[i] = all[i];
    return n;
}

/* Names and shapes of all parameters, as a number: two models may have as many of them. */
static void fingerprint(const Trainer *t, char out[20]) {
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (int64_t i = 0; i < t->p.count; i++) {
        const Weight *w = t->p.w[i];
        for (const char *p = w->name; *p; p++) h = (h ^ (unsigned char)*p) * 0x100000001b3u;
        for (int d = 0; d < w->t.nd; d++) h = (h ^ (uint64_t)w->t.n[d]) * 0x100000001b3u;
    }
    snprintf(out, 20, "%016" PRIx64, h);
}

bool train_save_state(Trainer *t, Error *e) {
    char path[OS_PATH_SIZE], step[32], seed[32], shapes[20];
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    if (!train_state_path(t->o, path, e)) return false;
    snprintf(step, sizeof step, "%lld", (long long)t->step);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->o->seed);
    fingerprint(t, shapes);
    FileTensor list[4];
    for (int i = 0; i < n; i++) list[i] = (FileTensor){.name = names[i], .dtype = F32, .nd = 1, .n = {t->p.floats}};
    const FileMeta meta[] = {
        {"sdc.step", step}, {"sdc.seed", seed}, {"sdc.trains", trains(t->o)}, {"sdc.parameters", shapes}};
    StWriter *w = st_write_begin(path, list, (size_t)n, meta, 4, e);
    bool ok = w != NULL;
    for (int i = 0; ok && i < n; i++) ok = st_write_data(w, at[i], (size_t)t->p.floats * sizeof(float), e);
    if (!ok) st_write_abort(w);
    else if ((ok = st_write_end(w, e))) t->kept = t->step;
    return ok;
}

/* A number without a sign, blanks or anything else. */
static bool read_number(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* What a state says of itself, against the options: *step is what it has done. */
static bool check_meta(const TrainOptions *o, const WeightFile *f, const char *path, int64_t *step, Error *e) {
    static const char *const KEYS[] = {"sdc.step", "sdc.seed", "sdc.trains"};
    const char *text[3];
    uint64_t number[2];
    for (int i = 0; i < 3; i++) {
        text[i] = weight_file_meta(f, KEYS[i]);
        if (!text[i])
            return error_set(e, ERR_FORMAT, "%s: lacks %s, so it is no state of a training; remove it to start over",
                             path, KEYS[i]);
        if (i < 2 && !read_number(text[i], &number[i]))
            return error_set(e, ERR_FORMAT,
                             "%s: its %s is '%.40s', not a number; it is damaged: remove it to start over", path,
                             KEYS[i], text[i]);
    }
    if (number[1] != o->seed)
        return error_set(e, ERR_FORMAT,
                         "%s: belongs to a training with --seed %.20s; resume with that one, or remove it", path,
                         text[1]);
    if (strcmp(text[2], trains(o)))
        return error_set(e, ERR_FORMAT, "%s: belongs to a training with --train %.20s; resume with that, or remove it",
                         path, text[2]);
    if (number[0] > (uint64_t)o->steps)
        return error_set(e, ERR_FORMAT, "%s: has done %.20s steps, more than --steps %" PRId64 "; give more steps",
                         path, text[0], o->steps);
    bool average = weight_file_find(f, "ema") != NULL;
    if (average != (o->ema > 0))
        return error_set(e, ERR_FORMAT, "%s: holds %s moving average; resume with --ema %s, or remove it", path,
                         average ? "a" : "no", average ? "above 0" : "0");
    *step = (int64_t)number[0];
    return true;
}

bool train_check_state(const TrainOptions *o, Error *e) {
    char path[OS_PATH_SIZE];
    int64_t step;
    WeightFile *f = train_state_path(o, path, e) ? weight_file_open(path, e) : NULL;
    bool ok = f && check_meta(o, f, path, &step, e);
    weight_file_close(f);
    return ok;
}

/* The first number that training does not make, or n: all are finite, and sums of squares not negative. */
static int64_t first_wrong(const char *name, const float *x, int64_t n) {
    bool squares = !strcmp(name, "v");
    int64_t i = 0;
    while (i < n && isfinite(x[i]) && !(squares && x[i] < 0)) i++;
    return i;
}

/* A step with a high rate may leave what is not finite, which only the next step's loss would show. */
bool train_check_finite(Trainer *t, Error *e) {
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    for (int i = 0; i < n; i++)
        if (first_wrong(names[i], at[i], t->p.floats) < t->p.floats)
            return train_refuse_step(t->step, "a weight, or a moment of it, is", e);
    return true;
}

bool train_load_state(Trainer *t, Error *e) {
    char path[OS_PATH_SIZE];
    const char *names[4];
    float *at[4];
    int n = arrays(t, names, at);
    int64_t step = 0;
    WeightFile *f = train_state_path(t->o, path, e) ? weight_file_open(path, e) : NULL;
    if (!f) return false;
    bool ok = check_meta(t->o, f, path, &step, e);
    const char *shapes = ok ? weight_file_meta(f, "sdc.parameters") : NULL; /* older states have none */
    char own[20];
    fingerprint(t, own);
    if (shapes && strcmp(shapes, own))
        ok = error_set(e, ERR_FORMAT, "%s: belongs to another model; resume with that one, or remove it", path);
    for (int i = 0; ok && i < n; i++) {
        const FileTensor *s = weight_file_find(f, names[i]);
        ok = s && !s->strides && s->dtype == F32 && s->nd == 1 && s->n[0] == t->p.floats;
        ok = ok && file_tensor_f32(f, s, at[i]);
        if (!ok)
            error_set(e, ERR_FORMAT, "%s: its %s does not fit this model and options; remove it to start over", path,
                      names[i]);
        int64_t wrong = ok ? first_wrong(names[i], at[i], t->p.floats) : t->p.floats;
        if (wrong < t->p.floats)
            ok = error_set(e, ERR_NUMERIC,
                           "%s: number %" PRId64 " of its %s is %g; it is damaged: remove it to start over", path,
                           wrong, names[i], (double)at[i][wrong]);
    }
    if (ok) t->step = t->kept = step;
    weight_file_close(f);
    return ok;
}
