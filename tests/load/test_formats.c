/* test_formats.c: loading gives the same weights, to the bit, from a file of each format and from each way in which
 * diffusers' folders are kept. */
#define _XOPEN_SOURCE 700
#include "formats.h"
#include "sd/load/weights.h"
#include "tensor/half.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/weights/made_gguf.h"
#include "tests/weights/made_torch.h"
#include "weights/formats/blocks.h"
#include "weights/formats/names.h"
#include "weights/formats/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the same weights --- */

static SdModel *open_as_stored(const char *path, Error *e) {
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, e);
    if (m) m->as_in_files = true;
    return m;
}

/* One check: every weight of `path` has the bits that it has in `other`. */
static void check_same(const char *what, const char *path, const char *other) {
    Error e = {0};
    SdModel *a = open_as_stored(path, &e), *b = a ? open_as_stored(other, &e) : NULL;
    int64_t wrong = 0, count = 0;
    for (int part = 0; b && part < PART_COUNT; part++) {
        bool ok = model_load(a, (Part)part, &e) && model_load(b, (Part)part, &e);
        ok = ok && a->lists[part].count == b->lists[part].count;
        for (int64_t i = 0; ok && i < a->lists[part].count; i++, count++) {
            Tensor x = a->lists[part].w[i]->t, y = b->lists[part].w[i]->t;
            wrong += x.dtype != y.dtype || !tensor_same_shape(x, y) || memcmp(x.data, y.data, tensor_bytes(x)) != 0;
        }
        wrong += !ok;
        model_release(a, (Part)part);
        model_release(b, (Part)part);
    }
    test_check(b && count > 100 && !wrong, "%s: the same weights", what);
    test_note("%lld of %lld wrong %s", (long long)wrong, (long long)count, e.text);
    sd_close(a);
    sd_close(b);
}

/* --- folders --- */

static const char *const PARTS[][2] = {
    {"unet", "diffusion_pytorch_model"}, {"vae", "diffusion_pytorch_model"}, {"text_encoder", "model"}};

static void write_bytes(const char *path, char *bytes, size_t size) {
    if (!test_write(path, bytes, size)) abort();
    free(bytes);
}

/* A part's file as .bin: one, or two shards with an index. */
static void write_bin(const char *folder, const char *stem, const char *variant, const WeightFile *f, int how,
                      bool shards) {
    char path[2048], name[256];
    size_t size;
    if (!shards) {
        char *bytes = made_torch(f, how, &size);
        snprintf(path, sizeof path, "%s/%s%s.bin", folder, stem, variant);
        write_bytes(path, bytes, size);
        return;
    }
    snprintf(path, sizeof path, "%s/%s.bin.index%s.json", folder, stem, variant);
    FILE *index = fopen(path, "w");
    if (!index) abort();
    fprintf(index, "{\"metadata\": {\"total_size\": 0}, \"weight_map\": {");
    for (size_t i = 0; i < 2; i++) {
        WeightFile half = *f;
        half.tensors += i ? f->count / 2 : 0;
        half.count = i ? f->count - f->count / 2 : f->count / 2;
        snprintf(name, sizeof name, "%s%s-%05zu-of-00002.bin", stem, variant, i + 1);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        char *bytes = made_torch(&half, how, &size);
        write_bytes(path, bytes, size);
        for (size_t k = 0; k < half.count; k++)
            fprintf(index, "%s\"%s\": \"%s\"", i || k ? ", " : "", half.tensors[k].name, name);
    }
    fprintf(index, "}}");
    if (fclose(index)) abort();
}

static void make_bins(const char *name, int how, const char *variant, bool shards) {
    char folder[512], part[600], path[2048];
    Error e = {0};
    snprintf(folder, sizeof folder, "%s", test_path(name));
    if (!make_model_of(folder, (MakeModel){.layout = MODEL_DIFFUSERS, .dtype = F16}, tiny_config())) abort();
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        bool text = !strcmp(PARTS[i][1], "model");
        snprintf(path, sizeof path, "%s/%s/%s.safetensors", folder, PARTS[i][0], PARTS[i][1]);
        WeightFile *f = weight_file_open(path, &e);
        if (!f) abort();
        remove(path);
        snprintf(part, sizeof part, "%s/%s", folder, PARTS[i][0]);
        write_bin(part, text ? "pytorch_model" : PARTS[i][1], variant, f, how, shards);
        weight_file_close(f);
    }
}

