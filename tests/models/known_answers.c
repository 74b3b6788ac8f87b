/* known_answers.c: whole networks with generated weights, against numbers that other implementations computed
 * (CompVis's own code, Hugging Face's, open_clip's), as printed: six decimals. The rule for weights and inputs was
 * published with these numbers, so they share no code with ours or with the goldens' tool. */
#include "sd/models/clip.h"
#include "sd/models/unet.h"
#include "sd/models/vae.h"
#include "tools/ledger/generated.h"
#include "tests/harness/golden.h"
#include "tests/harness/planned.h"
#include "tests/harness/test.h"
#include "tensor/os.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Six printed decimals are off by up to 5e-7; the rest is two implementations' f32 rounding. */
static const double BOUND = 6e-6;

typedef struct {
    double first[8], last[2], mean, deviation; /* flat in torch's order */
    const char *golden;                        /* in full_kat.safetensors, or NULL: PyTorch's result with its e32 */
} Answer;

static const Ops *widest(void) {
    const Ops *tables[4];
    int n = cpu_ops_list(tables, 4);
    return tables[n - 1];
}

static Tensor make(int nd, const int64_t *n) {
    Tensor t = tensor_view(NULL, F32, nd, n);
    t.data = malloc(tensor_bytes(t));
    if (!t.data) abort();
    return t;
}

/* The input `name`, given in torch's order, as [N,H,W,C]. */
static Tensor picture(const char *name, int64_t n, int64_t h, int64_t w, int64_t channels) {
    Tensor flat = make(4, SHAPE(n, h, w, channels)), t = make(4, flat.n);
    gen_input(flat.data, name, tensor_count(flat), 1, 0);
    to_channels_last(t.data, flat.data, n, channels, h * w);
    free(flat.data);
    return t;
}

static double off(double *worst, double a, double b) {
    double d = fabs(a - b);
    if (!(d <= *worst)) *worst = d;
    return d;
}

/* pictures of `spatial` pixels; tokens have spatial 1 (their order is torch's already) */
static void check(const char *label, Tensor out, int64_t spatial, const Answer *a) {
    int64_t count = tensor_count(out), channels = out.n[out.nd - 1];
    float *v = malloc(tensor_bytes(out));
    if (!v) abort();
    to_channels_first(v, out.data, count / channels / spatial, channels, spatial);
    double sum = 0, squares = 0, worst = 0;
    for (int64_t i = 0; i < count; i++) sum += v[i];
    double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) squares += (v[i] - mean) * (v[i] - mean);
    for (int i = 0; i < 8; i++) off(&worst, v[i], a->first[i]);
    for (int i = 0; i < 2; i++) off(&worst, v[count - 2 + i], a->last[i]);
    if (a->deviation > 0) { /* texts have none */
        off(&worst, mean, a->mean);
        off(&worst, sqrt(squares / (double)count), a->deviation);
    }
    test_check(worst <= BOUND, "%s is the known answer", label);
    test_note("largest difference %.2e", worst);
    free(v);
    Golden *g = a->golden ? golden_open("full_kat") : NULL;
    char full[128];
    snprintf(full, sizeof full, "%s against PyTorch", label);
    if (g && spatial > 1) golden_check_picture(g, a->golden, out, full);
    else if (g) golden_check(g, a->golden, out.data, out.nd, out.n, full);
    golden_close(g);
}

/* --- U-Nets --- */

typedef struct {
    int64_t n, h, w, tokens;
    float t;
    Answer answer;
} UnetRun;

static void run_unet(const char *label, const UnetConfig *k, const UnetRun *runs, int count) {
    Error e = {0};
    WeightList l = {.err = &e, .path = "model.diffusion_model."};
    Unet u;
    bool ok = test_check(unet_bind(&u, k, &l) && gen_fill_all(&l, F32), "%s is made", label);
    for (int i = 0; ok && i < count; i++) {
        const UnetRun *r = &runs[i];
        char full[96];
        snprintf(full, sizeof full, "%s, %lldx%lld, t %g", label, (long long)r->h, (long long)r->w, (double)r->t);
        Tensor in[4] = {picture("x", r->n, r->h, r->w, k->in_channels), make(1, &r->n),
                        make(3, SHAPE(r->n, r->tokens, k->context)), make(2, SHAPE(r->n, k->label + 1))};
        in[3].n[1] = in[3].s[0] = k->label;
        for (int64_t p = 0; p < r->n; p++) ((float *)in[1].data)[p] = r->t;
        gen_input(in[2].data, "context", tensor_count(in[2]), 1, 0);
        gen_input(in[3].data, "y", tensor_count(in[3]), 1, 0);
        Tensor out = make(4, SHAPE(r->n, r->h, r->w, k->out_channels));
        if (run_planned(full, widest(), 1 << 20, forward_unet, &u, out, in)) check(full, out, r->h * r->w, &r->answer);
        for (int j = 0; j < 4; j++) free(in[j].data);
        free(out.data);
    }
    gen_free_all(&l);
    weight_list_free(&l);
    unet_free(&u);
}

