/* test_training.c: whole networks at micro size against torch (tools/goldens/training.py): the gradient of every
 * parameter and input, and the losses of ten steps of AdamW. */
#include "nn/optimiser.h"
#include "sd/models/clip.h"
#include "sd/sampling/noise_levels.h"
#include "sd/train/train_internal.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "tensor/tape.h"
#include "tools/ledger/generated.h"
#include "tools/ledger/made_model.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Golden *golden;
static ThreadPool *device;
static Arena arena;
static Ctx ctx;
static Tape *tape;

/* Relative error (L2) of a gradient. Some are zero but for rounding, as that of a key's bias, which softmax does not
 * see: there the golden's rule holds, 4 times torch's own error. */
static const double BOUND = 1e-4;

/* Values in torch's order to a tensor of the arena, channels last. */
static Tensor given(const char *part, int nd, const int64_t *n, double scale) {
    char name[64];
    snprintf(name, sizeof name, "train.%s", part);
    Tensor t = tensor_new(&ctx, nd, n);
    int64_t count = tensor_count(t), channels = n[nd - 1];
    float *flat = malloc((size_t)count * sizeof *flat);
    if (!flat) abort();
    gen_input(flat, name, count, scale, 0);
    if (nd == 4) to_channels_last(t.data, flat, n[0], channels, n[1] * n[2]);
    else memcpy(t.data, flat, (size_t)count * sizeof *flat);
    free(flat);
    return t;
}

static void seed(Tensor y, const char *part) {
    Tensor g = tape_gradient(tape, &ctx, y), dy = given(part, y.nd, y.n, 1);
    memcpy(g.data, dy.data, tensor_bytes(dy));
}

/* Where gradients go that are compared with each other and not with torch's. */
static struct {
    bool wanted;
    float *grads; /* of all parameters, the receiver's */
    int64_t count;
} keep;

static void check(const char *name, const float *ours, int nd, const int64_t *n) {
    if (keep.wanted) return;
    char label[200];
    int64_t count = 1;
    double squares = 0, rms = 0, e32 = 0;
    for (int i = 0; i < nd; i++) count *= n[i];
    for (int64_t i = 0; i < count; i++) squares += (double)ours[i] * ours[i];
    snprintf(label, sizeof label, "gradient of %s", name);
    golden_check_within(golden, name, ours, nd, n, (Bound){BOUND, 10 * BOUND, .or_rule = true}, label);
    const char *meta = golden_meta(golden, name);
    if (!meta || sscanf(meta, "shape=%*s rms=%lf e32rms=%lf", &rms, &e32) != 2) rms = 0;
    double length = sqrt(squares / (double)count), off = fabs(length - rms) / rms; /* of all elements, not of samples */
    test_check(off <= fmax(BOUND, 4 * e32), "length of %s", label);
    test_note("%g, not %g", length, rms);
}

static void check_picture(const char *name, Tensor g) {
    if (keep.wanted) return;
    int64_t n[4] = {g.n[0], g.n[3], g.n[1], g.n[2]};
    float *transposed = malloc(tensor_bytes(g));
    if (!transposed) abort();
    to_channels_first(transposed, g.data, g.n[0], g.n[3], g.n[1] * g.n[2]);
    check(name, transposed, 4, n);
    free(transposed);
}

/* Rows of the table that ids name, each once, ascending: the others must be zero. */
static void check_table(const Weight *w, Tensor ids) {
    int64_t rows = w->t.n[0], width = w->t.n[1], used = 0;
    float *packed = malloc(tensor_bytes(w->t));
    if (!packed) abort();
    bool zero = true;
    for (int64_t r = 0; r < rows; r++) {
        bool named = false;
        for (int64_t i = 0; i < tensor_count(ids); i++) named |= ((int32_t *)ids.data)[i] == r;
        if (named) memcpy(packed + used++ * width, w->grad + r * width, (size_t)width * sizeof(float));
        for (int64_t k = 0; !named && k < width; k++) zero &= w->grad[r * width + k] == 0;
    }
    test_check(zero, "tokens that do not occur have no gradient");
    check(w->name, packed, 2, SHAPE(used, width));
    free(packed);
}