/* As the hub's cache has it: snapshots/REVISION/PART/FILE are links to blobs/NUMBER. */
static void link_folder(const char *from, const char *to) {
    static const char *const FILES[] = {"model_index.json",         "scheduler/scheduler_config.json",
                                        "unet/config.json",         "unet/diffusion_pytorch_model.safetensors",
                                        "vae/config.json",          "vae/diffusion_pytorch_model.safetensors",
                                        "text_encoder/config.json", "text_encoder/model.safetensors"};
    static const char *const FOLDERS[] = {"",
                                          "/blobs",
                                          "/snapshots",
                                          "/snapshots/0",
                                          "/snapshots/0/unet",
                                          "/snapshots/0/vae",
                                          "/snapshots/0/text_encoder",
                                          "/snapshots/0/scheduler"};
    char path[2048], blob[2048], target[64];
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        snprintf(path, sizeof path, "%s%s", to, FOLDERS[i]);
        mkdir(path, 0777);
    }
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", from, FILES[i]);
        snprintf(blob, sizeof blob, "%s/blobs/%zu", to, i);
        if (rename(path, blob)) abort();
        snprintf(path, sizeof path, "%s/snapshots/0/%s", to, FILES[i]);
        snprintf(target, sizeof target, "%s../../blobs/%zu", strchr(FILES[i], '/') ? "../" : "", i);
        if (symlink(target, path)) abort();
    }
}

static void folders(const char *ref) {
    static const struct {
        const char *name;
        int how;
        const char *variant;
        bool shards;
    } BINS[] = {{"bin", 0, "", false},
                {"bin-old", MADE_OLD, "", false},
                {"bin-turned", MADE_TURNED, "", false},
                {"bin-nested", MADE_NESTED, "", false},
                {"bin-fp16", 0, ".fp16", false},
                {"bin-shards", 0, "", true},
                {"bin-fp16-shards", 0, ".fp16", true}};
    for (size_t i = 0; i < sizeof BINS / sizeof *BINS; i++) {
        make_bins(BINS[i].name, BINS[i].how, BINS[i].variant, BINS[i].shards);
        check_same(BINS[i].name, test_path(BINS[i].name), ref);
    }
    for (int shards = 0; shards <= 3; shards += 3)
        for (int fp16 = 0; fp16 < 2; fp16++) {
            MakeModel spec = {.layout = MODEL_DIFFUSERS, .dtype = F16, .shards = shards, .fp16_names = fp16};
            char name[64];
            snprintf(name, sizeof name, "folder, %d shards%s", shards, fp16 ? ", fp16" : "");
            if (!make_model_of(test_path(name), spec, tiny_config())) abort();
            check_same(name, test_path(name), ref);
        }
    char from[512], to[512];
    snprintf(from, sizeof from, "%s", test_path("folder"));
    snprintf(to, sizeof to, "%s", test_path("hub"));
    if (!make_model_of(from, (MakeModel){.layout = MODEL_DIFFUSERS, .dtype = F16}, tiny_config())) abort();
    link_folder(from, to);
    check_same("the hub's cache", test_path("hub/snapshots/0"), ref);
}

/* --- single files --- */

static void gguf(const char *ref) {
    Error e = {0};
    size_t size;
    WeightFile *f = weight_file_open(ref, &e);
    if (!f) abort();
    char *bytes = made_gguf(f, &size);
    write_bytes(test_path("a.gguf"), bytes, size);
    weight_file_close(f);
    check_same("GGUF", test_path("a.gguf"), ref);
}

