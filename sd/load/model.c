#include "model.h"

#include "sd/models/families.h"
#include "weights/builtin.h"
#include "devices.h"
#include "tensor/large.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Part NEEDED[] = {PART_TEXT, PART_UNET, PART_DECODER};
enum { NEEDED_COUNT = 3 };

/* --- binding --- */

static bool bind_parts(SdModel *m, Error *e) {
    const SdConfig *k = &m->config;
    for (int i = 0; i < PART_COUNT; i++) m->lists[i].err = e;
    size_t mark = bind_enter(&m->lists[PART_TEXT],
                             k->clip.open_clip ? "cond_stage_model.model." : "cond_stage_model.transformer.");
    bool ok = clip_bind(&m->clip, &k->clip, &m->lists[PART_TEXT]);
    bind_leave(&m->lists[PART_TEXT], mark);
    mark = bind_enter(&m->lists[PART_UNET], "model.diffusion_model.");
    ok = ok && unet_bind(&m->unet, &k->unet, &m->lists[PART_UNET]);
    bind_leave(&m->lists[PART_UNET], mark);
    mark = bind_enter(&m->lists[PART_DECODER], "first_stage_model.");
    ok = ok && vae_bind_decoder(&m->decoder, &k->vae, &m->lists[PART_DECODER]);
    bind_leave(&m->lists[PART_DECODER], mark);
    mark = bind_enter(&m->lists[PART_ENCODER], "first_stage_model.");
    ok = ok && vae_bind_encoder(&m->encoder, &k->vae, &m->lists[PART_ENCODER]);
    bind_leave(&m->lists[PART_ENCODER], mark);
    return ok;
}

/* The shape that the file should show. A 1x1 convolution may be stored as a matrix, and a matrix as one. */
static bool shape_fits(const SdModel *m, const Weight *w, const StTensor *t) {
    const int64_t *n = w->t.n;
    if (w->kind == WEIGHT_CONV) {
        if (m->channels_last) return t->nd == 4 && !memcmp(t->n, n, 4 * sizeof *n);
        return t->nd == 4 && t->n[0] == n[0] && t->n[1] == n[3] && t->n[2] == n[1] && t->n[3] == n[2];
    }
    bool ones = t->nd == 4 && w->kind == WEIGHT_LINEAR && t->n[2] == 1 && t->n[3] == 1;
    return (t->nd == w->t.nd || ones) && !memcmp(t->n, n, (size_t)w->t.nd * sizeof *n);
}

static bool type_fits(DType t) { return t == F32 || t == F16 || t == BF16 || t == F64; }

static void note(ModelReport *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(ModelReport *r, const char *format, ...) {
    if (r->missing + r->misshapen > 3) return;
    size_t at = strlen(r->names);
    if (at) at += (size_t)snprintf(r->names + at, sizeof r->names - at, ", ");
    if (at >= sizeof r->names) return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->names + at, sizeof r->names - at, format, args);
    va_end(args);
}

static const char *file_shape(const StTensor *t, char *buf, size_t size) {
    size_t at = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < t->nd && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%lld", i ? "," : "", (long long)t->n[i]);
    if (at < size) snprintf(buf + at, size - at, "]");
    return buf;
}

static void expected_shape(const SdModel *m, const Weight *w, char *buf, size_t size) {
    Tensor t = w->t;
    if (w->kind == WEIGHT_CONV && !m->channels_last)
        t = tensor_view(NULL, F32, 4, SHAPE(w->t.n[0], w->t.n[3], w->t.n[1], w->t.n[2]));
    tensor_shape_text(t, buf, size);
}

void model_compare(const SdModel *m, const Part *parts, int count, ModelReport *out) {
    *out = (ModelReport){0};
    for (int p = 0; p < count; p++) {
        const WeightList *l = &m->lists[parts[p]];
        for (int64_t i = 0; i < l->count; i++) {
            const StTensor *t = checkpoint_find(m->checkpoint, l->w[i]->name).tensor;
            if (!t) {
                out->missing++;
                note(out, "%s is missing", l->w[i]->name);
            } else if (!shape_fits(m, l->w[i], t) || !type_fits(t->dtype)) {
                char is[96], should[96];
                expected_shape(m, l->w[i], should, sizeof should);
                out->misshapen++;
                note(out, "%s is %s %s, not %s", l->w[i]->name, dtype_name(t->dtype), file_shape(t, is, sizeof is),
                     should);
            } else out->used++;
        }
    }
    out->ignored = checkpoint_tensors(m->checkpoint) - out->used - out->misshapen;
}

