/* pipeline.c: see pipeline.h. */
#include "pipeline.h"

#include "bound.h"
#include "generated.h"
#include "made_model.h"
#include "sd/load/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 128 };

/* A row of the ledger, and how the names of its activations begin, after "unet.stepNNN.". */
typedef struct {
    const char *begins, *name;
    bool in_f32; /* also in `mixed` */
} Row;

static const Row *row_of(const char *tensor) {
    static const Row ROWS[] = {
        {"text_model.", "text encoder", true},
        {"text_model_2.", "text encoder", true},
        {"pooled", "text encoder", true},
        {"noise", "noise", true},
        {"time_embedding", "U-Net time", true},
        {"add_embedding", "U-Net time", true},
        {"conv_in", "U-Net in", true},
        {"down_blocks.", "U-Net down", false},
        {"mid_block", "U-Net middle", false},
        {"up_blocks.", "U-Net up", false},
        {"conv_norm_out", "U-Net out", false},
        {"conv_out", "U-Net out", false},
        {"latents.", "latents", false},
        {"vae.decoder.", "VAE decoder", false},
        {"image", "picture", false},
        {"k.", "samplers", false},
        {"", "other", false},
    };
    const Row *r = ROWS;
    if (!strncmp(tensor, "unet.step", 9) && strlen(tensor) > 13) tensor += 13;
    while (strncmp(tensor, r->begins, strlen(r->begins))) r++;
    return r;
}

typedef struct {
    const Ledger *ledger;
    const LedgerTable *table;
    const Golden *golden;
    const PipelineCase *k;
    const char *group;
    bool direct;
    bool seen[MOST_TENSORS];
} Run;

static Run begin(const Ledger *l, const LedgerTable *t, const Golden *golden, const PipelineCase *k, const SdModel *m) {
    Run r = {.ledger = l, .table = t, .golden = golden, .k = k};
    r.direct = m->precision == PRECISION_F32_DIRECT && t->numbers == NUMBERS_F32;
    r.group = r.direct ? PIPELINE_DIRECT : "pipeline";
    return r;
}

/* The number of a tensor among the golden's; -1: it is none of them. */
static int place_of(const Run *r, const char *name) {
    const char *at = NULL;
    char next[160];
    for (int i = 0; i < MOST_TENSORS && golden_next(r->golden, &at, next); i++)
        if (!strcmp(next, name)) return i;
    return -1;
}

static void label(char out[320], const Run *r, const char *tensor) {
    snprintf(out, 320, "%s: %s", r->k->tensor ? r->k->sampler : r->k->golden, tensor);
}

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Run *r = user;
    const char *tensor = r->k->tensor ? r->k->tensor : name;
    int place = place_of(r, tensor);
    const Row *row = row_of(tensor);
    char text[320];
    if (place < 0) return true;
    r->seen[place] = true;
    if (!ledger_wants(r->ledger, row->name)) return true;
    Bound bound = pipeline_bound(r->table->numbers, r->direct, row->in_f32);
    if (r->k->tensor && r->table->numbers == NUMBERS_F32) bound = (Bound){0}; /* torch's samplers drift as far */
    label(text, r, tensor);
    ledger_enter(r->ledger, r->group, row->name, text, r->table, r->golden, tensor,
                 golden_error(r->golden, tensor, values, nd, n, bound));
    return true;
}

/* Whether any of the case's rows is wanted. */
static bool wants_case(const Ledger *l, const Golden *golden, const PipelineCase *k) {
    const char *at = NULL;
    char name[160];
    if (k->tensor) return ledger_wants(l, row_of(k->tensor)->name);
    while (golden_next(golden, &at, name))
        if (ledger_wants(l, row_of(name)->name)) return true;
    return false;
}

void ledger_pipeline_case(const Ledger *l, const LedgerTable *t, const Golden *golden, const PipelineCase *k,
                          SdModel *m) {
    Run run = begin(l, t, golden, k, m);
    if (!wants_case(l, golden, k)) return;
    uint8_t *image = malloc((size_t)k->width * (size_t)k->height * 4);
    SdResult out = {0};
    Error e = {0};
    char last[32], name[160], text[320];
    snprintf(last, sizeof last, "latents.step%03d", k->steps - 1);
    bool ok = image || error_set(&e, ERR_MEMORY, "out of memory for a picture");
    SdRequest r = {0};
    if (ok) r = pipeline_case_request(k, image);
    r.activation = hear, r.user = &run;
    if (k->tensor) r.tap = last;
    ok = ok && (r.image ? sd_img2img : sd_txt2img)(m, &r, &out, &e);
    if (!ok) ledger_fail(l, run.group, "picture", k->golden, t, &e);
    const char *at = NULL;
    for (int i = 0; ok && golden_next(golden, &at, name); i++) {
        if (k->tensor && strcmp(k->tensor, name)) continue;
        Error missing = {0};
        if (i < MOST_TENSORS && run.seen[i]) continue;
        error_set(&missing, ERR_NUMERIC, "is not among the run's activations");
        label(text, &run, name);
        ledger_fail(l, run.group, row_of(name)->name, text, t, &missing);
    }
    sd_free(&out);
    free(image);
}

/* --- the encoder --- */

static bool in_golden(void *user, const char *name) { return golden_has(((Run *)user)->golden, name); }

static void see(void *user, const char *name, Tensor x, Error *e) {
    Run *r = user;
    (void)e;
    int place = place_of(r, name);
    if (place >= 0) r->seen[place] = true;
    ledger_enter(r->ledger, r->group, "VAE encoder", name, r->table, r->golden, name,
                 golden_error_picture(r->golden, name, x, pipeline_bound(r->table->numbers, r->direct, false)));
}

