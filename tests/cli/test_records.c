/* test_records.c: records of runs, and what is held to them. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "sd/load/model_hash.h"
#include "tools/commands/record/tap_measure.h"
#include "weights/files/json.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN                                                                                                            \
    "-m m.safetensors -W 16 -H 16 --steps 2 -p 'a (lovely:1.25) \"cat\"' -n '50 per cent blurry\n#x' --cfg 7.1 "       \
    "--threads 1 "                                                                                                     \
    "-q "
#define UNET "model.diffusion_model."
#define VAE "first_stage_model."
#define CLIP "cond_stage_model.transformer.text_model."

/* One check: exit code 1, nothing but warnings on stderr, and `words` in what was printed. */
static void differs(const char *words, const char *command) {
    CliRun r = cli("%s", command);
    test_check(r.code == 1 && cli_holds(r.out, words) &&
                   (!*r.err || strstr(r.err, "sdc: warning: ") || !strncmp(r.err, "step", 4)),
               "%s: differs: %s", command, words);
    cli_tell(&r);
    cli_free(&r);
}

/* --- what is sampled, and where --- */

static void places(void) {
    static const int64_t CONV_IN[] = {4632, 23540, 46527, 63074}, IMAGE[] = {0, 3, 5}; /* as Python has them */
    bool same = true;
    for (int i = 0; i < 4; i++) same = same && tap_place("unet.step000.conv_in", i, 4, 81920) == CONV_IN[i];
    for (int i = 0; i < 3; i++) same = same && tap_place("image", i, 3, 7) == IMAGE[i];
    for (int i = 0; i < 5; i++) same = same && tap_place("x", i, 5, 5) == i;
    same = same && tap_place("a", 4095, 4096, (int64_t)1 << 61) == 2305420675892311632;
    test_check(same, "sampled values lie where the format says");
}

/* A record says what the file of activations of the same run holds. */
static void content(void) {
    Error e = {0};
    Record *r = record_open(cli_path("r.record"), &e);
    WeightFile *f = weight_file_open(cli_path("t.safetensors"), &e);
    if (!test_check(r && f && r->count == f->count, "a record has all activations")) test_note("%s", e.text);
    size_t right = 0;
    for (size_t i = 0; r && f && i < r->count; i++) {
        const RecordTap *t = &r->taps[i];
        const FileTensor *all = &f->tensors[i];
        const float *x = file_tensor_data(f, all), *kept = file_tensor_data(r->file, t->values);
        unsigned char digest[32];
        Sha256 sha;
        double squares = 0;
        for (int64_t k = 0; k < t->count; k++) squares += (double)x[k] * x[k];
        sha256_init(&sha);
        sha256_update(&sha, x, (size_t)t->count * sizeof *x);
        sha256_final(&sha, digest);
        bool same = !strcmp(t->name, all->name) && t->nd == all->nd &&
                    !memcmp(t->n, all->n, sizeof *t->n * (size_t)t->nd) && !memcmp(digest, t->digest, 32) &&
                    fabs(sqrt(squares) - t->norm) <= 1e-12 * t->norm && t->kept == (t->count < 32 ? (int)t->count : 32);
        for (int k = 0; k < t->kept; k++) same = same && kept[k] == x[tap_place(t->name, k, t->kept, t->count)];
        right += same;
    }
    test_check(r && right == r->count, "and their order, shapes, norms, checksums and values");
    test_check(r && !strcmp(r->request.prompt, "a (lovely:1.25) \"cat\"") &&
                   !strcmp(r->request.negative, "50 per cent blurry\n#x") && r->request.cfg == 7.1 &&
                   r->request.steps == 2 && r->request.width == 16 && r->request.seed == 9,
               "and the settings");
    char hash[65];
    test_check(r && sha256_file(cli_path("m.safetensors"), hash, &e) && !strcmp(hash, r->hash) &&
                   !strcmp(r->model, "m"),
               "and the model");
    record_close(r);
    weight_file_close(f);
}

/* --- other activations --- */

typedef struct {
    const char *tensor; /* what is changed: of this one */
    enum { SCALED, SHIFTED, NOT_FINITE, FLAT, RENAMED, LEFT_OUT, UNSEEN } how;
    double by;
    const char *options, *words;
    int code;
} Other;