/* A checkpoint may hold its own alphas_cumprod, and the original programs use it (see weights of older fp16 files). */
static bool own_schedule(SdModel *m, Error *e) {
    float alphas[TRAIN_STEPS];
    Found f = checkpoint_find(m->checkpoint, "alphas_cumprod");
    bool own = f.tensor && st_count(f.tensor) == TRAIN_STEPS && st_read_f32(f.file, f.tensor, alphas);
    return noise_levels_init(&m->schedule, own ? alphas : NULL, e);
}

/* A small model may hold the rows of some tokens only. */
static bool own_tokens(SdModel *m, Error *e) {
    const char *tokens = m->checkpoint->file ? st_meta(m->checkpoint->file, "sdc.tokens") : NULL;
    if (tokens) return clip_keep_tokens(&m->clip, tokens, m->checkpoint->path, e);
    if (m->config.clip.vocabulary >= TOKEN_COUNT) return true;
    return error_set(e, ERR_FORMAT, "%s: its table of tokens has %d rows, and nothing says which tokens they are",
                     m->checkpoint->path, m->config.clip.vocabulary);
}

/* The table of ops, and the GPU that it works on. */
static bool choose_device(SdModel *m, const SdOptions *o, Error *e) {
    const char *text = o && o->device ? o->device : "cpu";
    SdPrecision precision = o ? o->precision : SD_F32;
    DType type = precision == SD_F16 ? F16 : precision == SD_BF16 ? BF16 : F32;
    Error why = {0}; /* no GPU, where one may do without */
    Devices d;
    m->ops = cpu_ops();
    if (!devices_parse(text, &d))
        return error_set(e, ERR_ARGUMENT, "device '%.60s': is none of auto, cpu, cuda, cuda:N, cuda:N,M", text);
    m->precision = precision == SD_F32_DIRECT ? PRECISION_F32_DIRECT : PRECISION_F32;
    m->peer_count = d.kind == DEVICE_CUDA ? d.count - 1 : 0;
    if (d.kind == DEVICE_CUDA || (d.kind == DEVICE_AUTO && gpu_count() > 0)) {
        m->gpu = gpu_open(d.gpus[0], d.kind == DEVICE_CUDA ? e : &why);
        if (m->gpu) m->ops = gpu_ops(m->gpu, precision == SD_MIXED ? F16 : type);
        if (m->gpu || d.kind == DEVICE_CUDA) return m->gpu != NULL;
    } else if (d.kind == DEVICE_AUTO) gpu_idle(&why);
    snprintf(m->device, sizeof m->device, "cpu%s%.300s", why.code ? "; " : "", why.text);
    if (precision == SD_MIXED && cpu_ops_mixed()) m->ops = cpu_ops_mixed();
    if (type == F32) return true;
    return error_set(e, ERR_ARGUMENT, "precision %s: is for GPUs; use f32 on the CPU", type == F16 ? "f16" : "bf16");
}

static SdModel *open_model(const char *path, const void *bytes, size_t size, const SdOptions *options, Error *e);

/* The GPUs after the first, each with a model of its own. */
static bool open_peers(SdModel *m, const char *path, const void *bytes, size_t size, const SdOptions *options,
                       Error *e) {
    Devices d;
    int count = m->peer_count;
    m->peer_count = 0;
    if (!count) return true;
    devices_parse(options->device, &d);
    m->peers = calloc((size_t)count, sizeof *m->peers);
    m->together = pool_new(count + 1, e);
    if (!m->peers || !m->together) return error_set(e, ERR_MEMORY, "%s: out of memory", path);
    for (int i = 0; i < count; i++) {
        char name[32];
        SdOptions o = *options;
        snprintf(name, sizeof name, "cuda:%d", d.gpus[i + 1]);
        o.device = name;
        m->peers[i] = open_model(path, bytes, size, &o, e);
        if (!m->peers[i]) return false;
        m->peer_count++;
    }
    return true;
}