static bool is_filter(const FileTensor *t) { return t->nd == 4 && t->n[3] == 3 && file_tensor_count(t) % 32 == 0; }

/* The model with its filters in blocks of Q8_0 that cross their rows, as ComfyUI-GGUF keeps them (1), or as the numbers
 * that these hold, in F16 (0). */
static void write_reshaped(const WeightFile *f, const char *path, bool blocks, int *count) {
    Error e = {0};
    FileTensor *list = calloc(f->count, sizeof *list);
    FileMeta *meta = calloc(f->count + f->meta_count, sizeof *meta);
    char(*texts)[2][256] = calloc(f->count, sizeof *texts);
    size_t metas = f->meta_count;
    if (!list || !meta || !texts) abort();
    memcpy(meta, f->meta, metas * sizeof *meta);
    for (size_t i = 0; i < f->count; i++) {
        FileTensor t = list[i] = f->tensors[i];
        if (!is_filter(&t) || !blocks) continue;
        list[i] = (FileTensor){.name = t.name, .dtype = Q8_0, .nd = 2, .n = {file_tensor_count(&t) / 32, 32}};
        snprintf(texts[i][0], sizeof texts[i][0], "comfy.gguf.orig_shape.%s", t.name);
        snprintf(texts[i][1], sizeof texts[i][1], "%d,%d,3,3", (int)t.n[0], (int)t.n[1]);
        meta[metas++] = (FileMeta){texts[i][0], texts[i][1]};
        *count += t.n[1] * 9 % 32 != 0;
    }
    StWriter *w = st_write_begin(path, list, f->count, meta, metas, &e);
    for (size_t i = 0; w && i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        const uint16_t *data = file_tensor_data(f, t);
        if (!is_filter(t)) {
            st_write_data(w, data, (size_t)(t->end - t->begin), &e);
            continue;
        }
        for (int64_t at = 0; at < file_tensor_count(t); at += 32) {
            float x[32];
            uint8_t block[34];
            uint16_t half[32];
            for (int k = 0; k < 32; k++) x[k] = f16_to_f32(data[at + k]);
            quantise_q8_0(x, block);
            block_f32(Q8_0, block, x);
            for (int k = 0; k < 32; k++) half[k] = f32_to_f16(x[k]);
            st_write_data(w, blocks ? (const void *)block : half, blocks ? sizeof block : sizeof half, &e);
        }
    }
    test_check(w && st_write_end(w, &e), "%s is written: %s", path, e.text);
    free(list);
    free(meta);
    free(texts);
}

static void reshaped(const char *ref) {
    Error e = {0};
    int count = 0;
    WeightFile *f = weight_file_open(ref, &e);
    if (!f) abort();
    write_reshaped(f, test_path("comfy.safetensors"), true, &count);
    write_reshaped(f, test_path("halves.safetensors"), false, &count);
    weight_file_close(f);
    test_check(count > 10, "%d filters whose rows begin within blocks", count);
    check_same("shapes of ComfyUI-GGUF", test_path("comfy.safetensors"), test_path("halves.safetensors"));
}

/* As stable-diffusion.cpp --convert-name writes it, which tools/dev/check_gguf.py has it do. */
static void sdcpp_names(void *user, MadeTensors *l) {
    static const char *const OPEN[][2] = {{"conditioner.embedders.1.model.", "cond_stage_model.1.transformer."},
                                          {"conditioner.embedders.0.model.", "cond_stage_model.transformer."},
                                          {"cond_stage_model.model.", "cond_stage_model.transformer."}};
    static const char FIRST[] = "conditioner.embedders.0.transformer.";
    int *renamed = user;
    for (size_t i = 0; i < l->count; i++) {
        char was[sizeof l->at->name], clip[200], *dot;
        snprintf(was, sizeof was, "%s", l->at[i].name);
        if (!strncmp(was, FIRST, strlen(FIRST))) {
            snprintf(l->at[i].name, sizeof was, "cond_stage_model.transformer.%s", was + strlen(FIRST));
            *renamed += 1;
        }
        for (size_t k = 0; k < sizeof OPEN / sizeof *OPEN; k++) {
            size_t n = strlen(OPEN[k][0]);
            if (strncmp(was, OPEN[k][0], n)) continue;
            if (!strcmp(was + n, "text_projection")) strcpy(clip, "text_model.text_projection");
            else if (!name_open_to_clip(was + n, clip, sizeof clip)) abort();
            if ((dot = strstr(clip, ".in_proj_")) != NULL) dot[strlen(".in_proj")] = '.';
            snprintf(l->at[i].name, sizeof was, "%s%s", OPEN[k][1], clip);
            *renamed += 1;
        }
    }
}