#define IN "unet.step001.down_blocks.0.resnets.1"
static const Other OTHERS[] = {
    {IN, SCALED, 1, "", "r.record: equal: |bit for bit", 0},
    {IN, SCALED, 1 + 1e-6, "", "r.record: within 0.0001: |the worst by |e-06 (" IN ")", 0},
    {IN, SCALED, 1 + 1e-3, "", "first that differs: " IN " (relative RMS|r.record: differs: 1 of |, first " IN, 1},
    {IN, SCALED, 1 + 1e-3, "--bound 0.01", "r.record: within 0.01", 0},
    {IN, SCALED, 1 + 1e-6, "--bound 0", IN, 1},
    {IN, SCALED, -1, "", "r.record: differs: 1 of ", 1}, /* the norm is the same */
    {"noise", SHIFTED, 0.5, "", "first that differs: noise", 1},
    {IN, SCALED, 2, "--tap 'vae*'", "r.record: equal: ", 0},
    {IN, SCALED, 2, "--tap '*down_blocks.0.resnets.*'", "r.record: differs: 1 of 4", 1},
    {"image", NOT_FINITE, NAN, "", "first that differs: image (not finite)", 1},
    {"image", NOT_FINITE, INFINITY, "--bound 1e300", "image (not finite)", 1},
    {IN, FLAT, 0, "", "first that differs: " IN " (shapes differ)", 1},
    {IN, RENAMED, 0, "", "first that differs: " IN " (not there)|not there (1): |1 activations not in the record", 1},
    {IN, RENAMED, 0, "--names names", "r.record: equal: ", 0},
    {IN, LEFT_OUT, 0, "", "not there (1): " IN, 1},
    {IN, UNSEEN, 1.01, "", "first that differs: " IN, 1}, /* only the norm tells */
};

static bool is_sampled(const char *name, int64_t at, int64_t count) {
    for (int i = 0; i < 32; i++)
        if (tap_place(name, i, 32, count) == at) return true;
    return false;
}

static void change(const Other *o, FileTensor *t, float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (o->how == UNSEEN && !is_sampled(t->name, i, count)) x[i] = (float)(x[i] * o->by);
        if (o->how == SCALED) x[i] = (float)(x[i] * o->by);
        if (o->how == SHIFTED) x[i] += (float)o->by;
    }
    if (o->how == NOT_FINITE) x[count / 2] = (float)o->by;
    if (o->how == FLAT) t->nd = 1, t->n[0] = count;
    if (o->how == RENAMED) t->name = "theirs";
}

/* The file of activations, all but the one as it was. */
static bool write_other(const Other *o) {
    Error e = {0};
    WeightFile *f = weight_file_open(cli_path("t.safetensors"), &e);
    FileTensor *list = f ? malloc(f->count * sizeof *list) : NULL;
    float *all = f ? malloc(f->size) : NULL;
    size_t n = 0, bytes = 0;
    for (size_t i = 0; list && all && i < f->count; i++) {
        int64_t count = file_tensor_count(&f->tensors[i]);
        bool meant = !strcmp(f->tensors[i].name, o->tensor);
        if (meant && o->how == LEFT_OUT) continue;
        float *x = (float *)(void *)((char *)all + bytes);
        memcpy(x, file_tensor_data(f, &f->tensors[i]), (size_t)count * sizeof *x);
        list[n] = f->tensors[i];
        if (meant) change(o, &list[n], x, count);
        bytes += (size_t)count * sizeof *x;
        n++;
    }
    StWriter *w = list && all ? st_write_begin(cli_path("o.safetensors"), list, n, NULL, 0, &e) : NULL;
    bool ok = w && st_write_data(w, all, bytes, &e) && st_write_end(w, &e);
    free(list);
    free(all);
    weight_file_close(f);
    return ok;
}

static void others(void) {
    static const char NAMES[] = IN " theirs\n";
    test_write(cli_path("names"), NAMES, sizeof NAMES - 1);
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        const Other *o = &OTHERS[i];
        char command[200];
        if (!test_check(write_other(o), "activations are written")) return;
        snprintf(command, sizeof command, "check r.record --against o.safetensors %s", o->options);
        if (o->code) differs(o->words, command);
        else cli_works(o->words, "%s", command);
    }
}

/* --- for programs --- */