static double length_of(const Weight *w) {
    double squares = 0;
    int64_t count = tensor_count(w->t);
    for (int64_t i = 0; i < count; i++) squares += (double)w->grad[i] * w->grad[i];
    return sqrt(squares / (double)count);
}

/* What is added to all keys alike changes no softmax: the gradient of keys' bias is 0, and torch's number for it as
 * much rounding as ours. It is held to the gradient of the queries' bias instead (measured: up to 5e-7 of it). */
static bool check_keys_bias(const Parameters *p, const Weight *w) {
    static const char *const ENDS[][2] = {{".k.bias", ".q.bias"}, {".k_proj.bias", ".q_proj.bias"}};
    for (int k = 0; k < 2; k++) {
        const char *end = strstr(w->name, ENDS[k][0]);
        for (int64_t i = 0; end && i < p->count; i++) {
            const Weight *q = p->w[i];
            if (strncmp(q->name, w->name, (size_t)(end - w->name)) || !strstr(q->name, ENDS[k][1])) continue;
            test_check(length_of(w) <= 2e-6 * length_of(q), "gradient of %s is nothing", w->name);
            test_note("%g, of the queries' bias %g", length_of(w), length_of(q));
            return true;
        }
    }
    return false;
}

static void check_parameters(const Parameters *p, Tensor ids) {
    if (keep.wanted) {
        keep.count = p->floats;
        keep.grads = malloc((size_t)p->floats * sizeof(float));
        if (keep.grads) memcpy(keep.grads, p->grads, (size_t)p->floats * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < p->count; i++) {
        const Weight *w = p->w[i];
        int64_t n[MAX_DIMS];
        int nd = gen_torch_shape(w, n);
        if (strstr(w->name, "token_embedding")) {
            check_table(w, ids);
            continue;
        }
        if (check_keys_bias(p, w)) continue;
        float *transposed = malloc(tensor_bytes(w->t));
        if (!transposed) abort();
        if (w->kind == WEIGHT_CONV) to_channels_first(transposed, w->grad, n[0], n[1], n[2] * n[3]);
        else memcpy(transposed, w->grad, tensor_bytes(w->t));
        bool vae_attention = strstr(w->name, ".attn_1.") && nd == 4; /* linear layers in diffusers */
        check(w->name, transposed, vae_attention ? 2 : nd, n);
        free(transposed);
    }
}

/* Binds, fills, and takes the weights over. */
static bool begin(Parameters *p, WeightList *a, WeightList *b) {
    WeightList *const lists[2] = {a, b};
    arena.used = 0;
    if (!gen_fill_all(a, F32) || (b && !gen_fill_all(b, F32))) return test_check(false, "weights are made");
    float *old[2048];
    int64_t n = 0;
    for (int l = 0; l < (b ? 2 : 1); l++)
        for (int64_t i = 0; i < lists[l]->count; i++) old[n++] = lists[l]->w[i]->t.data;
    bool ok = parameters_init(p, lists, b ? 2 : 1, false, ctx.op, &ctx.err);
    while (n > 0) free(old[--n]);
    if (!test_check(ok, "parameters are set up")) return false;
    parameters_changed(p, ctx.op, device);
    return true;
}

static Tensor run_unet(const Unet *u, Tensor x, Tensor t, Tensor context) {
    int64_t n = x.n[0];
    Tensor shifts = tensor_new(&ctx, 2, SHAPE(n, u->time_shifts)),
           keys = tensor_new(&ctx, 3, SHAPE(n, context.n[1], u->cross_kv));
    Tensor y = tensor_new(&ctx, 4, x.n);
    unet_time_shifts(&ctx, shifts, u, t, NULL, NULL);
    unet_cross_kv(&ctx, keys, u, context);
    unet_forward(&ctx, y, u, &(UnetInput){.x = x, .time_shifts = shifts, .cross_kv = keys});
    return y;
}

static void unet_gradients(const SdConfig *k) {
    Unet u;
    Parameters p;
    WeightList l = {.err = &ctx.err, .path = "model.diffusion_model."};
    if (!unet_bind(&u, &k->unet, &l) || !begin(&p, &l, NULL)) return;
    Tensor t = tensor_new(&ctx, 1, SHAPE(2));
    ((float *)t.data)[0] = 17, ((float *)t.data)[1] = 801;
    tape_start(tape, &ctx);
    Tensor x = given("x", 4, SHAPE(2, 16, 16, 4), 1), context = given("context", 3, SHAPE(2, 77, 32), 1);
    Tensor y = run_unet(&u, x, t, context);
    tape_stop(tape, &ctx);
    seed(y, "unet.dy");
    tape_backward(tape, &ctx);
    check_parameters(&p, t);
    check_picture("unet.dx", tape_input_gradient(tape, x));
    check("unet.dcontext", tape_input_gradient(tape, context).data, 3, context.n);
    parameters_free(&p);
    weight_list_free(&l);
    unet_free(&u);
}

/* SDXL's, which is told of pooled text and sizes. */
static void sdxl_gradients(const SdConfig *k) {
    static const float SIZES[2][6] = {{64, 48, 0, 5, 64, 64}, {80, 96, 7, 0, 64, 64}};
    Unet u;
    Parameters p;
    WeightList l = {.err = &ctx.err, .path = "model.diffusion_model."};
    if (!unet_bind(&u, &k->unet, &l) || !begin(&p, &l, NULL)) return;
    int64_t pooled = k->clip[1].pooled, width = k->unet.label;
    Tensor t = tensor_new(&ctx, 1, SHAPE(2)), sizes = tensor_new(&ctx, 1, SHAPE(12));
    Tensor embedded = tensor_new(&ctx, 2, SHAPE(12, SIZE_WIDTH));
    ((float *)t.data)[0] = 17, ((float *)t.data)[1] = 801;
    memcpy(sizes.data, SIZES, sizeof SIZES);
    op_timestep_embedding(&ctx, embedded, sizes);
    tape_start(tape, &ctx);
    Tensor x = given("xl.x", 4, SHAPE(2, 16, 16, 4), 1), told = given("xl.pooled", 2, SHAPE(2, pooled), 1);
    Tensor context = given("xl.context", 3, SHAPE(2, 77, k->unet.context), 1),
           all = tensor_new(&ctx, 2, SHAPE(2, width));
    Tensor label = tensor_new(&ctx, 2, SHAPE(2, unet_width(&u))), y = tensor_new(&ctx, 4, x.n);
    Tensor shifts = tensor_new(&ctx, 2, SHAPE(2, u.time_shifts)), keys = tensor_new(&ctx, 3, SHAPE(2, 77, u.cross_kv));
    op_affine(&ctx, tensor_slice(all, 1, 0, pooled), told, 1, 0);
    op_affine(&ctx, tensor_slice(all, 1, pooled, width - pooled), tensor_reshape(embedded, 2, SHAPE(2, width - pooled)),
              1, 0);
    unet_label(&ctx, label, &u, all);
    unet_time_shifts(&ctx, shifts, &u, t, &label, NULL);
    unet_cross_kv(&ctx, keys, &u, context);
    unet_forward(&ctx, y, &u, &(UnetInput){.x = x, .time_shifts = shifts, .cross_kv = keys});
    tape_stop(tape, &ctx);
    seed(y, "xl.dy");
    tape_backward(tape, &ctx);
    check_parameters(&p, t);
    check_picture("unet.dx", tape_input_gradient(tape, x));
    check("unet.dcontext", tape_input_gradient(tape, context).data, 3, context.n);
    check("unet.dpooled", tape_input_gradient(tape, told).data, 2, told.n);
    parameters_free(&p);
    weight_list_free(&l);
    unet_free(&u);
}

static void text_gradients(const SdConfig *k) {
    Clip clip;
    Parameters p;
    WeightList l = {.err = &ctx.err, .path = "cond_stage_model.transformer."};
    if (!clip_bind(&clip, &k->clip[0], &l) || !begin(&p, &l, NULL)) return;
    Tensor ids = tensor_new_typed(&ctx, I32, 2, SHAPE(2, 77));
    gen_ids(ids.data, "train.ids", 2 * 77, 49408);
    tape_start(tape, &ctx);
    Tensor y = tensor_new(&ctx, 3, SHAPE(2, 77, k->clip[0].width));
    clip_forward(&ctx, y, &clip, ids, NULL, 1, NULL, NULL);
    tape_stop(tape, &ctx);
    seed(y, "text.dy");
    tape_backward(tape, &ctx);
    check_parameters(&p, ids);
    parameters_free(&p);
    weight_list_free(&l);
    clip_free(&clip);
}

static void vae_gradients(const SdConfig *k) {
    Vae encoder, decoder;
    Parameters p;
    WeightList a = {.err = &ctx.err, .path = "first_stage_model."}, b = a;
    if (!vae_bind_encoder(&encoder, &k->vae, &a) || !vae_bind_decoder(&decoder, &k->vae, &b) || !begin(&p, &a, &b))
        return;
    Tensor noise = given("noise", 4, SHAPE(2, 4, 4, 4), 1);
    tape_start(tape, &ctx);
    Tensor image = given("image", 4, SHAPE(2, 32, 32, 3), 0.57735026), moments = tensor_new(&ctx, 4, SHAPE(2, 4, 4, 8));
    Tensor z = tensor_new(&ctx, 4, noise.n), y = tensor_new(&ctx, 4, image.n);
    vae_encode(&ctx, moments, &encoder, image);
    op_gaussian(&ctx, z, moments, noise, (float)k->vae.scale);
    vae_decode(&ctx, y, &decoder, z);
    tape_stop(tape, &ctx);
    seed(y, "image.dy");
    seed(moments, "moments.dy");
    tape_backward(tape, &ctx);
    check_parameters(&p, noise);
    check_picture("vae.dimage", tape_input_gradient(tape, image));
    parameters_free(&p);
    weight_list_free(&a);
    weight_list_free(&b);
    vae_free(&encoder);
    vae_free(&decoder);
}

/* With segments that are run again: the same bits from less memory. */
static void check_cut(const char *what, void (*run)(const SdConfig *), const SdConfig *k, int depth) {
    size_t peaks[2];
    float *grads[2];
    for (int i = 0; i < 2; i++) {
        tape_recompute_at(tape, i ? depth : 0);
        arena.peak = 0;
        keep.wanted = true;
        run(k);
        grads[i] = keep.grads;
        peaks[i] = arena.peak;
    }
    keep.wanted = false;
    tape_recompute_at(tape, 0);
    bool same = grads[0] && grads[1] && !memcmp(grads[0], grads[1], (size_t)keep.count * sizeof(float));
    test_check(same && peaks[1] < peaks[0] / 2, "%s in segments: the same bits from less than half the memory", what);
    test_note("%zu KiB instead of %zu", peaks[1] >> 10, peaks[0] >> 10);
    free(grads[0]);
    free(grads[1]);
}

static void ten_steps(const SdConfig *k) {
    enum { STEPS = 10, COUNT = 2 * 16 * 16 * 4 };
    Unet u;
    Parameters p;
    NoiseLevels s;
    WeightList l = {.err = &ctx.err, .path = "model.diffusion_model."};
    Golden *g = golden_open("micro_adamw");
    if (!g || !noise_levels_init(&s, NULL, "x", &ctx.err) || !unet_bind(&u, &k->unet, &l) || !begin(&p, &l, NULL))
        return;
    const AdamW o = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0.01, .scale = 1};
    float losses[STEPS];
    for (int i = 0; i < STEPS; i++) {
        char name[32];
        int32_t times[2];
        size_t scope = scope_begin(&ctx);
        snprintf(name, sizeof name, "train.%d.t", i);
        gen_ids(times, name, 2, 1000);
        snprintf(name, sizeof name, "%d.x0", i);
        Tensor x = given(name, 4, SHAPE(2, 16, 16, 4), 1), t = tensor_new(&ctx, 1, SHAPE(2));
        snprintf(name, sizeof name, "%d.noise", i);
        Tensor noise = given(name, 4, x.n, 1);
        snprintf(name, sizeof name, "%d.context", i);
        Tensor context = given(name, 3, SHAPE(2, 77, 32), 1);
        float *xs = x.data;
        const float *ns = noise.data;
        for (int64_t j = 0; j < COUNT; j++) {
            double a = s.alphas[times[j / (COUNT / 2)]];
            xs[j] = (float)(sqrt(a) * xs[j] + sqrt(1 - a) * ns[j]);
        }
        for (int j = 0; j < 2; j++) ((float *)t.data)[j] = (float)times[j];
        tape_start(tape, &ctx);
        Tensor y = run_unet(&u, x, t, context);
        tape_stop(tape, &ctx);
        float *dy = tape_gradient(tape, &ctx, y).data;
        double loss = 0;
        for (int64_t j = 0; j < COUNT; j++) {
            float d = ((float *)y.data)[j] - ns[j];
            loss += (double)d * d / COUNT;
            dy[j] = 2 * d / COUNT;
        }
        losses[i] = (float)loss;
        parameters_zero(&p, device);
        tape_backward(tape, &ctx);
        adamw_step(&p, device, &o, i + 1);
        parameters_changed(&p, ctx.op, device);
        scope_end(&ctx, scope);
    }
    golden_check_within(g, "losses", losses, 1, SHAPE(STEPS), (Bound){1e-5, 1e-5, false},
                        "the losses of ten steps of AdamW");
    test_check(losses[STEPS - 1] != losses[0], "parameters change");
    golden_close(g);
    parameters_free(&p);
    weight_list_free(&l);
    unet_free(&u);
}