/* As diffusers' converter numbers the blocks of a U-Net with one a level. */
static void gap_names(void *user, MadeTensors *l) {
    static const char UNET[] = "model.diffusion_model.";
    int *renamed = user;
    for (size_t i = 0; i < l->count; i++) {
        char was[sizeof l->at->name], *rest = was + strlen(UNET);
        snprintf(was, sizeof was, "%s", l->at[i].name);
        if (strncmp(was, UNET, strlen(UNET))) continue;
        bool input = !strncmp(rest, "input_blocks.", 13), output = !strncmp(rest, "output_blocks.", 14);
        if (!input && !output) continue;
        char *dot;
        long n = strtol(rest + (input ? 13 : 14), &dot, 10);
        if (input && n) n = n % 2 ? 3 * (n / 2) + 1 : 3 * (n / 2);
        bool larger = output && strstr(dot, ".conv.") != NULL;
        if (output) n = 3 * (n / 2) + (larger ? 2 : n % 2);
        if (larger) dot[1] = n / 3 ? '2' : '1';
        snprintf(l->at[i].name, sizeof was, "%s%s.%ld%s", UNET, input ? "input_blocks" : "output_blocks", n, dot);
        *renamed += strcmp(was, l->at[i].name) != 0;
    }
}

static void other_names(void) {
    static const struct {
        const char *what;
        SdConfig (*config)(void);
        void (*names)(void *user, MadeTensors *l);
    } MODELS[] = {{"SD 2 under stable-diffusion.cpp's names", micro_sd2_config, sdcpp_names},
                  {"SDXL under stable-diffusion.cpp's names", micro_sdxl_config, sdcpp_names},
                  {"the refiner under stable-diffusion.cpp's names", micro_refiner_config, sdcpp_names},
                  {"a tiny U-Net with gaps in its numbers", micro_tiny_config, gap_names}};
    for (size_t i = 0; i < sizeof MODELS / sizeof *MODELS; i++) {
        char plain[512], renamed[512];
        int count = 0;
        snprintf(plain, sizeof plain, "%s", test_path("plain.safetensors"));
        snprintf(renamed, sizeof renamed, "%s", test_path("renamed.safetensors"));
        MakeModel how = {.dtype = F16, .edit = MODELS[i].names, .user = &count};
        test_check(make_model_of(plain, (MakeModel){.dtype = F16}, MODELS[i].config()) &&
                       make_model_of(renamed, how, MODELS[i].config()) && count > 20,
                   "%d names are changed", count);
        check_same(MODELS[i].what, renamed, plain);
    }
}

static bool is_scaled(const FileTensor *t) {
    size_t n = strlen(t->name);
    return t->nd == 2 && t->dtype == F16 && n > 7 && !strcmp(t->name + n - 7, ".weight");
}

