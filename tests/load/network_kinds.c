/* network_kinds.c: what each kind of network makes of a weight, by its formula. The sources are those of networks.h. */
#include "made_network.h"

#include "tensor/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(MadeWeight w, const double *change, double scale) {
    for (int64_t i = 0; i < w.rows * w.inputs * w.taps; i++) w.w[i] += change[i] * scale;
}

int64_t made_columns(MadeWeight w) { return w.inputs * w.taps; }
static int64_t side(MadeWeight w) { return w.taps == 9 ? 3 : 1; }

static double *change(MadeWeight w) { return calloc((size_t)(w.rows * made_columns(w)), sizeof(double)); }

static double *lora_change(MadeNetwork *n, const char *m, MadeWeight w) {
    int nd = w.taps > 1 ? 4 : 2;
    double *d = change(w);
    float *down = made_part(n, m, ".lora_down.weight", nd, SHAPE(RANK, w.inputs, side(w), side(w)), 0);
    float *up = made_part(n, m, ".lora_up.weight", nd, SHAPE(w.rows, RANK, 1, 1), 0);
    made_part(n, m, ".alpha", 0, NULL, 2);
    made_product(d, up, down, w.rows, RANK, made_columns(w));
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) d[i] *= 2.0 / RANK;
    return d;
}

void made_lora(MadeNetwork *n, const char *m, MadeWeight w) {
    double *d = lora_change(n, m, w);
    add(w, d, 0.7f);
    free(d);
}

/* sum over n of a(o,n) sum over m of mid[n,m,t] b[m,i]; turned: a is [n,o] */
static void through(double *out, const float *a, const float *mid, const float *b, MadeWeight w, bool turned) {
    for (int64_t o = 0; o < w.rows; o++)
        for (int64_t i = 0; i < w.inputs; i++)
            for (int64_t t = 0; t < w.taps; t++) {
                double sum = 0;
                for (int64_t x = 0; x < RANK; x++)
                    for (int64_t y = 0; y < RANK; y++)
                        sum += (double)a[turned ? x * w.rows + o : o * RANK + x] *
                               (double)mid[(x * RANK + y) * w.taps + t] * (double)b[y * w.inputs + i];
                out[(o * w.inputs + i) * w.taps + t] = sum;
            }
}

static void locon_mid(MadeNetwork *n, const char *m, MadeWeight w) {
    double *d = change(w);
    float *up = made_part(n, m, ".lora_up.weight", 4, SHAPE(w.rows, RANK, 1, 1), 0);
    float *mid = made_part(n, m, ".lora_mid.weight", 4, SHAPE(RANK, RANK, 3, 3), 0);
    float *down = made_part(n, m, ".lora_down.weight", 4, SHAPE(RANK, w.inputs, 1, 1), 0);
    made_part(n, m, ".alpha", 0, NULL, 1);
    through(d, up, mid, down, w, false);
    add(w, d, (double)0.7f / RANK);
    free(d);
}

static void loha(MadeNetwork *n, const char *m, MadeWeight w) {
    double *a = change(w), *b = change(w);
    float *f[4];
    f[0] = made_part(n, m, ".hada_w1_a", 2, SHAPE(w.rows, RANK), 0);
    f[1] = made_part(n, m, ".hada_w1_b", 2, SHAPE(RANK, made_columns(w)), 0);
    f[2] = made_part(n, m, ".hada_w2_a", 2, SHAPE(w.rows, RANK), 0);
    f[3] = made_part(n, m, ".hada_w2_b", 2, SHAPE(RANK, made_columns(w)), 0);
    made_part(n, m, ".alpha", 0, NULL, 1);
    made_product(a, f[0], f[1], w.rows, RANK, made_columns(w));
    made_product(b, f[2], f[3], w.rows, RANK, made_columns(w));
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) a[i] *= b[i];
    add(w, a, (double)0.7f / RANK);
    free(a), free(b);
}