/* --- hooks --- */

typedef struct {
    const Unet *unet;
    int where; /* the call that adds; -1: none */
    int next;  /* the call that comes next */
    bool ok;   /* they come in order, with the maps' channels */
} Hooked;

static void add_half(void *user, Ctx *c, int i, Tensor map) {
    Hooked *h = user;
    const Unet *u = h->unet;
    int64_t channels = u->input[i < u->inputs ? i : u->inputs - 1].out;
    h->ok = h->ok && i == h->next-- && map.n[3] == channels;
    if (i == h->where) op_affine(c, map, map, 1, 0.5f);
}

static void forward_hooked(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    const Hooked *given = network;
    Hooked h = {given->unet, given->where, given->unet->inputs, true};
    UnetHook hook = {.add = add_half, .user = &h};
    UnetInput input = {.x = in[0], .time_shifts = in[1], .cross_kv = in[2], .hook = &hook};
    unet_forward(c, out, h.unet, &input);
    if (!ctx_plans(c)) test_check(h.ok && h.next == -1, "hook calls come in order, each with its map");
}

/* A hook that adds to any of the maps changes the output; one that adds to none does not. */
static void check_hooks(const UnetConfig *k) {
    Error e = {0};
    WeightList l = {.err = &e, .path = "model.diffusion_model."};
    Unet u;
    bool ok = test_check(unet_bind(&u, k, &l) && gen_fill_all(&l, F32), "a U-Net for hooks is made");
    Tensor in[3] = {picture("x", 1, 8, 8, k->in_channels), make(2, SHAPE(1, u.time_shifts)),
                    make(3, SHAPE(1, 5, u.cross_kv))};
    Tensor plain = make(4, in[0].n), out = make(4, in[0].n);
    gen_input(in[1].data, "shifts", tensor_count(in[1]), 1, 0);
    gen_input(in[2].data, "cross_kv", tensor_count(in[2]), 1, 0);
    for (int where = -1; ok && where <= u.inputs; where++) {
        Hooked h = {.unet = &u, .where = where};
        run_planned("a U-Net with a hook", widest(), 1 << 20, forward_hooked, &h, where < 0 ? plain : out, in);
        if (where >= 0)
            test_check(memcmp(plain.data, out.data, tensor_bytes(out)), "a hook changes the output at map %d", where);
    }
    for (int i = 0; i < 3; i++) free(in[i].data);
    free(plain.data);
    free(out.data);
    gen_free_all(&l);
    weight_list_free(&l);
    unet_free(&u);
}

SUITE(known_answers, .seconds = 1, .blas = true) {
    static const UnetRun SD1[] = {
        {1,
         8,
         8,
         5,
         500,
         {{0.197030, -0.643851, -0.285085, -0.272911, -0.055654, -0.371880, 0.347498, 0.094727},
          {0.216565, -0.291935},
          -0.0652108,
          0.5029507,
          NULL}},
        {1,
         8,
         8,
         5,
         12.25f,
         {{0.191873, -0.670998, -0.415775, -0.263335, 0.057584, -0.377457, 0.379792, 0.036535},
          {0.212591, -0.260377},
          -0.0653293,
          0.5039805,
          NULL}},
        {2,
         6,
         10,
         7,
         999,
         {{-0.048565, 0.323105, -0.217126, 0.253006, -0.194935, -0.750385, 0.175772, -0.785002},
          {0.632792, -0.066148},
          -0.0525597,
          0.5704022,
          NULL}},
    };
    static const UnetRun SD2[] = {
        {1,
         8,
         8,
         5,
         500,
         {{0.218800, -0.493676, -0.298299, -0.342977, 0.088121, -0.100488, 0.277205, 0.174609},
          {-0.007400, -0.116751},
          -0.0616995,
          0.5383193,
          NULL}},
    };
    static const UnetRun SDXL[] = {
        {1,
         8,
         8,
         5,
         500,
         {{0.563041, 0.034191, 0.351118, -0.452593, -0.246437, -0.043027, -0.009035, -0.641543},
          {0.402782, 0.645355},
          -0.0543467,
          0.5073451,
          NULL}},
    };
    UnetConfig k = {.in_channels = 4,
                    .out_channels = 4,
                    .channels = 32,
                    .levels = 2,
                    .mult = {1, 2},
                    .res_blocks = 1,
                    .depth = {1, 1},
                    .middle_depth = 1,
                    .heads = 2,
                    .context = 8,
                    .groups = 32};
    run_unet("tiny U-Net of SD 1's kind", &k, SD1, 3);
    k.heads = 0;
    k.head_dim = 16;
    k.linear_projection = true;
    run_unet("tiny U-Net of SD 2's kind", &k, SD2, 1);
    k.depth[0] = 0;
    k.depth[1] = k.middle_depth = 2;
    k.label = 24;
    run_unet("tiny U-Net of SDXL's kind", &k, SDXL, 1);
    check_hooks(&k);
}