/* bytes NULL: the file or folder of that name. */
static SdModel *open_model(const char *path, const void *bytes, size_t size, const SdOptions *options, Error *e) {
    if (e && e->code) return NULL;
    SdModel *m = calloc(1, sizeof *m);
    if (!m) {
        error_set(e, ERR_MEMORY, "%s: out of memory", path);
        return NULL;
    }
    m->memory_limit = options ? options->memory_limit : 0;
    if (choose_device(m, options, e))
        m->checkpoint = bytes ? checkpoint_open_memory(path, bytes, size, e) : checkpoint_open(path, e);
    bool ok = m->checkpoint && detect_config(m->checkpoint, &m->config, e) && bind_parts(m, e);
    for (int i = 0; i < PART_COUNT; i++) m->lists[i].err = NULL; /* the caller's Error may be gone later */
    if (ok) {
        const char *order = m->checkpoint->file ? st_meta(m->checkpoint->file, "sdc.conv_layout") : NULL;
        m->channels_last = order && !strcmp(order, "OHWI");
        ModelReport r;
        model_compare(m, NEEDED, NEEDED_COUNT, &r);
        if (r.missing + r.misshapen)
            ok = error_set(e, ERR_FORMAT,
                           "%s: does not fit %s: %lld of %lld tensors are missing, %lld have another shape (%s%s); use "
                           "a complete checkpoint",
                           path, m->config.family, (long long)r.missing, (long long)(r.used + r.missing + r.misshapen),
                           (long long)r.misshapen, r.names, r.missing + r.misshapen > 3 ? ", ..." : "");
    }
    ok = ok && own_tokens(m, e) && own_schedule(m, e);
    if (ok && !(m->pool = pool_new(options ? options->threads : 0, e))) ok = false;
    if (ok && !(m->tokenizer = tokenizer_new()))
        ok = error_set(e, ERR_MEMORY, "%s: out of memory for the tokenizer", path);
    ok = ok && open_peers(m, path, bytes, size, options, e);
    if (ok) return m;
    model_close(m);
    return NULL;
}

SdModel *model_open(const char *path, const SdOptions *options, Error *e) {
    size_t size = 0;
    const void *bytes = path ? NULL : builtin_model(&size);
    if (path || bytes) return open_model(path ? path : "built-in model", bytes, size, options, e);
    error_set(e, ERR_ARGUMENT,
              "no model is built in: name a .safetensors file of Stable Diffusion 1.x or a diffusers "
              "folder");
    return NULL;
}

SdModel *model_open_memory(const char *name, const void *bytes, size_t size, const SdOptions *options, Error *e) {
    return open_model(name, bytes, size, options, e);
}

/* Where weights lie once loaded: with the table that reads them. */
static void *new_memory(const SdModel *m, size_t bytes, Error *e) {
    if (m->gpu) return m->ops->memory->reserve(m->gpu, bytes, e);
    void *p = large_new(bytes);
    if (!p) error_set(e, ERR_MEMORY, "%s: out of memory: %zu MiB for weights", m->checkpoint->path, bytes >> 20);
    return p;
}

static void free_memory(const SdModel *m, void *p) {
    if (m->gpu && p) m->ops->memory->release(m->gpu, p);
    else free(p);
}

void model_close(SdModel *m) {
    if (!m) return;
    model_forget(m);
    for (int i = 0; i < PART_COUNT; i++) {
        free_memory(m, m->memory[i]);
        weight_list_free(&m->lists[i]);
    }
    clip_free(&m->clip);
    unet_free(&m->unet);
    tokenizer_free(m->tokenizer);
    pool_free(m->pool);
    gpu_close(m->gpu);
    for (int i = 0; m->peers && i < m->peer_count; i++) model_close(m->peers[i]);
    free(m->peers);
    pool_free(m->together);
    checkpoint_close(m->checkpoint);
    free(m);
}

/* --- loading --- */

/* How a weight gets its bytes. */
typedef struct {
    Weight *w;          /* gets them; a layer's, or a copy of one */
    const Weight *like; /* the layer's */
    Found from;
    DType dtype; /* once loaded */
    void *to;    /* NULL: the file's own bytes serve */
    bool turned; /* a convolution in torch's order: OIHW becomes OHWI */
    bool prepared;
    const Ops *ops;
    Gpu *gpu;
    size_t bytes;
} Job;

static Job job_for(const SdModel *m, Weight *w, const Weight *like) {
    Job j = {.w = w, .like = like, .from = checkpoint_find(m->checkpoint, like->name)};
    j.dtype = like->kind == WEIGHT_VECTOR || j.from.tensor->dtype == F64 ? F32 : j.from.tensor->dtype;
    j.turned = like->kind == WEIGHT_CONV && !m->channels_last;
    j.ops = m->ops, j.gpu = m->gpu;
    bool fits = j.from.tensor->dtype == j.dtype || m->gpu;
    j.bytes = !m->as_in_files && m->ops->prepared_bytes && fits ? m->ops->prepared_bytes(like, j.dtype) : 0;
    j.prepared = j.bytes > 0;
    if (!j.prepared) j.bytes = dtype_bytes(j.dtype, tensor_count(like->t));
    return j;
}

