/* merge.c: sums of models, by the webui's rules (modules/extras.py, run_modelmerger): what is merged is what has
 * "model" in its name, in A and in B; what A alone has is kept, what it lacks is left out. */
#include "merge_internal.h"
#include "merge_math.h"

#include "sd/models/config_detect.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/files/file_read.h"
#include "weights/files/glob.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool in_torch_order(const SdModel *m) { return m->checkpoint->file && !m->checkpoint->file->channels_last; }

/* What a single file predicts is not asked, which would run the U-Net; A says it where its configuration is written. */
static SdModel *open_model(const char *path, bool first, Error *e) {
    SdModel *m = sd_open(path, &(SdOptions){.prediction = SD_PREDICTION_EPS}, e);
    if (!m || !first || in_torch_order(m)) return m;
    sd_close(m);
    return sd_open(path, NULL, e);
}

static bool open_models(Merge *m, const char *const *in, Error *e) {
    for (int i = 0; i < m->count; i++) {
        SdModel *one = m->models[i] = open_model(in[i], !i, e);
        if (!one || !checkpoint_can_be_written(one->checkpoint, e)) return false;
        const char *first = m->models[0]->config.family;
        if (strcmp(one->config.family, first))
            return error_set(e, ERR_FORMAT, "%s: is %s, and %s is %s; merge models of one family", in[i],
                             one->config.family, in[0], first);
        if (checkpoint_has_file(one->checkpoint, m->out))
            return error_set(e, ERR_ARGUMENT, "%s: is a file of a model that is merged; name another one", m->out);
        StateDict *d = &m->dicts[i];
        bool ok = in_torch_order(one) ? state_of_file(d, one->checkpoint, e) : state_of_model(d, one, STATE_SINGLE, e);
        if (!ok || !state_index(d, e)) return false;
    }
    return true;
}

/* --- what becomes of each tensor --- */

static bool same_shape(const StateTensor *x, const StateTensor *y) {
    return x->nd == y->nd && !memcmp(x->n, y->n, (size_t)x->nd * sizeof *x->n);
}

static const char *shape(const StateTensor *t, char out[80]) {
    size_t at = (size_t)snprintf(out, 80, "[");
    for (int i = 0; i < t->nd && at < 80; i++)
        at += (size_t)snprintf(out + at, 80 - at, "%s%lld", i ? "," : "", (long long)t->n[i]);
    if (at < 80) snprintf(out + at, 80 - at, "]");
    return out;
}

static bool differ(const Merge *m, const StateTensor *x, int i, const StateTensor *y, int k, Error *e) {
    char a[80], b[80];
    return error_set(e, ERR_FORMAT, "%s: %.100s is %s, and %s in %s; merge models of one kind",
                     m->models[k]->checkpoint->path, y->name, shape(y, b), shape(x, a), m->models[i]->checkpoint->path);
}

/* Models that repaint, and those that edit by instruction, take 9 and 8 channels where others take 4. */
static bool plan_channels(Merge *m, MergeRow *r, Error *e) {
    const StateTensor *a = r->a, *b = r->b;
    const char *kind = b->n[1] == 9 || a->n[1] == 9 ? "an inpainting" : "an instruct-pix2pix";
    if (a->n[1] == 4 && (b->n[1] == 9 || b->n[1] == 8))
        return error_set(e, ERR_FORMAT,
                         "%s: is %s model, and %s is not; an inpainting or instruct-pix2pix model must be the first",
                         m->models[1]->checkpoint->path, kind, m->models[0]->checkpoint->path);
    bool fits = a->nd == 4 && (a->n[1] == 9 || a->n[1] == 8) && b->n[1] == 4 && a->n[2] * a->n[3] <= 64;
    if (!fits) return differ(m, a, 0, b, 1, e);
    r->kind = ROW_SUM_4;
    r->sum = a->type;
    if (a->n[1] == 9) m->done->inpainting = true;
    else m->done->pix2pix = true;
    return true;
}

static bool types_fit(const Merge *m, const MergeRow *r, Error *e) {
    const StateTensor *const ALL[] = {r->a, r->b, r->c};
    for (int i = 0; i < 3; i++)
        if (ALL[i] && !merge_has_type(ALL[i]->type))
            return error_set(e, ERR_FORMAT, "%s: %.100s is %s, of which no sum is made; convert the model first",
                             m->models[i]->checkpoint->path, ALL[i]->name, dtype_name(ALL[i]->type));
    return true;
}