static void full_unets(void) {
    static const UnetRun SDXL[] = {
        {1,
         16,
         16,
         77,
         500,
         {{-0.021932, -0.262250, 0.085793, -0.374156, -0.200977, -0.418740, 0.031836, -0.245510},
          {-0.933944, -0.599992},
          -0.2110852,
          0.6434796,
          NULL}},
    };
    static const UnetRun SD1[] = {
        {1,
         16,
         16,
         77,
         500,
         {{0.387914, -0.588530, -0.409886, -0.271636, -0.708088, -0.206646, -0.181303, -0.502584},
          {0.117878, 0.334123},
          -0.0568580,
          0.6473450,
          "kat.unet.t500"}},
        {1,
         16,
         16,
         77,
         981,
         {{0.268318, -0.563332, -0.458797, -0.570978, -0.416016, -0.121720, 0.014049, -0.240346},
          {-0.127348, 0.276399},
          -0.0012530,
          0.5683801,
          "kat.unet.t981"}},
    };
    static const UnetRun SD2[] = {
        {1,
         16,
         16,
         77,
         500,
         {{0.357404, -0.386412, 0.010812, -0.001727, -0.446924, -0.011332, 0.003325, -0.204670},
          {0.069381, 0.498401},
          -0.0849282,
          0.6261791,
          NULL}},
    };
    UnetConfig k = config_sd1().unet;
    run_unet("SD 1's U-Net", &k, SD1, 2);
    k.heads = 0;
    k.head_dim = 64;
    k.linear_projection = true;
    k.context = 1024;
    run_unet("SD 2's U-Net", &k, SD2, 1);
    k = config_sdxl().unet;
    if (os_physical_memory() >> 30 >= 14) run_unet("SDXL's U-Net", &k, SDXL, 1);
    else test_skip("SDXL's U-Net: its weights in f32 take 10 GiB");
}

/* --- the VAE --- */

static void forward_decode(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    vae_decode(c, out, network, in[0]);
}

static void forward_encode(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    vae_encode(c, out, network, in[0]);
}

static void run_vae(const char *label, const Vae *v, bool decode, int64_t h, int64_t w, const Answer *a) {
    Tensor in = decode ? picture("z", 1, h, w, 4) : picture("image", 1, h, w, 3);
    Tensor out = decode ? make(4, SHAPE(1, 8 * h, 8 * w, 3)) : make(4, SHAPE(1, h / 8, w / 8, 8));
    if (run_planned(label, widest(), 1 << 20, decode ? forward_decode : forward_encode, v, out, &in))
        check(label, out, out.n[1] * out.n[2], a);
    free(in.data);
    free(out.data);
}

static void known_answers_vae(void) {
    static const Answer DECODE = {{-0.028063, 0.202794, 0.165282, 0.165425, 0.120947, 0.136938, 0.108274, 0.100635},
                                  {0.237923, 0.125162},
                                  -0.2814948,
                                  0.7514288,
                                  "kat.vae.decode"};
    static const Answer SQUARE = {{0.680833, -0.339171, 0.737592, -0.127659, 0.982835, -0.061003, 0.152255, 0.138518},
                                  {-0.170711, 0.197383},
                                  -0.0026143,
                                  0.5048262,
                                  "kat.vae.moments_h64_w64"};
    static const Answer OBLONG = {{0.346216, 0.301992, 0.315384, 0.718098, 0.406707, 0.953183, -0.696983, -0.741209},
                                  {-0.668275, -0.343664},
                                  -0.0000799,
                                  0.5479568,
                                  "kat.vae.moments_h40_w56"};
    Error e = {0};
    VaeConfig k = config_sd1().vae;
    k.scale = 1; /* the answer is of post_quant_conv and decoder alone */
    Vae v;
    WeightList d = {.err = &e, .path = "first_stage_model."}, n = d;
    if (test_check(vae_bind_decoder(&v, &k, &d) && gen_fill_all(&d, F32), "the VAE's decoder is made"))
        run_vae("VAE decoder", &v, true, 8, 8, &DECODE);
    gen_free_all(&d);
    weight_list_free(&d);
    vae_free(&v);
    if (test_check(vae_bind_encoder(&v, &k, &n) && gen_fill_all(&n, F32), "the VAE's encoder is made")) {
        run_vae("VAE encoder, 64x64", &v, false, 64, 64, &SQUARE);
        run_vae("VAE encoder, 40x56", &v, false, 40, 56, &OBLONG);
    }
    gen_free_all(&n);
    weight_list_free(&n);
    vae_free(&v);
}