static void loha_tucker(MadeNetwork *n, const char *m, MadeWeight w) {
    double *a = change(w), *b = change(w);
    float *f[6];
    f[0] = made_part(n, m, ".hada_w1_a", 2, SHAPE(RANK, w.rows), 0);
    f[1] = made_part(n, m, ".hada_w1_b", 2, SHAPE(RANK, w.inputs), 0);
    f[2] = made_part(n, m, ".hada_w2_a", 2, SHAPE(RANK, w.rows), 0);
    f[3] = made_part(n, m, ".hada_w2_b", 2, SHAPE(RANK, w.inputs), 0);
    f[4] = made_part(n, m, ".hada_t1", 4, SHAPE(RANK, RANK, 3, 3), 0);
    f[5] = made_part(n, m, ".hada_t2", 4, SHAPE(RANK, RANK, 3, 3), 0);
    through(a, f[0], f[4], f[1], w, true);
    through(b, f[2], f[5], f[3], w, true);
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) a[i] *= b[i];
    add(w, a, 0.7f);
    free(a), free(b);
}

/* kron(w1 [4,2], w2 [rows/4,inputs/2,taps]) */
static void add_kron(MadeWeight w, const double *w1, const double *w2, double scale) {
    double *d = change(w);
    int64_t c = w.rows / 4, k = w.inputs / 2;
    for (int64_t o = 0; o < w.rows; o++)
        for (int64_t i = 0; i < w.inputs; i++)
            for (int64_t t = 0; t < w.taps; t++)
                d[(o * w.inputs + i) * w.taps + t] = w1[o / c * 2 + i / k] * w2[(o % c * k + i % k) * w.taps + t];
    add(w, d, scale);
    free(d);
}

static void lokr(MadeNetwork *n, const char *m, MadeWeight w) {
    int64_t c = w.rows / 4, k = w.inputs / 2;
    float *f = made_part(n, m, ".lokr_w1", 2, SHAPE(4, 2), 0);
    float *a = made_part(n, m, ".lokr_w2_a", 2, SHAPE(c, RANK), 0);
    float *b = made_part(n, m, ".lokr_w2_b", 2, SHAPE(RANK, k * w.taps), 0);
    made_part(n, m, ".alpha", 0, NULL, 1);
    double w1[8], *w2 = change(w);
    for (int i = 0; i < 8; i++) w1[i] = (double)f[i];
    made_product(w2, a, b, c, RANK, k * w.taps);
    add_kron(w, w1, w2, (double)0.7f / RANK);
    free(w2);
}

static void lokr_whole(MadeNetwork *n, const char *m, MadeWeight w) {
    int64_t c = w.rows / 4, k = w.inputs / 2;
    int nd = w.taps > 1 ? 4 : 2;
    float *a = made_part(n, m, ".lokr_w1_a", 2, SHAPE(4, 1), 0), *b = made_part(n, m, ".lokr_w1_b", 2, SHAPE(1, 2), 0);
    float *f = made_part(n, m, ".lokr_w2", nd, SHAPE(c, k, side(w), side(w)), 0);
    double w1[8], *w2 = change(w);
    made_product(w1, a, b, 4, 1, 2);
    for (int64_t i = 0; i < c * k * w.taps; i++) w2[i] = (double)f[i];
    add_kron(w, w1, w2, 0.7f);
    free(w2);
}

static void ia3_outputs(MadeNetwork *n, const char *m, MadeWeight w) {
    float *f = made_part(n, m, ".weight", 1, SHAPE(w.rows), 0);
    made_part(n, m, ".on_input", 0, NULL, 0);
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) w.w[i] += 0.7f * w.w[i] * (double)f[i / made_columns(w)];
}

static void ia3_inputs(MadeNetwork *n, const char *m, MadeWeight w) {
    float *f = made_part(n, m, ".weight", 1, SHAPE(w.inputs), 0);
    made_part(n, m, ".on_input", 0, NULL, 1);
    for (int64_t i = 0; i < w.rows * made_columns(w); i++)
        w.w[i] += 0.7f * w.w[i] * (double)f[i % made_columns(w) / w.taps];
}

