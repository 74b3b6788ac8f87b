/* spoil_config.c: one thing that is wrong with a configuration. */
#include "gen_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const VALUES[] = {
    "0",          "-1",         "1",           "2",     "3",      "5",      "8",     "64",   "1000",
    "65536",      "2147483647", "2147483648",  "1e18",  "1e400",  "0.5",    "NaN",   "null", "true",
    "false",      "\"8\"",      "\"\"",        "[]",    "[1]",    "[1, 2]", "{}",    "-0",   "1e-9",
    "4294967297", "-Infinity",  "-2147483648", "1.0e0", "[null]", "[[1]]",  "\"a\"", "8.0",  "[1,1,1,1,1,1,1,1,1]",
};
enum { VALUE_COUNT = sizeof VALUES / sizeof *VALUES };

/* The value that begins at p: to the comma or bracket that ends it. */
static size_t value_length(const char *p) {
    int depth = 0;
    bool quoted = false;
    size_t i = 0;
    for (; p[i]; i++) {
        if (quoted) {
            if (p[i] == '\\' && p[i + 1]) i++;
            else if (p[i] == '"') quoted = false;
        } else if (p[i] == '"') quoted = true;
        else if (strchr("[{", p[i])) depth++;
        else if (strchr("]}", p[i]) && depth-- == 0) break;
        else if (strchr(",\n", p[i]) && depth == 0) break;
    }
    return i;
}

/* The value of the n-th key of a text; NULL: it has fewer. */
static char *nth_value(char *text, int n, char *key, size_t size) {
    for (char *p = text; (p = strstr(p, "\":")); p += 2) {
        char *begin = p;
        while (begin > text && begin[-1] != '"') begin--;
        if (n--) continue;
        snprintf(key, size, "%.*s", (int)(p - begin), begin);
        return p + 2;
    }
    return NULL;
}

static char *value_of(char *text, const char *key) {
    char name[80];
    snprintf(name, sizeof name, "\"%s\":", key);
    char *p = strstr(text, name);
    return p ? p + strlen(name) : NULL;
}

/* out = text with the n bytes at p replaced. */
static void replace(char *out, size_t size, const char *text, const char *p, size_t n, const char *by) {
    snprintf(out, size, "%.*s%s%s", (int)(p - text), text, by, p + n);
}

static void spoil(GenModel *g, char *text, char *out, size_t size, const char *file) {
    Chance *c = &g->chance;
    char key[80], changed[40];
    int keys = 0;
    while (nth_value(text, keys, key, sizeof key)) keys++;
    char *p = nth_value(text, chance_below(c, keys), key, sizeof key);
    size_t n = value_length(p);
    int how = chance_below(c, 10);
    if (how == 0) { /* the key is gone */
        char *begin = p - strlen(key) - 3;
        size_t comma = p[n] == ',';
        snprintf(g->what, sizeof g->what, "%s: \"%s\" is missing", file, key);
        replace(out, size, text, begin, (size_t)(p - begin) + n + comma, comma ? "" : "\"x\":0");
        return;
    }
    if (how == 1) { /* the text is cut */
        snprintf(g->what, sizeof g->what, "%s: is cut at \"%s\"", file, key);
        snprintf(out, size, "%.*s", (int)(p - text), text);
        return;
    }
    const char *value = VALUES[chance_below(c, VALUE_COUNT)];
    if (how < 6 && p[strspn(p, " ")] >= '0' && p[strspn(p, " ")] <= '9') { /* near what it was */
        snprintf(changed, sizeof changed, "%ld", atol(p) + (how < 4 ? 1 : -1));
        value = changed;
    }
    snprintf(g->what, sizeof g->what, "%s: \"%s\" is %s, not %.*s", file, key, value, n < 60 ? (int)n : 60, p);
    replace(out, size, text, p, n, value);
}

/* The value of a line "key: value", or the key, or its indentation. */
static void spoil_yaml(GenModel *g) {
    static const char *const ODD[] = {"",   "\t", "  ", "- ",    "{", "\"", "'", "&a ",
                                      "*a", "!!", "|",  "---\n", "#", ": ", "%", "[1, "};
    Chance *c = &g->chance;
    char out[sizeof g->yaml];
    int lines = 0, at = 0;
    for (char *p = g->yaml; *p; p++) lines += *p == '\n';
    char *line = g->yaml, *colon;
    for (at = chance_below(c, lines); at > 0; at--) line = strchr(line, '\n') + 1;
    size_t n = strcspn(line, "\n");
    colon = memchr(line, ':', n);
    const char *value =
        chance_of(c, 0.7) ? VALUES[chance_below(c, VALUE_COUNT)] : ODD[chance_below(c, sizeof ODD / sizeof *ODD)];
    char *from = colon && chance_of(c, 0.7) ? colon + 1 : line + strspn(line, " ");
    size_t cut = chance_of(c, 0.2) ? 0 : n - (size_t)(from - line);
    char by[40];
    snprintf(by, sizeof by, "%s%s", from == colon + 1 ? " " : "", value);
    snprintf(g->what, sizeof g->what, "model.yaml: \"%.*s\" has %s at %d", (int)n, line, value, (int)(from - line));
    replace(out, sizeof out, g->yaml, from, cut, by);
    memcpy(g->yaml, out, sizeof out);
}