/* What `command` prints is JSON with these members, and as many activations. */
static void json(const char *command, int code, bool holds, int failed, int count, const char *first,
                 const char *weight) {
    CliRun r = cli("%s", command);
    Error e = {0};
    int64_t failures = -1, differing = 0;
    bool held = !holds;
    Json *j = json_parse("check", r.out, strlen(r.out), &e);
    const JsonNode *all = j ? json_get(j, j->nodes, "activations") : NULL, *at = json_get(j, j->nodes, "first");
    const JsonNode *weights = j ? json_get(j, j->nodes, "weights") : NULL;
    const JsonNode *differ = weights ? json_get(j, weights, "differ") : NULL;
    const JsonNode *said = j ? json_get(j, j->nodes, "holds") : NULL;
    if (said) held = said->type == JSON_TRUE, json_int(json_get(j, j->nodes, "failed"), &failures);
    for (int i = 0, k = all ? all->child : 0; all && i < all->count; i++, k = j->nodes[k].next) {
        const JsonNode *state = json_get(j, &j->nodes[k], "state");
        differing += state && !strcmp(state->text, "apart") && json_get(j, &j->nodes[k], "relative_rms") != NULL;
    }
    bool right = all && r.code == code && held == holds && failures == failed && differing == failed &&
                 all->count == count && (first ? at && at->text && !strcmp(at->text, first) : at && !at->text);
    right =
        right && (weight ? differ && differ->count == 1 && !strcmp(j->nodes[differ->child].text, weight) : !weights);
    test_check(right, "%s", command);
    test_note("%s%.400s", e.text, r.out);
    if (j) json_free(j);
    cli_free(&r);
}

/* --- other models --- */

/* One weight is changed, and named, and the first activation that it changes. */
static void changed(const char *file, const char *weight, int at, const char *first) {
    Error e = {0};
    size_t size = 0;
    char words[300], *bytes = test_read(cli_path(file), &size);
    WeightFile *f = bytes ? weight_file_open_memory("m", bytes, size, &e) : NULL;
    const FileTensor *t = f ? weight_file_find(f, weight) : NULL;
    bool ok = t && at < file_tensor_count(t);
    if (ok) {
        float *x = (float *)(void *)(bytes + f->data + t->begin) + at;
        *x *= 1.001f;
        ok = test_write(cli_path("changed.safetensors"), bytes, size);
    }
    weight_file_close(f);
    free(bytes);
    snprintf(words, sizeof words, "weights that differ (1): %s\n|differs: |first %s", weight, first);
    if (test_check(ok, "%s is changed", weight)) differs(words, "check r.record -m changed.safetensors --threads 1");
}

static void models(void) {
    cli_works("", "convert m.safetensors c.safetensors -q"); /* convolutions lie in another order there */
    changed("c.safetensors", UNET "input_blocks.0.0.weight", 7, "unet.step000.conv_in");
    changed("m.safetensors", UNET "input_blocks.0.0.weight", 7, "unet.step000.conv_in");
    changed("m.safetensors", UNET "input_blocks.4.0.in_layers.2.weight", 103, "unet.step000.down_blocks.1.resnets.0");
    changed("m.safetensors", UNET "output_blocks.5.1.transformer_blocks.0.attn2.to_v.weight", 5,
            "unet.step000.up_blocks.1.attentions.2");
    changed("m.safetensors", VAE "decoder.up.2.block.1.conv2.weight", 3, "vae.decoder.up_blocks.1");
    json("check r.record -m m.safetensors -q --threads 1 --json", 0, true, 0, 127, NULL, NULL);
    json("check r.record -m changed.safetensors -q --threads 1 --json --tap vae.decoder.conv_out", 1, false, 1, 1,
         "vae.decoder.conv_out", VAE "decoder.up.2.block.1.conv2.weight");
    changed("m.safetensors", CLIP "encoder.layers.1.mlp.fc2.weight", 9, "text_model.last_hidden_state");
}

/* --- other runs --- */