static void full(MadeNetwork *n, const char *m, MadeWeight w) {
    int nd = w.taps > 1 ? 4 : 2;
    float *f = made_part(n, m, ".diff", nd, SHAPE(w.rows, w.inputs, side(w), side(w)), 0);
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) w.w[i] += 0.7f * (double)f[i];
}

static void norms_own(MadeNetwork *n, const char *m, MadeWeight w) {
    float *f = made_part(n, m, ".w_norm", 1, SHAPE(w.rows), 0);
    made_part(n, m, ".b_norm", 1, SHAPE(w.rows), 0);
    for (int64_t i = 0; i < w.rows; i++) w.w[i] += 0.7f * (double)f[i];
}

/* W + W a + b, a over the inputs of each tap. */
static void add_glora(MadeWeight w, const float *a_first, const float *a_second, const float *b_first,
                      const float *b_second, double scale) {
    int64_t columns = made_columns(w);
    double *d = change(w), *a = malloc((size_t)(w.inputs * w.inputs) * sizeof *a);
    made_product(d, b_first, b_second, w.rows, RANK, columns);
    made_product(a, a_first, a_second, w.inputs, RANK, w.inputs);
    for (int64_t o = 0; o < w.rows; o++)
        for (int64_t c = 0; c < columns; c++)
            for (int64_t k = 0; k < w.inputs; k++)
                d[o * columns + c] += w.w[o * columns + k * w.taps + c % w.taps] * a[k * w.inputs + c / w.taps];
    add(w, d, (double)0.7f * scale);
    free(d), free(a);
}

static void glora(MadeNetwork *n, const char *m, MadeWeight w) {
    float *a1 = made_part(n, m, ".a1.weight", 2, SHAPE(RANK, w.inputs), 0);
    float *a2 = made_part(n, m, ".a2.weight", 2, SHAPE(w.inputs, RANK), 0);
    float *b1 = made_part(n, m, ".b1.weight", 2, SHAPE(RANK, w.inputs), 0);
    float *b2 = made_part(n, m, ".b2.weight", 2, SHAPE(w.rows, RANK), 0);
    made_part(n, m, ".alpha", 0, NULL, 1);
    add_glora(w, a2, a1, b2, b1, 1);
}

/* As LyCORIS names them since its version 3, scaled. */
static void glora_swapped(MadeNetwork *n, const char *m, MadeWeight w) {
    float *a1 = made_part(n, m, ".a1.weight", 4, SHAPE(w.inputs, RANK, 1, 1), 0);
    float *a2 = made_part(n, m, ".a2.weight", 4, SHAPE(RANK, w.inputs, 1, 1), 0);
    float *b1 = made_part(n, m, ".b1.weight", 4, SHAPE(w.rows, RANK, 1, 1), 0);
    float *b2 = made_part(n, m, ".b2.weight", 4, SHAPE(RANK, w.inputs, side(w), side(w)), 0);
    made_part(n, m, ".alpha", 0, NULL, 1);
    add_glora(w, a1, a2, b1, b2, 1.0 / RANK);
}

/* v = w + change; w becomes w + 0.7 (v magnitude / norm - w) */
static void decompose(MadeNetwork *n, const char *m, MadeWeight w, bool inputs) {
    double *d = lora_change(n, m, w);
    int64_t count = inputs ? w.inputs : w.rows;
    float *f =
        made_part(n, m, ".dora_scale", w.taps > 1 ? 4 : 2, SHAPE(inputs ? 1 : count, inputs ? count : 1, 1, 1), 0);
    double *norms = calloc((size_t)count, sizeof *norms);
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) {
        double v = d[i] += w.w[i];
        norms[inputs ? i % made_columns(w) / w.taps : i / made_columns(w)] += v * v;
    }
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) {
        int64_t k = inputs ? i % made_columns(w) / w.taps : i / made_columns(w);
        w.w[i] += 0.7f * (d[i] * (double)f[k] / sqrt(norms[k]) - w.w[i]);
    }
    free(d), free(norms);
}