static bool in_place(const Job *j) {
    const StTensor *t = j->from.tensor;
    uintptr_t at = (uintptr_t)st_data(j->from.file, t);
    return !j->prepared && !j->turned && t->dtype == j->dtype && at % dtype_bytes(j->dtype, 1) == 0;
}

/* out[o][tap][i] = in[o][i][tap] for one output channel, 2 or 4 bytes an element */
static void turn(char *out, const char *in, int64_t channels, int64_t taps, size_t width) {
    for (int64_t i = 0; i < channels; i++)
        for (int64_t t = 0; t < taps; t++)
            memcpy(out + (size_t)(t * channels + i) * width, in + (size_t)(i * taps + t) * width, width);
}

/* A prepared form from numbers of another type: all at once. */
static void widen_and_prepare(const Job *j) {
    float *wide = malloc((size_t)tensor_count(j->w->t) * sizeof *wide);
    if (wide && st_read_f32(j->from.file, j->from.tensor, wide))
        j->ops->prepare(j->w, j->dtype, wide, j->turned, j->to);
    free(wide);
}

/* A weight is made in pieces of outputs (the first dimension), each by itself; what the layer is to hold comes with the
 * first one. Pages of the file are dropped piece by piece. */
static void run_piece(const Job *j, int64_t first, int64_t count, void *scratch) {
    const StFile *f = j->from.file;
    const StTensor *t = j->from.tensor;
    int64_t each = tensor_count(j->like->t) / j->like->t.n[0];
    StTensor rows = *t;
    rows.begin += dtype_bytes(t->dtype, first * each);
    rows.end = rows.begin + dtype_bytes(t->dtype, count * each);
    if (t->dtype == j->dtype) {
        const char *in = st_data(f, &rows);
        size_t width = dtype_bytes(j->dtype, 1);
        Weight part = *j->like, before = part;
        part.t.n[0] = count, before.t.n[0] = first;
        if (j->prepared) {
            size_t at = first ? j->ops->prepared_bytes(&before, j->dtype) : 0;
            j->ops->prepare(&part, j->dtype, in, j->turned, (char *)j->to + at);
            part.t.n[0] = j->like->t.n[0];
            if (!first) *j->w = part;
        } else if (!j->turned) {
            memcpy((char *)j->to + (size_t)(first * each) * width, in, (size_t)(count * each) * width);
        }
        for (int64_t o = 0; !j->prepared && j->turned && o < count; o++)
            turn((char *)j->to + (size_t)((first + o) * each) * width, in + (size_t)(o * each) * width, part.t.n[3],
                 part.t.n[1] * part.t.n[2], width);
    } else if (j->prepared) {
        widen_and_prepare(j);
    } else {
        st_read_f32(f, &rows, j->to);
        for (int64_t o = 0; j->turned && o < count; o++) {
            float *to = (float *)j->to + o * each;
            turn((char *)to, memcpy(scratch, to, (size_t)each * sizeof *to), j->like->t.n[3],
                 j->like->t.n[1] * j->like->t.n[2], sizeof *to);
        }
    }
    st_drop(f, &rows);
}

static void run_job(void *arg, int64_t index, void *scratch) {
    const Job *j = (const Job *)arg + index;
    if (j->gpu) j->ops->memory->enter(j->gpu);
    if (j->to) run_piece(j, 0, j->like->t.n[0], scratch);
}

static size_t padded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/* Which weights may stay in the file until an op needs them: those that are large. */
static bool streams(const Weight *w) { return w->kind == WEIGHT_LINEAR || w->kind == WEIGHT_CONV; }