static void runs(void) {
    cli_works("r.record: equal: |bit for bit; 1 of 1 pictures equal", "check r.record -m m.safetensors -q");
    cli_works("r.record: equal: ", "check r.record -m m.safetensors -q --threads 3 --tap 'unet.step001.*'");
    cli_works("within 0.0001: ", "check r.record -m m.safetensors -q --precision f32-direct");
    differs("(bound 1e-09)", "check r.record -m m.safetensors -q --precision f32-direct --bound 1e-9");
    cli_works(
        "s.record: seed 8",
        "record %s --seed 8 -o s.record --tap 'unet.step000.*' --values 3 --batch-size 2 --sampler 'DPM++ 2M Karras'",
        "-m m.safetensors -W 16 -H 24 --steps 2 -p x --threads 1 ");
    cli_works("s.record: equal: |2 of 2 pictures", "check s.record -m m.safetensors -q");
    cli_works("", "record " RUN
                  "-o i.record -i p.png --strength 0.7 --seed 5 --noise t.safetensors --tap 'latents*' --rng cpu");
    cli_works("i.record: equal: ", "check i.record -m m.safetensors -q -i p.png --noise t.safetensors");
    cli_works("i.record: equal: ", "check i.record -m m.safetensors -q"); /* both lie beside it */
    cli_fails(1, "i.record: began with another picture",
              "check i.record -m m.safetensors -q -i q.png --noise t.safetensors");
    cli_fails(1, "i.record: began with other noise",
              "check i.record -m m.safetensors -q -i p.png --noise o.safetensors");
    cli_fails(2, "r.record: is of txt2img|leave -i out", "check r.record -m m.safetensors -q -i p.png");
    cli_fails(2, "r.record: did not begin with noise", "check r.record -m m.safetensors -q --noise t.safetensors");
    cli_fails(2, "--tap: no activation of the record has a name like 'image'",
              "check s.record --against t.safetensors --tap image");
    cli_fails(1, "m.safetensors: has no activation of the record", "check r.record --against m.safetensors");
}

/* --- memory --- */

/* A limit splits the U-Net's calls only where nobody sees: a record's names and shapes do not depend on it. */
static void limits(void) {
#define MANY "-m m.safetensors -W 64 -H 64 --batch-size 4 --steps 1 -p x --seed 1 --threads 1 -q "
    cli_works("", "record " MANY "-o w.record");
    cli_works("w.record: equal: 93 |bit for bit; 4 of 4", "check w.record -m m.safetensors -q --threads 1");
    cli_works("w.record: equal: 93 |bit for bit; 4 of 4",
              "check w.record -m m.safetensors -q --threads 1 --memory-limit 40MiB");
    cli_works("w.record: equal: 93 |bit for bit; 4 of 4",
              "check w.record -m m.safetensors -q --threads 1 --memory-limit 32MiB");
    cli_works("w.record: equal: 1 |bit for bit; 4 of 4",
              "check w.record -m m.safetensors -q --threads 1 --memory-limit 40MiB --tap 'latents*'");
    cli_works("w.record: equal: 1 |bit for bit; 4 of 4",
              "check w.record -m m.safetensors -q --threads 1 --memory-limit 40MiB --tap 'unet.*.conv_in'");
    cli_fails(1, "memory: |every saving", "check w.record -m m.safetensors -q --threads 1 --memory-limit 20MiB");
}

static void usage(void) {
    cli_fails(2, "no record named: say where it goes after -o", "record -p x");
    cli_fails(2, "--strength: needs the picture", "record -p x -o x.record --strength 0.3");
    cli_fails(2, "--resize-mode: needs the picture", "record -p x -o x.record --resize-mode fill");
    cli_fails(2, "--values: 0 is not in 1..4096", "record -p x -o x.record --values 0");
    cli_fails(2, "--batch-count: no such option", "record -p x -o x.record --batch-count 2");
    cli_fails(2, "no activation has a name|like 'y*'", "record " RUN "-o x.record --tap 'y*'");
    cli_fails(2, "no record named", "check");
    cli_fails(2, "one record at a time", "check a b");
    cli_fails(2, "--names: needs --against", "check r.record --names names");
    cli_fails(2, "--against: compares a file", "check r.record --against t.safetensors -m m.safetensors");
    cli_fails(2, "--against: compares a file", "check r.record --against t.safetensors --threads 2");
    cli_fails(2, "--bound: -1 is not in", "check r.record --bound -1");
    cli_fails(1, "t.safetensors: is not a record; name a file that sdc record wrote", "check t.safetensors");
    cli_fails(1, "gone", "check r.record --against gone");
    cli_fails(1, "gone", "check gone");
}

SUITE(records, .seconds = 3) {
    places();
    if (!cli_begin() || !make_micro_model(cli_path("m.safetensors"), F32)) return;
    cli_works("", "record " RUN "--seed 9 -o r.record --taps t.safetensors");
    cli_works("", "txt2img " RUN "--seed 2 -o p.png");
    cli_works("", "txt2img " RUN "--seed 3 -o q.png");
    content();
    others();
    models();
    runs();
    limits();
    usage();
}
