/* test_convert.c: other programs' layouts, there and back, bit by bit; moving averages. */
#include "sd/load/model.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/made_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool convert(const char *in, const char *out, SdConvert how) {
    Error e = {0};
    bool ok = test_check(sd_convert(in, out, &how, NULL, &e), "%s becomes %s", strrchr(in, '/'), strrchr(out, '/'));
    test_note("%s", e.text);
    return ok;
}

/* Tensors of a that b lacks, or has with another type, shape or bytes; the first is named. */
static int64_t differences(const WeightFile *a, const WeightFile *b, char first[200]) {
    int64_t count = 0;
    for (size_t i = 0; i < a->count; i++) {
        const FileTensor *x = &a->tensors[i], *y = weight_file_find(b, x->name);
        bool same = y && x->dtype == y->dtype && x->nd == y->nd && !memcmp(x->n, y->n, (size_t)x->nd * sizeof *x->n) &&
                    x->end - x->begin == y->end - y->begin &&
                    !memcmp(file_tensor_data(a, x), file_tensor_data(b, y), (size_t)(x->end - x->begin));
        if (!same && !count++) snprintf(first, 200, "%.190s", x->name);
    }
    return count;
}

/* Every tensor of a is b's; b has at most `more` others. */
static void same_file(const char *what, const char *a, const char *b, int64_t but, int64_t more) {
    Error e = {0};
    char first[200] = "";
    WeightFile *x = weight_file_open(a, &e), *y = weight_file_open(b, &e);
    int64_t wrong = x && y ? differences(x, y, first) : -1;
    test_check(wrong == but && (int64_t)y->count - ((int64_t)x->count - wrong) == more, "%s", what);
    test_note("%lld of %lld tensors differ (%s), %lld there %s", (long long)wrong, x ? (long long)x->count : 0, first,
              y ? (long long)y->count : 0, e.text);
    weight_file_close(x);
    weight_file_close(y);
}

/* The q, k and v of a folder are the rows of the file's fused projection, and its text_projection the transpose. */
static void check_encoder(const char *file, const char *folder, const char *part, const char *prefix, bool pooled) {
    Error e = {0};
    char path[1100], name[200];
    snprintf(path, sizeof path, "%s/%s/model.safetensors", folder, part);
    WeightFile *a = weight_file_open(file, &e), *b = weight_file_open(path, &e);
    static const char *const PARTS[] = {"q_proj", "k_proj", "v_proj"};
    snprintf(name, sizeof name, "%stransformer.resblocks.1.attn.in_proj_weight", prefix);
    const FileTensor *fused = a ? weight_file_find(a, name) : NULL;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "text_model.encoder.layers.1.self_attn.%s.weight", PARTS[i]);
        const FileTensor *t = b ? weight_file_find(b, name) : NULL;
        size_t size = t ? (size_t)(t->end - t->begin) : 0;
        test_check(
            fused && t &&
                !memcmp((const char *)file_tensor_data(a, fused) + (size_t)i * size, file_tensor_data(b, t), size),
            "%s %s of %s", part, PARTS[i], strrchr(file, '/'));
        test_note("%s", e.text);
    }
    snprintf(name, sizeof name, "%stext_projection", prefix);
    const FileTensor *p = a && pooled ? weight_file_find(a, name) : NULL,
                     *q = b && pooled ? weight_file_find(b, "text_projection.weight") : NULL;
    double x = 0, y = 1;
    if (p && q) file_tensor_f64(a, p, 2 * p->n[1] + 5, 1, &x), file_tensor_f64(b, q, 5 * q->n[1] + 2, 1, &y);
    test_check(!pooled || (p && q && p->n[0] == q->n[1] && x == y), "%s's text_projection is the transpose", part);
    weight_file_close(a);
    weight_file_close(b);
}