/* --- times --- */

/* A step's pictures have one time in each of its parts, and with a shift the share of early ones falls as it says. */
static void check_times(void) {
    TrainOptions o = train_options();
    int wrong = 0, early = 0, all = 0;
    o.batch = 8;
    for (int64_t step = 0; step < 500; step++)
        for (int64_t i = 0; i < o.batch; i++) {
            int time = train_time(&o, step, i);
            wrong += time < i * 125 || time >= (i + 1) * 125;
        }
    test_check(!wrong, "a step's times are spread over all");
    test_note("%d are elsewhere", wrong);
    o.shift = 3;
    for (int64_t step = 0; step < 500; step++)
        for (int64_t i = 0; i < o.batch; i++, all++) early += train_time(&o, step, i) < 500;
    test_check(fabs((double)early / all - 0.25) < 0.005, "shifted by 3, a quarter of the times is below 500");
    test_note("%d of %d", early, all);
}

SUITE(training, .seconds = 3) {
    Error e = {0};
    SdConfig k = micro_config();
    device = pool_new(2, &e);
    tape = tape_new();
    golden = golden_open("micro_gradients");
    if (!test_check(device && tape && golden && arena_init(&arena, (size_t)512 << 20, &e), "memory for training"))
        return;
    arena.poison = true;
    ctx = (Ctx){.op = cpu_ops(NULL), .pool = device, .arena = &arena};
    for (int direct = 0; direct < 2; direct++) {
        ctx.precision = direct ? PRECISION_F32_DIRECT : PRECISION_F32;
        unet_gradients(&k);
        text_gradients(&k);
        vae_gradients(&k);
    }
    ctx.precision = PRECISION_F32;
    SdConfig xl = micro_sdxl_config();
    Golden *of_sd1 = golden;
    golden = golden_open("micro_sdxl_gradients");
    if (golden) sdxl_gradients(&xl);
    golden_close(golden);
    golden = of_sd1;
    check_times();
    check_cut("the U-Net", unet_gradients, &k, 2);
    check_cut("the VAE", vae_gradients, &k, 3);
    check_cut("the text encoder", text_gradients, &k, 1);
    ctx.precision = PRECISION_F32_DIRECT;
    ten_steps(&k); /* f32-direct: AdamW divides a gradient by its own size, and so shows the noise of the smallest */
    test_check(!ctx.err.code, "no error");
    test_note("%s", ctx.err.text);
    golden_close(golden);
    tape_free(tape);
    arena_free(&arena);
    pool_free(device);
}
