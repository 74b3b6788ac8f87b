/* test_network_parts.c: what a module has besides its product: biases, magnitudes in PEFT's shapes, a rank of its own.
 */
#include "made_network.h"

#include "sd/load/networks/overlay.h"
#include "sd/load/weights.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OUT "input_blocks_1_1_transformer_blocks_0_attn1_to_out_0"
#define OUT_BIAS "input_blocks.1.1.transformer_blocks.0.attn1.to_out.0.bias"
#define NORM_BIAS "input_blocks.1.0.in_layers.0.bias"

static const double WEIGHT = 0.7f;

/* A weight, with and without the network, which is written and freed. */
typedef struct {
    MadeWeight was, is;
    bool ok;
} Changed;

static Changed change(SdModel *m, MadeNetwork *n, const char *name) {
    Error e = {0};
    Changed c = {.ok = false};
    const Weight *w = made_weight(m, PART_UNET, name);
    const SdNetwork one = {made_save(n, "parts.safetensors", NULL, 0), WEIGHT, WEIGHT, 0};
    c.ok = w && overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e) && model_load(m, PART_UNET, &e);
    if (c.ok) c.was = made_numbers(w);
    c.ok = c.ok && overlay_set(m, &one, 1, SD_APPLY_EXACT, false, &e) && model_load(m, PART_UNET, &e);
    if (c.ok) c.is = made_numbers(w);
    test_check(c.ok, "a network that changes %s is used", name);
    test_note("%s", e.text);
    return c;
}

static void change_free(Changed *c, MadeNetwork *n) {
    free(c->was.w), free(c->is.w);
    made_free(n);
}

/* want[count]: what was plus what is added */
static void check(const Changed *c, const double *want, const char *what) {
    double most = 0, largest = 0;
    for (int64_t i = 0; c->ok && i < c->is.rows * made_columns(c->is); i++) {
        most = fmax(most, fabs(c->is.w[i] - want[i]));
        largest = fmax(largest, fabs(want[i]));
    }
    test_check(c->ok && most < 2e-7 * largest, "%s", what);
    test_note("%.3g off, of %.3g", most, largest);
}

/* Biases: a LoRA's up has one, which is scaled like its product; a difference is not; a norm's neither. */
static void check_biases(SdModel *m) {
    static const struct {
        const char *module, *role, *bias;
        double scale;
        bool lora;
        const char *what;
    } CASES[] = {{"lora_unet_" OUT, ".lora_up.bias", OUT_BIAS, 2.0 / RANK, true, "up's bias is scaled as its product"},
                 {"lora_unet_" OUT, ".diff_b", OUT_BIAS, 1, true, "a bias' difference beside a LoRA is not"},
                 {"lora_unet_" OUT, ".diff_b", OUT_BIAS, 1, false, "a bias' difference alone"},
                 {"lora_unet_" NORM, ".b_norm", NORM_BIAS, 1, false, "a norm's bias"}};
    for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
        const char *module = CASES[k].module;
        MadeNetwork n = {.count = 0};
        MadeWeight none = {32, 32, 1, calloc(32 * 32, sizeof(double))};
        if (CASES[k].lora) made_lora(&n, module, none);
        if (!strcmp(CASES[k].role, ".b_norm")) made_part(&n, module, ".w_norm", 1, (int64_t[]){32}, 0);
        const float *b = made_part(&n, module, CASES[k].role, 1, (int64_t[]){32}, 0);
        Changed c = change(m, &n, CASES[k].bias);
        double want[32] = {0};
        for (int i = 0; c.ok && i < 32; i++) want[i] = c.was.w[i] + WEIGHT * CASES[k].scale * (double)b[i];
        check(&c, want, CASES[k].what);
        change_free(&c, &n);
        free(none.w);
    }
}