static bool plan_sum(Merge *m, MergeRow *r, Error *e) {
    static const char *const SKIPPED = KEY_CLIP "embeddings.position_ids"; /* checkpoint_dict_skip_on_merge */
    const StateTensor *a = r->a, *b = m->count > 1 ? state_find(&m->dicts[1], a->name) : NULL;
    if (!b || !strstr(a->name, "model") || !strcmp(a->name, SKIPPED)) {
        m->done->kept += m->count > 1 && !b && strstr(a->name, "model");
        return true;
    }
    r->b = b;
    r->c = m->count > 2 ? state_find(&m->dicts[2], a->name) : NULL;
    r->kind = ROW_SUM;
    m->done->merged++;
    if (!types_fit(m, r, e)) return false;
    if (r->c && !same_shape(b, r->c)) return differ(m, b, 1, r->c, 2, e);
    r->sum = m->how->mode == SD_MERGE_WEIGHTED ? merge_type_weighted(a->type, b->type)
                                               : merge_type_difference(a->type, b->type, r->c ? r->c->type : b->type);
    if (same_shape(a, b)) return true;
    bool but_channels = a->nd == b->nd && a->nd > 1 && a->n[0] == b->n[0] &&
                        !memcmp(a->n + 2, b->n + 2, (size_t)(a->nd - 2) * sizeof *a->n);
    return but_channels ? plan_channels(m, r, e) : differ(m, a, 0, b, 1, e);
}

static bool add_vae(Merge *m, const StateTensor *a, Error *e) {
    const WeightFile *file;
    const FileTensor *t = given_find(&m->vae_file, KEY_VAE, a->name, &file);
    if (!t) return true;
    /* 1x1 convolutions and linear layers hold the same */
    bool fits = file_tensor_count(t) == state_elements(a) && t->nd && a->nd && t->n[0] == a->n[0];
    if (!fits || !merge_has_type(file_tensor_type(t)))
        return error_set(e, ERR_FORMAT, "%s: is no VAE for this model: %s is %s with %lld numbers, not %lld",
                         m->how->vae, t->name, dtype_name(t->dtype), (long long)file_tensor_count(t),
                         (long long)state_elements(a));
    return state_add(&m->vae, a->name, (Found){file, t}, a->nd, a->n, e);
}

static bool open_vae(Merge *m, Error *e) {
    static const Part PARTS[] = {PART_DECODER, PART_ENCODER};
    const SdModel *a = m->models[0];
    const WeightFile *file;
    if (!m->how->vae) return true;
    if (!given_open(&m->vae_file, GIVEN_VAE, m->how->vae, e)) return false;
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < a->lists[PARTS[p]].count; i++) {
            const char *key = a->lists[PARTS[p]].w[i]->name;
            if (checkpoint_find(a->checkpoint, key).tensor && !given_find(&m->vae_file, KEY_VAE, key, &file))
                return error_set(e, ERR_FORMAT, "%s: is no VAE for this model: it lacks %s; use a complete VAE",
                                 m->how->vae, key + strlen(KEY_VAE));
        }
    for (size_t i = 0; i < m->dicts[0].count; i++)
        if (!strncmp(m->dicts[0].at[i].name, KEY_VAE, strlen(KEY_VAE)) && !add_vae(m, &m->dicts[0].at[i], e))
            return false;
    return state_index(&m->vae, e);
}

/* The VAE's tensor in place of A's. */
static void plan_vae(Merge *m, MergeRow *r) {
    const StateTensor *v = m->how->vae ? state_find(&m->vae, r->a->name) : NULL;
    if (!v) return;
    *r = (MergeRow){.a = v, .kind = ROW_KEEP, .sum = v->type};
    m->done->baked++;
}

static bool plan(Merge *m, Error *e) {
    const StateDict *a = &m->dicts[0];
    m->rows = calloc(a->count + 1, sizeof *m->rows);
    if (!m->rows) return error_set(e, ERR_MEMORY, "%s: out of memory for a list of tensors", m->out);
    for (size_t i = 0; i < a->count; i++) {
        MergeRow *r = &m->rows[m->row_count];
        *r = (MergeRow){.a = &a->at[i], .kind = ROW_KEEP, .sum = a->at[i].type};
        if (!plan_sum(m, r, e) || !merge_networks_plan(m, r, e)) return false;
        plan_vae(m, r);
        bool computed = r->kind != ROW_KEEP || r->a != &a->at[i] || m->how->mode == SD_MERGE_NONE;
        r->type = m->how->half && computed && r->sum == F32 ? F16 : r->sum;
        if (m->how->discard && glob_match(m->how->discard, r->a->name)) m->done->discarded++;
        else m->row_count++;
    }
    for (size_t i = 0; m->count > 1 && i < m->dicts[1].count; i++)
        m->done->left_out += !state_find(a, m->dicts[1].at[i].name);
    if (m->how->discard && !m->done->discarded)
        return error_set(e, ERR_ARGUMENT, "discard: '%.100s' matches no name; \"*\" stands for any characters",
                         m->how->discard);
    return m->count < 2 || m->done->merged ||
           error_set(e, ERR_FORMAT, "%s: shares no tensor with %s; merge models of one family",
                     m->models[1]->checkpoint->path, m->models[0]->checkpoint->path);
}

/* --- the YAML beside --- */

/* The first model's that has one, as the webui's "A, B or C"; NULL: none. */
static const char *yaml_of(const Merge *m) {
    for (int i = 0; i < m->count; i++)
        if (m->models[i]->checkpoint->yaml) return m->models[i]->checkpoint->yaml_path;
    return NULL;
}