static void dora_inputs(MadeNetwork *n, const char *m, MadeWeight w) { decompose(n, m, w, true); }
static void dora_outputs(MadeNetwork *n, const char *m, MadeWeight w) { decompose(n, m, w, false); }

/* R (I - Q) = I + Q, by Gauss-Seidel's opposite: powers. (I - Q)^-1 = I + Q + Q^2 + ... while Q is small */
static void rotation(double *r, const float *b, int s, double factor) {
    double q[64], power[64], next[64], inverse[64];
    for (int i = 0; i < s * s; i++) {
        q[i] = factor * ((double)b[i] - (double)b[i % s * s + i / s]);
        power[i] = inverse[i] = i / s == i % s;
    }
    for (int k = 0; k < 200; k++) {
        for (int i = 0; i < s; i++)
            for (int j = 0; j < s; j++) {
                next[i * s + j] = 0;
                for (int x = 0; x < s; x++) next[i * s + j] += power[i * s + x] * q[x * s + j];
            }
        memcpy(power, next, sizeof power);
        for (int i = 0; i < s * s; i++) inverse[i] += power[i];
    }
    for (int i = 0; i < s; i++)
        for (int j = 0; j < s; j++) {
            r[i * s + j] = inverse[i * s + j];
            for (int x = 0; x < s; x++) r[i * s + j] += q[i * s + x] * inverse[x * s + j];
        }
}

enum { BLOCK = 4 };

static void add_rotated(MadeWeight w, const double *rotated) {
    for (int64_t i = 0; i < w.rows * made_columns(w); i++) w.w[i] += 0.7f * (rotated[i] - w.w[i]);
}

/* small: so that the norm of Q, and with it the factor of the constraint, is what the case wants */
static void rotate(MadeNetwork *n, const char *m, MadeWeight w, double alpha) {
    int64_t blocks = w.rows / BLOCK;
    float *b = made_part(n, m, ".oft_blocks", 3, SHAPE(blocks, BLOCK, BLOCK), 0);
    made_part(n, m, ".alpha", 0, NULL, alpha);
    float *rescale = made_part(n, m, ".rescale", 2, SHAPE(w.rows, 1), 0);
    double norm = 0, *out = change(w), r[64];
    for (int64_t i = 0; i < blocks * BLOCK * BLOCK; i++) b[i] *= 0.3f;
    for (int64_t k = 0; k < blocks; k++)
        for (int i = 0; i < BLOCK * BLOCK; i++) {
            const float *one = b + k * BLOCK * BLOCK;
            double q = (double)one[i] - (double)one[i % BLOCK * BLOCK + i / BLOCK];
            norm += q * q;
        }
    norm = sqrt(norm);
    alpha = (double)(float)alpha;
    double factor = alpha != 0 ? (fmin(norm, alpha * (double)w.rows) + 1e-8) / (norm + 1e-8) : 1;
    for (int64_t k = 0; k < blocks; k++) {
        rotation(r, b + k * BLOCK * BLOCK, BLOCK, factor);
        for (int64_t o = 0; o < BLOCK; o++)
            for (int64_t i = 0; i < made_columns(w); i++) {
                double sum = 0;
                for (int64_t x = 0; x < BLOCK; x++)
                    sum += r[x * BLOCK + o] * w.w[(k * BLOCK + x) * made_columns(w) + i];
                out[(k * BLOCK + o) * made_columns(w) + i] = sum * (double)rescale[k * BLOCK + o];
            }
    }
    add_rotated(w, out);
    free(out);
}

static void oft(MadeNetwork *n, const char *m, MadeWeight w) { rotate(n, m, w, 0); }
static void oft_constrained(MadeNetwork *n, const char *m, MadeWeight w) { rotate(n, m, w, 0.01); }