/* PEFT's magnitudes of a convolution are [1,O,1,1], and of outputs, also where the inputs are as many. */
static void check_magnitudes(SdModel *m) {
    static const char M[] = "unet.down_blocks.0.resnets.0.conv1";
    enum { SIDE = 32, COLUMNS = SIDE * 9 };
    static double v[SIDE * COLUMNS], norms[SIDE];
    MadeNetwork n = {.count = 0};
    float *down = made_part(&n, M, ".lora_A.weight", 4, (int64_t[]){RANK, SIDE, 3, 3}, 0);
    float *up = made_part(&n, M, ".lora_B.weight", 4, (int64_t[]){SIDE, RANK, 1, 1}, 0);
    float *size = made_part(&n, M, ".lora_magnitude_vector", 4, (int64_t[]){1, SIDE, 1, 1}, 0);
    Changed c = change(m, &n, "input_blocks.1.0.in_layers.2.weight");
    made_product(v, up, down, SIDE, RANK, COLUMNS);
    for (int i = 0; c.ok && i < SIDE * COLUMNS; i++) {
        v[i] += c.was.w[i];
        norms[i / COLUMNS] += v[i] * v[i];
    }
    for (int i = 0; c.ok && i < SIDE * COLUMNS; i++)
        v[i] = c.was.w[i] + WEIGHT * (v[i] * (double)size[i / COLUMNS] / sqrt(norms[i / COLUMNS]) - c.was.w[i]);
    check(&c, v, "PEFT's magnitudes of a convolution are its outputs'");
    change_free(&c, &n);
}

/* A LoKr of which both are products: the second's rank divides alpha, as in the webui. */
static void check_ranks(SdModel *m) {
    static const char M[] = "lora_unet_" LINEAR;
    enum { SIDE = 32, ROWS = SIDE / 4, INPUTS = SIDE / 2 };
    static double first[8], second[ROWS * INPUTS], want[SIDE * SIDE];
    MadeNetwork n = {.count = 0};
    float *a = made_part(&n, M, ".lokr_w1_a", 2, (int64_t[]){4, 1}, 0);
    float *b = made_part(&n, M, ".lokr_w1_b", 2, (int64_t[]){1, 2}, 0);
    float *x = made_part(&n, M, ".lokr_w2_a", 2, (int64_t[]){ROWS, RANK}, 0);
    float *y = made_part(&n, M, ".lokr_w2_b", 2, (int64_t[]){RANK, INPUTS}, 0);
    made_part(&n, M, ".alpha", 0, NULL, 1);
    Changed c = change(m, &n, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight");
    made_product(first, a, b, 4, 1, 2);
    made_product(second, x, y, ROWS, RANK, INPUTS);
    for (int o = 0; c.ok && o < SIDE; o++)
        for (int i = 0; i < SIDE; i++)
            want[o * SIDE + i] = c.was.w[o * SIDE + i] + WEIGHT / RANK * first[o / ROWS * 2 + i / INPUTS] *
                                                             second[o % ROWS * INPUTS + i % INPUTS];
    check(&c, want, "a LoKr of two products is scaled by the second's rank");
    change_free(&c, &n);
}

/* Text encoders' modules, saved with the U-Net or alone, by either version of transformers. */
static void check_text_names(void) {
    static const char *const KEYS[] = {"lora_te_text_model_encoder_layers_0_self_attn_q_proj",
                                       "lora_te_encoder_layers_0_self_attn_q_proj",
                                       "lora_te.text_model.encoder.layers.0.self_attn.q_proj",
                                       "lora_te1.text_model.encoder.layers.0.self_attn.q_proj",
                                       "text_encoder.encoder.layers.0.self_attn.q_proj",
                                       "base_model.model.text_model.encoder.layers.0.self_attn.q_proj",
                                       "base_model.model.encoder.layers.0.self_attn.q_proj",
                                       "lycoris_text_model_encoder_layers_0_self_attn_q_proj"};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        MadeNetwork made = {.count = 0};
        Network n = {0};
        Error e = {0};
        made_part(&made, KEYS[i], ".lora_A.weight", 2, (int64_t[]){RANK, 4}, 0);
        made_part(&made, KEYS[i], ".lora_B.weight", 2, (int64_t[]){4, RANK}, 0);
        made_part(&made, "lora_te_of_another", ".alpha", 0, NULL, 1); /* alone it is no module, and no error */
        bool ok = network_open(&n, made_save(&made, "text.safetensors", NULL, 0), &e);
        test_check(ok && n.count == 1 && n.unknown_count == 1 && n.modules[0].of == NETWORK_TEXT &&
                       !strcmp(n.modules[0].name, "text_text_model_encoder_layers_0_self_attn_q_proj"),
                   "%s is the text encoder's", KEYS[i]);
        test_note("%s; %s", ok && n.count ? n.modules[0].name : "", e.text);
        network_close(&n);
        made_free(&made);
    }
}