static const FileWanted YAML = {.most = 1 << 16, .advice = "move it away if it is not the model's configuration"};

/* Where a copy goes; false with e set: another file is there. *to is "" where there is nothing to copy. */
static bool yaml_place(const Merge *m, char to[OS_PATH_SIZE], Error *e) {
    const char *from = yaml_of(m), *slash = strrchr(m->out, '/'), *name = slash ? slash + 1 : m->out;
    const char *dot = strrchr(name, '.');
    *to = 0;
    if (!from) return true;
    int stem = (int)(dot && dot != name ? dot - m->out : (ptrdiff_t)strlen(m->out));
    if (!path_make(to, e, "%.*s.yaml", stem, m->out)) return false;
    FilePresence there = file_presence(to, e);
    if (there == FILE_UNKNOWN) return false;
    return there == FILE_ABSENT || file_same(from, to) ||
           error_set(e, ERR_FILE, "%s: is there already, and %s would be copied to it; name another output", to, from);
}

static bool copy_yaml(const Merge *m, const char *to, Error *e) {
    size_t size;
    if (!*to || file_same(yaml_of(m), to)) return true;
    char *text = file_read(yaml_of(m), &YAML, &size, e);
    bool ok = text && atomic_write_file(to, text, size, e);
    free(text);
    return ok;
}

/* --- writing --- */

static bool aligned(const MergeRow *r) { return dtype_bytes(r->type, state_elements(r->a)) % 64 == 0; }

static bool write_file(Merge *m, Error *e) {
    FileTensor *list = calloc(m->row_count + 1, sizeof *list);
    const MergeRow **order = calloc(m->row_count + 1, sizeof *order);
    size_t count = 0;
    MergeMeta meta = {0};
    bool ok = (list && order) || error_set(e, ERR_MEMORY, "%s: out of memory for a list of tensors", m->out);
    for (int pass = 0; ok && pass < 2; pass++)
        for (size_t i = 0; i < m->row_count; i++) {
            const MergeRow *r = &m->rows[i];
            if (aligned(r) != !pass) continue;
            order[count] = r;
            list[count] = (FileTensor){.name = r->a->name, .dtype = r->type, .nd = r->a->nd};
            memcpy(list[count++].n, r->a->n, sizeof r->a->n);
        }
    ok = ok && merge_meta(m, &meta, e);
    StWriter *w = ok ? st_write_begin(m->out, list, count, meta.at, meta.count, e) : NULL;
    ok = w != NULL;
    for (size_t i = 0; ok && i < count; i++) ok = merge_write_row(m, order[i], w, e);
    if (ok) ok = st_write_end(w, e);
    else st_write_abort(w);
    merge_meta_free(&meta);
    free(list);
    free(order);
    return ok;
}

static bool check(const char *const in[3], const char *out, const SdMerge *how, Error *e) {
    int needs = how->mode == SD_MERGE_NONE ? 1 : how->mode == SD_MERGE_WEIGHTED ? 2 : 3, has = 0;
    while (has < 3 && in && in[has]) has++;
    if ((unsigned)how->mode > SD_MERGE_NONE)
        return error_set(e, ERR_ARGUMENT, "mode: %d is not in 0..%d", (int)how->mode, SD_MERGE_NONE);
    if (!out || !*out) return error_set(e, ERR_ARGUMENT, "merge: the new file has no name; give one");
    if (has != needs) return error_set(e, ERR_ARGUMENT, "merge: this mode takes %d models, not %d", needs, has);
    return (how->ratio >= 0 && how->ratio <= 1) || error_set(e, ERR_ARGUMENT, "ratio: %g is not in 0..1", how->ratio);
}

bool sd_merge(const char *const in[3], const char *out, const SdMerge *how, SdMerged *done, Error *e) {
    SdMerged own;
    Error none = {0};
    char yaml[OS_PATH_SIZE];
    if (!e) e = &none;
    if (e->code) return false;
    if (!how) return error_set(e, ERR_ARGUMENT, "merge: nothing says how");
    Merge m = {.how = how, .done = done ? done : &own, .out = out};
    *m.done = (SdMerged){0};
    if (!check(in, out, how, e)) return false;
    m.count = how->mode == SD_MERGE_NONE ? 1 : how->mode == SD_MERGE_WEIGHTED ? 2 : 3;
    bool ok = open_models(&m, in, e) && open_vae(&m, e) && merge_networks_begin(&m, e) && plan(&m, e) &&
              yaml_place(&m, yaml, e) && write_file(&m, e) && copy_yaml(&m, yaml, e);
    free(m.rows);
    free(m.changed);
    state_free(&m.vae);
    given_close(&m.vae_file);
    for (int i = 0; i < 3; i++) {
        state_free(&m.dicts[i]);
        sd_close(m.models[i]);
    }
    return ok;
}