/* --- text encoders --- */

typedef struct {
    const Clip *clip;
    int skip;
} Text;

static void forward_text(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    const Text *t = network;
    clip_forward(c, out, t->clip, in[0], NULL, t->skip, NULL, NULL);
}

/* rows: the first values of tokens 5 and 76, or NULL */
static void run_text(const char *label, const Clip *m, int skip, int pad, const Answer *a, const double rows[2][4]) {
    static const int32_t WORDS[7] = {49406, 320, 1125, 539, 320, 2368, 49407};
    int32_t ids[77];
    for (int i = 0; i < 77; i++) ids[i] = i < 7 ? WORDS[i] : pad;
    Tensor in = tensor_view(ids, I32, 2, SHAPE(1, 77)), out = make(3, SHAPE(1, 77, m->config.width));
    Text text = {m, skip};
    if (run_planned(label, widest(), 1 << 20, forward_text, &text, out, &in)) {
        check(label, out, 1, a);
        double worst = 0;
        for (int i = 0; rows && i < 8; i++)
            off(&worst, ((float *)out.data)[(i < 4 ? 5 : 76) * m->config.width + i % 4], rows[i / 4][i % 4]);
        if (rows) test_check(worst <= BOUND, "%s, tokens 5 and 76", label);
        test_note("largest difference %.2e", worst);
    }
    free(out.data);
}

static void full_texts(void) {
    static const Answer L1 = {{0.347672, -0.857161, -1.569449, 1.059843, 0.482897, -0.943684, -0.152900, -0.266006},
                              {-0.338512, -0.378261},
                              0,
                              0,
                              "kat.text_model.last_hidden_state"};
    static const Answer L2 = {{0.685862, -0.789560, -1.642676, 1.155041, 0.151219, -0.404160, -0.093279, -0.083842},
                              {0.044112, -0.796078},
                              0,
                              0,
                              "kat.text_model.skip2"};
    static const Answer H2 = {{-0.669051, 1.362522, -1.129805, 1.451755, -0.668056, 1.023104, 0.753999, -0.448451},
                              {-0.354371, 0.001827},
                              0,
                              0,
                              NULL};
    static const double L_ROWS[2][4] = {{0.141341, -0.278815, -1.926048, 0.378789},
                                        {-0.172264, -0.214016, -1.058005, -0.568646}};
    static const double H_ROWS[2][4] = {{-0.773499, 1.341166, -2.273836, 1.114614},
                                        {-1.051894, 0.266309, -2.615337, 0.631657}};
    Error e = {0};
    ClipConfig k = config_sd1().clip[0];
    Clip m;
    WeightList l = {.err = &e, .path = "cond_stage_model.transformer."};
    if (test_check(clip_bind(&m, &k, &l) && gen_fill_all(&l, F32), "CLIP ViT-L is made")) {
        run_text("CLIP ViT-L", &m, 1, 49407, &L1, L_ROWS);
        run_text("CLIP ViT-L, clip skip 2", &m, 2, 49407, &L2, NULL);
    }
    gen_free_all(&l);
    weight_list_free(&l);
    clip_free(&m);
    k = config_sd2().clip[0];
    WeightList h = {.err = &e, .path = "cond_stage_model.model."};
    if (test_check(clip_bind(&m, &k, &h) && gen_fill_all(&h, F32), "OpenCLIP ViT-H is made"))
        run_text("OpenCLIP ViT-H, penultimate", &m, 2, 0, &H2, H_ROWS);
    gen_free_all(&h);
    weight_list_free(&h);
    clip_free(&m);
}

static void known_answers_full(void) {
    full_texts();
    full_unets();
}

/* The published sizes. Up to 4 GB. */
SUITE(full_known_answers, .seconds = 180, .slow = true) {
    known_answers_vae();
    known_answers_full();
}