static bool load(SdModel *m, Part part, bool streamed, Error *e) {
    if (e && e->code) return false;
    if (m->loaded[part] && m->streamed[part] != streamed) model_release(m, part);
    if (m->loaded[part]) return true;
    WeightList *l = &m->lists[part];
    ModelReport r;
    model_compare(m, &part, 1, &r);
    if (r.missing + r.misshapen)
        return error_set(e, ERR_FORMAT, "%s: %s; use a complete checkpoint", m->checkpoint->path, r.names);
    Job *jobs = calloc((size_t)l->count, sizeof *jobs);
    if (!jobs) return error_set(e, ERR_MEMORY, "%s: out of memory", m->checkpoint->path);
    size_t copied = 0;
    for (int64_t i = 0; i < l->count; i++) {
        jobs[i] = job_for(m, l->w[i], l->w[i]);
        if (!in_place(&jobs[i]) && !(streamed && streams(l->w[i]))) copied += padded(jobs[i].bytes);
    }
    m->memory[part] = copied ? new_memory(m, copied, e) : NULL;
    if (copied && !m->memory[part]) return free(jobs), false;
    size_t at = 0;
    for (int64_t i = 0; i < l->count; i++)
        if (!in_place(&jobs[i]) && !(streamed && streams(l->w[i]))) {
            jobs[i].to = (char *)m->memory[part] + at;
            at += padded(jobs[i].bytes);
        }
    pool_run(m->pool, l->count, run_job, jobs);
    /* once more: the system maps some pages around each that is read */
    for (int64_t i = 0; i < l->count; i++) st_drop(jobs[i].from.file, jobs[i].from.tensor);
    for (int64_t i = 0; i < l->count; i++) {
        Weight *w = l->w[i];
        if (streamed && streams(w)) continue;
        w->version++;
        if (jobs[i].prepared && !w->prepared)
            error_set(e, m->gpu ? ERR_DEVICE : ERR_MEMORY, "%s: %s", m->checkpoint->path,
                      m->gpu ? "its weights did not reach the GPU" : "out of memory");
        if (jobs[i].prepared) continue; /* prepare has said what w is now */
        const void *bytes = jobs[i].to ? jobs[i].to : st_data(jobs[i].from.file, jobs[i].from.tensor);
        w->t = tensor_view((void *)(uintptr_t)bytes, jobs[i].dtype, w->t.nd, w->t.n);
    }
    free(jobs);
    m->loaded[part] = true;
    m->streamed[part] = streamed;
    if (e && e->code) model_release(m, part);
    return m->loaded[part];
}

bool model_load(SdModel *m, Part part, Error *e) { return load(m, part, false, e); }
bool model_load_streamed(SdModel *m, Part part, Error *e) { return load(m, part, true, e); }

void model_release(SdModel *m, Part part) {
    if (!m->loaded[part]) return;
    WeightList *l = &m->lists[part];
    for (int64_t i = 0; i < l->count; i++) {
        Found f = checkpoint_find(m->checkpoint, l->w[i]->name);
        st_drop(f.file, f.tensor);
        l->w[i]->t.data = NULL;
        l->w[i]->prepared = NULL;
    }
    free_memory(m, m->memory[part]);
    m->memory[part] = NULL;
    m->loaded[part] = false;
}

static size_t part_bytes(const SdModel *m, Part part, bool streamed) {
    const WeightList *l = &m->lists[part];
    size_t total = 0;
    for (int64_t i = 0; i < l->count; i++) {
        if (!checkpoint_find(m->checkpoint, l->w[i]->name).tensor || (streamed && streams(l->w[i]))) continue;
        Job j = job_for(m, l->w[i], l->w[i]);
        bool rows_only = streamed && l->w[i]->kind == WEIGHT_TABLE && in_place(&j);
        total += rows_only ? 0 : padded(j.bytes);
    }
    return total;
}

size_t model_part_bytes(const SdModel *m, Part part) { return part_bytes(m, part, false); }
size_t model_streamed_bytes(const SdModel *m, Part part) { return part_bytes(m, part, true); }

/* --- streaming --- */

enum { PIECE = 64 }; /* outputs: of whole blocks, in every layout */

static void run_pieces(void *arg, int64_t index, void *scratch) {
    const Job *j = arg;
    int64_t outputs = j->like->t.n[0], first = index * PIECE;
    run_piece(j, first, outputs - first < PIECE ? outputs - first : PIECE, scratch);
}

static size_t source_bytes(const void *user, const Weight *w) { return streams(w) ? job_for(user, NULL, w).bytes : 0; }

static void source_fetch(const void *user, Weight *copy, const Weight *w, void *room) {
    const SdModel *m = user;
    Job j = job_for(m, copy, w);
    j.to = room;
    st_expect(j.from.file, j.from.tensor);
    if (j.from.tensor->dtype == j.dtype) pool_run(m->pool, (w->t.n[0] + PIECE - 1) / PIECE, run_pieces, &j);
    else pool_run(m->pool, 1, run_job, &j);
    const uint64_t around = 64 << 10; /* which the system maps with a page that is read */
    StTensor read = *j.from.tensor;
    uint64_t all = j.from.file->size - j.from.file->data;
    read.begin = read.begin > around ? read.begin - around : 0;
    read.end = all - read.end > around ? read.end + around : all;
    st_drop(j.from.file, &read);
    if (!j.prepared) copy->t = tensor_view(room, j.dtype, w->t.nd, w->t.n);
}

WeightSource model_source(const SdModel *m) {
    return (WeightSource){.bytes = source_bytes, .fetch = source_fetch, .user = m};
}