/* FILE -> folder -> single and FILE -> ours -> single are FILE again, but for what no network reads. */
static void layouts(void) {
    const struct {
        const char *name;
        SdConfig (*config)(void);
        int64_t unused, cut; /* of the file; of SD 2's last layer, which a folder does not have */
        const char *part, *prefix;
        bool pooled;
    } ROWS[] = {{"sd1", micro_config, 1, 0, NULL, NULL, false},
                {"sd2", micro_sd2_config, 0, 12, "text_encoder", "cond_stage_model.model.", false},
                {"sdxl", micro_sdxl_config, 1, 0, "text_encoder_2", "conditioner.embedders.1.model.", true},
                {"refiner", micro_refiner_config, 0, 0, "text_encoder_2", "conditioner.embedders.0.model.", true}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char file[1024], folder[1024], own[1024], back[1024], what[64];
        snprintf(what, sizeof what, "%s.safetensors", ROWS[i].name);
        snprintf(file, sizeof file, "%s", test_path(what));
        snprintf(folder, sizeof folder, "%s", test_path(ROWS[i].name));
        snprintf(own, sizeof own, "%s", test_path("own.safetensors"));
        snprintf(back, sizeof back, "%s", test_path("back.safetensors"));
        if (!test_check(make_model_of(file, (MakeModel){.dtype = F16}, ROWS[i].config()), "%s is written", what))
            return;
        if (!convert(file, folder, (SdConvert){.layout = "diffusers"}) ||
            !convert(folder, back, (SdConvert){.layout = "single"}))
            continue;
        snprintf(what, sizeof what, "%s: from the folder", ROWS[i].name);
        same_file(what, file, back, ROWS[i].unused + ROWS[i].cut, 0);
        if (ROWS[i].part) check_encoder(file, folder, ROWS[i].part, ROWS[i].prefix, ROWS[i].pooled);
        SdInfo info;
        Error e = {0};
        test_check(sd_info(folder, false, &info, &e) && !info.ignored && !info.missing && !*info.unknown,
                   "%s: every tensor and key of the folder is understood", ROWS[i].name);
        test_note("%s %s %s", info.unknown, info.unused, e.text);
        if (!convert(folder, own, (SdConvert){0}) || !convert(own, back, (SdConvert){.layout = "single"})) continue;
        snprintf(what, sizeof what, "%s: by our own layout", ROWS[i].name);
        same_file(what, file, back, ROWS[i].unused + ROWS[i].cut, 0);
        test_check(!sd_convert(file, folder, &(SdConvert){.layout = "diffusers"}, NULL, &e) &&
                       strstr(e.text, "new or empty"),
                   "%s: a folder that holds something is left alone", ROWS[i].name);
    }
}

static void averages(void) {
    char file[1024], out[1024], name[256];
    Error e = {0};
    snprintf(file, sizeof file, "%s", test_path("ema.safetensors"));
    snprintf(out, sizeof out, "%s", test_path("averaged.safetensors"));
    make_model_of(file, (MakeModel){.dtype = F16, .ema = true}, tiny_config());
    if (!convert(file, out, (SdConvert){.layout = "single", .ema = true})) return;
    WeightFile *a = weight_file_open(file, &e), *b = weight_file_open(out, &e);
    int64_t wrong = 0, count = 0;
    for (size_t i = 0; a && b && i < b->count; i++) {
        const FileTensor *t = &b->tensors[i];
        if (strncmp(t->name, "model.diffusion_model.", 22)) continue;
        size_t n = (size_t)sprintf(name, "model_ema.");
        for (const char *p = t->name + 6; *p; p++)
            if (*p != '.') name[n++] = *p;
        name[n] = 0;
        const FileTensor *from = weight_file_find(a, name);
        wrong += !from || memcmp(file_tensor_data(a, from), file_tensor_data(b, t), (size_t)(t->end - t->begin));
        count++;
    }
    test_check(count > 60 && !wrong, "the U-Net is its moving averages");
    test_note("%lld of %lld", (long long)wrong, (long long)count);
    weight_file_close(a);
    weight_file_close(b);
    test_check(!sd_open(out, &(SdOptions){.ema = true}, &e) && strstr(e.text, "holds no moving averages"),
               "a file without them is refused");
}

SUITE(convert, .seconds = 3) {
    layouts();
    averages();
}