/* A folder of PEFT's, whose alphas are in adapter_config.json: of modules by name, of all, and of whole matrices. */
static void check_folder(void) {
    static const char *const MODULES[] = {"base_model.model.a.to_q", "base_model.model.a.to_k"};
    static const struct {
        const char *config, *says;
        double scale[2];
        bool lokr;
    } CASES[] = {{"{\"lora_alpha\":6,\"r\":8,\"alpha_pattern\":{\"a.to_q\":9}}", NULL, {9.0 / RANK, 6.0 / RANK}, false},
                 {"{\"lora_alpha\":6,\"use_rslora\":true}", NULL, {3.4641016151377544, 3.4641016151377544}, false},
                 {"{\"alpha\":6,\"r\":8,\"rank_pattern\":{\"to_k\":4}}", NULL, {0.75, 1.5}, true},
                 {"{\"lora_alpha\":6,\"alpha_pattern\":{\"^a.*\":9}}", "is a regular expression", {0}, false},
                 {"{\"lora_alpha\":\"six\"}", "is not a number", {0}, false},
                 {"[", "adapter_config.json: ", {0}, false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        MadeNetwork made = {.count = 0};
        Network n = {0};
        Error e = {0};
        char file[OS_PATH_SIZE];
        for (int k = 0; k < 2; k++) {
            bool lokr = CASES[i].lokr;
            made_part(&made, MODULES[k], lokr ? ".lokr_w1" : ".lora_A.weight", 2, (int64_t[]){RANK, 4}, 0);
            made_part(&made, MODULES[k], lokr ? ".lokr_w2" : ".lora_B.weight", 2, (int64_t[]){4, RANK}, 0);
        }
        mkdir(test_path("peft"), 0777);
        made_save(&made, "peft/adapter_model.safetensors", NULL, 0);
        test_write(test_path("peft/adapter_config.json"), CASES[i].config, strlen(CASES[i].config));
        bool ok = network_in_folder(test_path("peft"), file, &e) && network_open(&n, file, &e);
        if (CASES[i].says) test_check(!ok && strstr(e.text, CASES[i].says), "refused: %s", CASES[i].says);
        for (int k = 0; k < 2 && !CASES[i].says; k++) /* to_k comes first */
            test_check(ok && fabs(n.modules[k].scale - CASES[i].scale[!k]) < 1e-15, "%s: %s", MODULES[!k],
                       CASES[i].config);
        test_note("%g %g; %s", ok ? n.modules[0].scale : 0, ok ? n.modules[1].scale : 0, e.text);
        network_close(&n);
        made_free(&made);
    }
    Error e = {0};
    char file[OS_PATH_SIZE];
    mkdir(test_path("bare"), 0777);
    test_check(!network_in_folder(test_path("bare"), file, &e) && strstr(e.text, "holds no adapter_model.safetensors"),
               "a folder without is said");
}

/* PEFT's OFT: W R' by blocks of inputs, R a series of Q, or (I - Q)(I + Q)^-1 = I - 2 Q + 2 Q^2 - ... */
static void check_oft_inputs(SdModel *m) {
    static const char M[] = "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    enum { SIDE = 32, S = 8, EACH = S * (S - 1) / 2 };
    static const struct {
        const char *config, *what;
        int powers, blocks;
        double sign, last;
    } CASES[] = {{"{}", "a series of five terms", 4, SIDE / S, 1, 1},
                 {"{\"num_cayley_neumann_terms\":2}", "of two", 1, SIDE / S, 1, 2},
                 {"{\"use_cayley_neumann\":false}", "an exact rotation", 60, SIDE / S, -1, 2},
                 {"{\"use_cayley_neumann\":false}", "one block for all", 60, 1, -1, 2}};
    const Weight *w = made_weight(m, PART_UNET, "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight");
    for (size_t i = 0; w && i < sizeof CASES / sizeof *CASES; i++) {
        static double want[SIDE * SIDE];
        MadeNetwork n = {.count = 0};
        Error e = {0};
        Changed c = {.ok = false};
        float *upper = made_part(&n, M, ".oft_R.weight", 2, (int64_t[]){CASES[i].blocks, EACH}, 0);
        for (int k = 0; k < CASES[i].blocks * EACH; k++) upper[k] *= 0.2f;
        const SdNetwork one = {made_save(&n, "peft/adapter_model.safetensors", NULL, 0), WEIGHT, WEIGHT, 0};
        test_write(test_path("peft/adapter_config.json"), CASES[i].config, strlen(CASES[i].config));
        c.ok = overlay_set(m, NULL, 0, SD_APPLY_EXACT, false, &e) && model_load(m, PART_UNET, &e);
        if (c.ok) c.was = made_numbers(w);
        c.ok = c.ok && overlay_set(m, &one, 1, SD_APPLY_EXACT, false, &e) && model_load(m, PART_UNET, &e);
        if (c.ok) c.is = made_numbers(w);
        for (int b = 0; c.ok && b < SIDE / S; b++) {
            double q[S * S] = {0}, power[S * S] = {0}, next[S * S], r[S * S] = {0};
            const float *at = upper + (CASES[i].blocks > 1 ? b * EACH : 0);
            for (int y = 0; y < S; y++)
                for (int x = y + 1; x < S; x++, at++) q[y * S + x] = *at, q[x * S + y] = -*at;
            for (int y = 0; y < S; y++) power[y * S + y] = r[y * S + y] = 1;
            for (int k = 1; k <= CASES[i].powers; k++) {
                double factor = (k == CASES[i].powers ? CASES[i].last : 2) * (k % 2 ? CASES[i].sign : 1);
                for (int y = 0; y < S * S; y++) {
                    next[y] = 0;
                    for (int x = 0; x < S; x++) next[y] += power[y / S * S + x] * q[x * S + y % S];
                }
                memcpy(power, next, sizeof power);
                for (int y = 0; y < S * S; y++) r[y] += factor * power[y];
            }
            for (int o = 0; o < SIDE; o++)
                for (int x = 0; x < S; x++) {
                    double was = c.was.w[o * SIDE + b * S + x], sum = 0;
                    for (int k = 0; k < S; k++) sum += r[x * S + k] * c.was.w[o * SIDE + b * S + k];
                    want[o * SIDE + b * S + x] = was + WEIGHT * (sum - was);
                }
        }
        check(&c, want, CASES[i].what);
        test_note("%s", e.text);
        change_free(&c, &n);
    }
    MadeNetwork n = {.count = 0};
    Error e = {0};
    made_part(&n, M, ".oft_R.weight", 2, (int64_t[]){SIDE / S, EACH}, 0);
    const SdNetwork alone = {made_save(&n, "oft.safetensors", NULL, 0), 1, 1, 0};
    test_check(!overlay_set(m, &alone, 1, SD_APPLY_EXACT, false, &e) && strstr(e.text, "adapter_config.json"),
               "without its configuration it is refused");
    test_note("%s", e.text);
    made_free(&n);
}

SUITE(network_parts, .seconds = 1) {
    const char *path = test_path("micro.safetensors");
    Error e = {0};
    make_micro_model(path, F32);
    SdModel *m = sd_open(path, &(SdOptions){.threads = 2}, &e);
    if (!test_check(m != NULL, "a model is opened: %s", e.text)) return;
    m->as_in_files = true;
    check_biases(m);
    check_magnitudes(m);
    check_ranks(m);
    check_text_names();
    check_folder();
    check_oft_inputs(m);
    sd_close(m);
}