void spoil_single(GenModel *g) {
    if (*g->yaml) {
        spoil_yaml(g);
        return;
    }
    char out[sizeof g->config];
    spoil(g, g->config, out, sizeof out, "sdc.config");
    memcpy(g->config, out, sizeof out);
}

/* Keys that change what is computed, with values that nobody may pass over in silence. */
static const struct {
    const char *file, *key, *value;
} ARITHMETIC[] = {
    {"unet/config.json", "act_fn", "\"gelu\""},
    {"unet/config.json", "norm_eps", "0.1"},
    {"unet/config.json", "flip_sin_to_cos", "false"},
    {"unet/config.json", "freq_shift", "1"},
    {"unet/config.json", "downsample_padding", "0"},
    {"unet/config.json", "center_input_sample", "true"},
    {"unet/config.json", "mid_block_scale_factor", "2"},
    {"unet/config.json", "dual_cross_attention", "true"},
    {"unet/config.json", "only_cross_attention", "true"},
    {"unet/config.json", "class_embed_type", "\"timestep\""},
    {"unet/config.json", "resnet_time_scale_shift", "\"scale_shift\""},
    {"unet/config.json", "time_embedding_type", "\"fourier\""},
    {"unet/config.json", "addition_embed_type", "\"text\""},
    {"unet/config.json", "encoder_hid_dim", "32"},
    {"unet/config.json", "conv_in_kernel", "5"},
    {"unet/config.json", "conv_out_kernel", "5"},
    {"unet/config.json", "mid_block_type", "null"},
    {"vae/config.json", "act_fn", "\"relu\""},
    {"vae/config.json", "scaling_factor", "0.5"},
    {"vae/config.json", "shift_factor", "0.1"},
    {"vae/config.json", "mid_block_add_attention", "false"},
    {"vae/config.json", "use_post_quant_conv", "false"},
    {"text_encoder/config.json", "hidden_act", "\"relu\""},
    {"text_encoder/config.json", "layer_norm_eps", "0.1"},
    {"scheduler/scheduler_config.json", "beta_start", "0.002"},
    {"scheduler/scheduler_config.json", "beta_end", "0.02"},
    {"scheduler/scheduler_config.json", "beta_schedule", "\"linear\""},
    {"scheduler/scheduler_config.json", "beta_schedule", "\"squaredcos_cap_v2\""},
    {"scheduler/scheduler_config.json", "num_train_timesteps", "500"},
    {"scheduler/scheduler_config.json", "rescale_betas_zero_snr", "true"},
    {"scheduler/scheduler_config.json", "prediction_type", "\"sample\""},
};
enum { ARITHMETIC_COUNT = sizeof ARITHMETIC / sizeof *ARITHMETIC };

static bool write_text(const char *path, const char *text) { return test_write(path, text, strlen(text)); }

bool spoil_folder(GenModel *g, const char *path) {
    static const char *const FILES[] = {"unet/config.json",
                                        "unet/config.json",
                                        "vae/config.json",
                                        "text_encoder/config.json",
                                        "scheduler/scheduler_config.json",
                                        "model_index.json"};
    Chance *c = &g->chance;
    char name[1200], out[8192];
    bool known = chance_of(c, 0.4);
    int row = chance_below(c, ARITHMETIC_COUNT);
    const char *file = known ? ARITHMETIC[row].file : FILES[chance_below(c, sizeof FILES / sizeof *FILES)];
    snprintf(name, sizeof name, "%s/%s", path, file);
    char *text = test_read(name, NULL);
    if (!text) return false;
    if (known) {
        const char *value = ARITHMETIC[row].value;
        char *p = value_of(text, ARITHMETIC[row].key), more[160];
        if (p) replace(out, sizeof out, text, p, value_length(p), value);
        else {
            snprintf(more, sizeof more, "{\"%s\": %s,", ARITHMETIC[row].key, value);
            replace(out, sizeof out, text, text, 1, more);
        }
        g->differs = true;
        snprintf(g->what, sizeof g->what, "%s: \"%s\" is %s", file, ARITHMETIC[row].key, value);
    } else spoil(g, text, out, sizeof out, file);
    free(text);
    return write_text(name, out);
}