/* The model's matrices as ComfyUI's fp8 files have them (1), or as the F16 that they stand for (0). */
static void write_eights(const WeightFile *f, const char *path, bool eights, DType kind, int *inputs) {
    Error e = {0};
    size_t count = 0;
    FileTensor *list = calloc(3 * f->count + 1, sizeof *list);
    char(*names)[256] = calloc(2 * f->count, sizeof *names);
    if (!list || !names) abort();
    for (size_t i = 0; i < f->count; i++) {
        FileTensor t = f->tensors[i];
        bool scaled = is_scaled(&t);
        if (scaled && eights) t.dtype = kind;
        list[count++] = t;
        if (!scaled || !eights) continue;
        for (int k = 0; k < 2; k++) {
            char *name = names[2 * i + (size_t)k];
            snprintf(name, sizeof *names, "%.*s%s", (int)strlen(t.name) - 6, t.name,
                     k ? "scale_input" : "scale_weight");
            list[count++] = (FileTensor){.name = name, .dtype = F32, .nd = k};
            list[count - 1].n[0] = 1;
        }
        *inputs += 1;
    }
    if (eights) list[count++] = (FileTensor){.name = "scaled_fp8", .dtype = kind, .nd = 1, .n = {2}};
    StWriter *w = st_write_begin(path, list, count, f->meta, f->meta_count, &e);
    if (!w) abort();
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        float scale = 0.001f * (float)(i % 5 + 1), one = 1;
        if (!is_scaled(t)) {
            st_write_data(w, file_tensor_data(f, t), (size_t)(t->end - t->begin), &e);
            continue;
        }
        for (int64_t k = 0, n = file_tensor_count(t); k < n; k++) {
            uint8_t code = (uint8_t)((uint32_t)k * 2654435761u >> 24);
            if ((code & 0x7f) >= 0x7c) code &= 0x8f; /* neither infinite nor NaN in either kind */
            float x = f16_to_f32(kind == F8_E4M3 ? e4m3_to_f16(code) : e5m2_to_f16(code)) * scale;
            uint16_t half = f32_to_f16(x);
            st_write_data(w, eights ? (const void *)&code : &half, eights ? 1 : 2, &e);
        }
        if (eights) st_write_data(w, &scale, 4, &e), st_write_data(w, &one, 4, &e);
    }
    uint8_t mark[2] = {0};
    if (eights) st_write_data(w, mark, 2, &e);
    test_check(st_write_end(w, &e), "%s is written: %s", path, e.text);
    free(list);
    free(names);
}

static void eights(const char *ref) {
    static const DType KINDS[] = {F8_E4M3, F8_E5M2};
    for (int k = 0; k < 2; k++) {
        Error e = {0};
        SdInfo info = {0};
        int inputs = 0;
        char words[80];
        WeightFile *f = weight_file_open(ref, &e);
        if (!f) abort();
        write_eights(f, test_path("f8.safetensors"), true, KINDS[k], &inputs);
        write_eights(f, test_path("f16.safetensors"), false, KINDS[k], &inputs);
        weight_file_close(f);
        check_same(k ? "F8_E5M2 with scales" : "F8_E4M3 with scales", test_path("f8.safetensors"),
                   test_path("f16.safetensors"));
        snprintf(words, sizeof words, "%d scales of inputs", inputs);
        test_check(sd_info(test_path("f8.safetensors"), false, &info, &e) && strstr(info.besides, words) &&
                       info.ignored == inputs + 2 && !info.missing && strstr(info.besides, "scaled_fp8"),
                   "sdc info of 8-bit weights: %lld ignored, besides %s", (long long)info.ignored, info.besides);
        test_note("%s", e.text);
    }
}

static void doubles(void) {
    char wide[512], single[512];
    snprintf(wide, sizeof wide, "%s", test_path("wide.safetensors"));
    snprintf(single, sizeof single, "%s", test_path("single.safetensors"));
    test_check(make_model_of(wide, (MakeModel){.dtype = F64}, tiny_config()) &&
                   make_model_of(single, (MakeModel){.dtype = F32}, tiny_config()),
               "models in F64 and F32 are written");
    check_same("F64", wide, single);
}

SUITE(formats, .seconds = 4) {
    char ref[512];
    snprintf(ref, sizeof ref, "%s", test_path("m.safetensors"));
    if (!make_model_of(ref, (MakeModel){.dtype = F16}, tiny_config())) abort();
    doubles();
    gguf(ref);
    other_names();
    reshaped(ref);
    eights(ref);
    folders(ref);
    formats_merge(ref);
}