static void encode(Run *run, SdModel *m, int64_t h, int64_t w) {
    enum { ARENA = 64 << 20 };
    Arena arena = {0};
    Error e = {0};
    Taps taps = {.want = in_golden, .put = see, .user = run};
    snprintf(taps.prefix, sizeof taps.prefix, "h%d_w%d.vae.encoder.", (int)h, (int)w);
    float *planes = malloc((size_t)(3 * h * w) * sizeof *planes);
    if (!planes) error_set(&e, ERR_MEMORY, "out of memory for a picture");
    if (planes && arena_init_on(&arena, m->ops, m->gpu, ARENA, &e)) {
        Ctx c = {.op = m->ops, .precision = m->precision, .type = m->ops->type, .pool = m->pool, .arena = &arena};
        c.taps = &taps;
        arena.poison = true;
        Tensor x = tensor_new(&c, 4, SHAPE(1, h, w, 3)), y = tensor_new(&c, 4, SHAPE(1, h / 8, w / 8, 8));
        gen_input(planes, "micro.image", 3 * h * w, 0.57735026, 0);
        to_channels_last(tensor_host(&c, x).data, planes, 1, 3, h * w);
        tensor_push(&c, x);
        vae_encode(&c, y, &m->encoder, x);
        char name[64];
        snprintf(name, sizeof name, "h%d_w%d.moments", (int)h, (int)w);
        if (!c.err.code) see(run, name, tensor_pull(&c, y), &e);
        error_pass(&e, &c.err);
    }
    if (e.code) ledger_fail(run->ledger, run->group, "VAE encoder", "memory", run->table, &e);
    arena_free(&arena);
    free(planes);
}

void ledger_encoder(const Ledger *l, const LedgerTable *t, const Golden *golden, SdModel *m) {
    static const PipelineCase K = {.golden = "micro_encoder"};
    Run run = begin(l, t, golden, &K, m);
    Error e = {0};
    if (!ledger_wants(l, "VAE encoder")) return;
    if (!model_load(m, PART_ENCODER, &e)) {
        ledger_fail(l, run.group, "VAE encoder", "its weights", t, &e);
        return;
    }
    encode(&run, m, 64, 64);
    encode(&run, m, 40, 56);
    const char *at = NULL;
    char name[160];
    for (int i = 0; golden_next(golden, &at, name); i++) {
        Error missing = {0};
        if (i < MOST_TENSORS && run.seen[i]) continue;
        error_set(&missing, ERR_NUMERIC, "is not among the encoder's activations");
        ledger_fail(l, run.group, "VAE encoder", name, t, &missing);
    }
}

/* --- all of it --- */

SdModel *pipeline_open(const LedgerTable *t, bool direct, const void *bytes, size_t size, Error *e) {
    static const SdPrecision OF[] = {SD_F32, SD_F32, SD_F16, SD_BF16};
    SdOptions o = {
        .threads = t->pool ? pool_threads(t->pool) : 1, .precision = OF[t->numbers], .device = t->gpu ? "cuda" : "cpu"};
    if (direct) o.precision = SD_F32_DIRECT;
    SdModel *m = sd_open_memory("micro model", bytes, size, &o, e);
    if (m && !t->gpu) m->ops = t->op;
    return m;
}

/* Whether any row of a model's cases is; of SD 1's the encoder's is another. */
static bool wants_model(const Ledger *l, SdConfig (*model)(void)) {
    bool wants = !model && ledger_wants(l, "VAE encoder");
    for (int i = 0; !wants && i < PIPELINE_CASE_COUNT; i++) {
        const PipelineCase *k = &PIPELINE_CASES[i];
        Error e = {0};
        Golden *golden = k->model == model && golden_is_builtin(k->golden) ? golden_builtin(k->golden, &e) : NULL;
        wants = golden && wants_case(l, golden, k);
        golden_free(golden);
    }
    return wants;
}

/* The cases of one model. */
static void ledger_model(const Ledger *l, const LedgerTable *t, SdConfig (*model)(void), const void *bytes,
                         size_t size) {
    for (int direct = 0; direct < (t->numbers == NUMBERS_F32 ? 2 : 1); direct++) {
        Error e = {0};
        SdModel *m = pipeline_open(t, direct != 0, bytes, size, &e);
        for (int i = 0; m && i < PIPELINE_CASE_COUNT; i++) {
            const PipelineCase *k = &PIPELINE_CASES[i];
            bool own = k->model == model && golden_is_builtin(k->golden);
            Golden *golden = own ? golden_builtin(k->golden, &e) : NULL;
            if (golden) ledger_pipeline_case(l, t, golden, k, m);
            golden_free(golden);
        }
        Golden *golden = m && !model ? golden_builtin("micro_encoder", &e) : NULL;
        if (golden) ledger_encoder(l, t, golden, m);
        golden_free(golden);
        sd_close(m);
        if (e.code) ledger_fail(l, "pipeline", "picture", "micro model", t, &e);
    }
}

void ledger_pipeline(const Ledger *l, const LedgerTable *t, const void *bytes, size_t size) {
    ledger_model(l, t, NULL, bytes, size);
    for (int i = 0; i < PIPELINE_CASE_COUNT; i++) {
        SdConfig (*model)(void) = PIPELINE_CASES[i].model;
        Error e = {0};
        int first = 0;
        while (PIPELINE_CASES[first].model != model) first++;
        if (!model || first < i || !wants_model(l, model)) continue;
        SdConfig k = model();
        void *made = made_model(&k, F32, &size, &e);
        if (made) ledger_model(l, t, model, made, size);
        else ledger_fail(l, "pipeline", "picture", k.family, t, &e);
        free(made);
    }
}