/* The webui's rearrangements, one after the other. */
static void boft(MadeNetwork *n, const char *m, MadeWeight w) {
    enum { STAGES = 4 };
    int64_t blocks = w.rows / BLOCK, c = made_columns(w);
    float *b = made_part(n, m, ".oft_blocks", 4, SHAPE(STAGES, blocks, BLOCK, BLOCK), 0);
    made_part(n, m, ".alpha", 0, NULL, 0);
    double *now = change(w), *next = change(w), r[64];
    for (int64_t i = 0; i < STAGES * blocks * BLOCK * BLOCK; i++) b[i] *= 0.3f;
    memcpy(now, w.w, (size_t)(w.rows * c) * sizeof *now);
    for (int64_t stage = 0; stage < STAGES; stage++) {
        int64_t k = (1 << stage) * BLOCK / 2;
        for (int64_t x = 0; x < w.rows; x++) { /* "(c g k) ... -> (c k g) ..." */
            int64_t to = (x / (2 * k) * k + x % k) * 2 + x / k % 2;
            memcpy(next + to * c, now + x * c, (size_t)c * sizeof *now);
        }
        for (int64_t d = 0; d < blocks; d++) {
            rotation(r, b + (stage * blocks + d) * BLOCK * BLOCK, BLOCK, 1);
            for (int64_t i = 0; i < BLOCK; i++)
                for (int64_t col = 0; col < c; col++) {
                    double sum = 0;
                    for (int64_t j = 0; j < BLOCK; j++) sum += r[i * BLOCK + j] * next[(d * BLOCK + j) * c + col];
                    int64_t x = d * BLOCK + i; /* and back */
                    int64_t to = (x / (2 * k) * 2 + x % 2) * k + x / 2 % k;
                    now[to * c + col] = sum;
                }
        }
    }
    add_rotated(w, now);
    free(now), free(next);
}

const NetworkCase NETWORK_CASES[] = {
    {"LoRA", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", made_lora, "LoRA"},
    {"LoCon", CONV, "input_blocks.1.0.in_layers.2.weight", made_lora, "LoCon"},
    {"LoCon with a middle", CONV, "input_blocks.1.0.in_layers.2.weight", locon_mid, "LoCon"},
    {"LoHa", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", loha, "LoHa"},
    {"LoHa of a convolution", CONV, "input_blocks.1.0.in_layers.2.weight", loha, "LoHa"},
    {"LoHa, tucker", CONV, "input_blocks.1.0.in_layers.2.weight", loha_tucker, "LoHa"},
    {"LoKr", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", lokr, "LoKr"},
    {"LoKr of a convolution", CONV, "input_blocks.1.0.in_layers.2.weight", lokr, "LoKr"},
    {"LoKr, second whole", CONV, "input_blocks.1.0.in_layers.2.weight", lokr_whole, "LoKr"},
    {"IA3 of outputs", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", ia3_outputs, "IA3"},
    {"IA3 of inputs", CONV, "input_blocks.1.0.in_layers.2.weight", ia3_inputs, "IA3"},
    {"full", CONV, "input_blocks.1.0.in_layers.2.weight", full, "full"},
    {"norm", NORM, "input_blocks.1.0.in_layers.0.weight", norms_own, "norm"},
    {"GLoRA", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", glora, "GLoRA"},
    {"GLoRA of a convolution, its parts swapped", CONV, "input_blocks.1.0.in_layers.2.weight", glora_swapped, "GLoRA"},
    {"OFT", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", oft, "OFT"},
    {"OFT with a constraint", CONV, "input_blocks.1.0.in_layers.2.weight", oft_constrained, "OFT"},
    {"BOFT", CONV, "input_blocks.1.0.in_layers.2.weight", boft, "BOFT"},
    {"DoRA by inputs", LINEAR, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", dora_inputs, "DoRA (LoRA)"},
    {"DoRA by inputs of a convolution", CONV, "input_blocks.1.0.in_layers.2.weight", dora_inputs, "DoRA (LoCon)"},
    {"DoRA by outputs", CONV, "input_blocks.1.0.in_layers.2.weight", dora_outputs, "DoRA (LoCon)"},
};
const int NETWORK_CASE_COUNT = sizeof NETWORK_CASES / sizeof *NETWORK_CASES;
