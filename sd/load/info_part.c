#include "info_part.h"

#include "sd/load/networks/embedding_file.h"
#include "sd/models/config_detect.h"
#include "sd/models/esrgan.h"
#include "tensor/os.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <string.h>

void info_add_word(char *list, size_t size, const char *word) {
    size_t n = strlen(list), length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ',')) return; /* F16 is not BF16 */
    if (n + length + 3 <= size) snprintf(list + n, size - n, "%s%s", n ? ", " : "", word);
}

static int size(const Given *g, const char *prefix, const char *name, int dim) {
    const WeightFile *file;
    char key[192];
    snprintf(key, sizeof key, "%s%s%s", prefix, g->inner, name);
    return file_tensor_size(given_find(g, prefix, key, &file), dim);
}

static void describe(const Given *g, GivenPart part, SdInfo *out) {
    bool open = !strcmp(g->inner, "model.");
    int width, layers = 0;
    char name[96];
    switch (part) {
    case GIVEN_UNET:
        snprintf(out->family, sizeof out->family, "U-Net");
        snprintf(out->variant, sizeof out->variant, "%s",
                 family_of_context(size(g, KEY_UNET, "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1)));
        break;
    case GIVEN_VAE:
        width = size(g, KEY_VAE, "decoder.conv_in.weight", 1);
        snprintf(out->family, sizeof out->family, "VAE");
        snprintf(out->variant, sizeof out->variant, "%s",
                 width == 4    ? "SD 1.x, 2.x or SDXL"
                 : width == 16 ? "SD 3 or Flux"
                               : "");
        break;
    case GIVEN_TEXT:
    case GIVEN_TEXT_2:
        width = size(g, "cond_stage_model.",
                     open ? "token_embedding.weight" : "text_model.embeddings.token_embedding.weight", 1);
        do {
            snprintf(name, sizeof name,
                     open ? "transformer.resblocks.%d.ln_1.weight" : "text_model.encoder.layers.%d.layer_norm1.weight",
                     layers);
        } while (size(g, "cond_stage_model.", name, 0) && layers++ < 256);
        snprintf(out->family, sizeof out->family, "text encoder");
        snprintf(out->variant, sizeof out->variant, "%s",
                 width == 768    ? "SD 1.x, SDXL's first"
                 : width == 1024 ? "SD 2.x"
                 : width == 1280 ? "SDXL's second"
                                 : "");
        snprintf(out->encoders, sizeof out->encoders, "%s, %d layers, %d wide",
                 open || width == 1024 || width == 1280 ? "OpenCLIP" : "CLIP", layers, width);
        break;
    case GIVEN_TAESD_DECODER:
    case GIVEN_TAESD_ENCODER:
        snprintf(out->family, sizeof out->family, "TAESD");
        snprintf(out->variant, sizeof out->variant, "%s%s", *out->variant ? "decoder, " : "",
                 part == GIVEN_TAESD_DECODER ? "decoder" : "encoder");
        break;
    case GIVEN_CONTROL:
        if (size(g, KEY_CONTROL, "body.0.block1.weight", 0)) {
            snprintf(out->family, sizeof out->family, "T2I-Adapter");
            break;
        }
        if (size(g, KEY_CONTROL, "ip_adapter.1.to_k_ip.weight", 0)) {
            snprintf(out->family, sizeof out->family, "IP-Adapter");
            const char *of = family_of_context(size(g, KEY_CONTROL, "ip_adapter.1.to_k_ip.weight", 1));
            const char *kind = size(g, KEY_CONTROL, "image_proj.latents", 1)         ? "plus"
                               : size(g, KEY_CONTROL, "image_proj.proj.3.weight", 0) ? "full"
                                                                                     : "";
            snprintf(out->variant, sizeof out->variant, "%s%s%s", of, *of && *kind ? ", " : "", kind);
            break;
        }
        snprintf(out->family, sizeof out->family, "%s",
                 size(g, KEY_CONTROL, "task_embedding", 0) ? "ControlNet Union" : "ControlNet");
        width = size(g, KEY_CONTROL, "middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1);
        snprintf(out->variant, sizeof out->variant, "%s",
                 width                                             ? family_of_context(width)
                 : size(g, KEY_CONTROL, "label_emb.0.0.weight", 0) ? "SDXL, without attention"
                                                                   : "without attention");
        if (weight_file_find(g->files.shards[0], "difference"))
            info_add_word(out->variant, sizeof out->variant, "differences");
        break;
    case GIVEN_VISION:
        snprintf(out->family, sizeof out->family, "vision encoder");
        width = size(g, KEY_VISION, "vision_model.embeddings.class_embedding", 0);
        snprintf(out->variant, sizeof out->variant, "%s",
                 width == 1024   ? "CLIP ViT-L"
                 : width == 1280 ? "OpenCLIP ViT-H"
                 : width == 1664 ? "OpenCLIP ViT-bigG"
                                 : "");
        break;
    case GIVEN_COUNT: break;
    }
    snprintf(out->layout, sizeof out->layout, "%s", g->diffusers ? "diffusers' names" : "single file");
}

static void count(const WeightFile *f, SdInfo *out) {
    bool types[DTYPE_COUNT] = {0};
    for (size_t i = 0; i < f->count; i++) {
        out->parameters += file_tensor_count(&f->tensors[i]);
        if (f->tensors[i].dtype != I64) types[f->tensors[i].dtype] = true; /* position_ids */
    }
    for (int t = 0; t < DTYPE_COUNT; t++)
        if (types[t]) info_add_word(out->dtype, sizeof out->dtype, dtype_name((DType)t));
    snprintf(out->format, sizeof out->format, "%s", f->format);
    out->tensors = out->used = (int64_t)f->count;
    out->bytes = f->size;
}

static void describe_embedding(const EmbeddingFile *x, SdInfo *out) {
    char *to = out->embedding;
    size_t n = 0, size = sizeof out->embedding;
    n += (size_t)snprintf(to, size, "%lld vector%s of %lld", (long long)x->vectors, x->vectors > 1 ? "s" : "",
                          (long long)x->width[0]);
    if (x->parts > 1) n += (size_t)snprintf(to + n, size - n, " and %lld", (long long)x->width[1]);
    if (x->name) n += (size_t)snprintf(to + n, size - n, ", \"%.*s\"", (int)utf8_whole(x->name, 80), x->name);
    if (x->step) snprintf(to + n, size - n, ", step %lld", (long long)x->step);
}

/* Vectors; a lone tensor only if it is as wide as some model's text encoder. */
static bool embedding(const char *path, const WeightFile *f, SdInfo *out) {
    EmbeddingFile x;
    OsInfo info;
    bool ok = (f ? embedding_file_from(f, &x, NULL) : embedding_file_read(path, &x, NULL)) && x.parts;
    int64_t width = ok ? x.width[0] : 0;
    const char *of = x.parts == 2    ? width == 768 && x.width[1] == 1280 ? "SDXL" : ""
                     : width == 768  ? "SD 1.x"
                     : width == 1024 ? "SD 2.x"
                     : width == 1280 ? "SDXL refiner"
                                     : "";
    ok = ok && (*of || x.marked);
    if (ok) {
        snprintf(out->family, sizeof out->family, "embedding");
        snprintf(out->variant, sizeof out->variant, "%s", of);
        snprintf(out->layout, sizeof out->layout, "textual inversion");
        describe_embedding(&x, out);
        snprintf(out->format, sizeof out->format, "PNG");
        snprintf(out->dtype, sizeof out->dtype, "F32");
        out->tensors = out->used = x.parts;
        for (int i = 0; i < x.parts; i++) out->parameters += x.vectors * x.width[i];
        out->bytes = os_info(path, &info) ? (size_t)info.size : 0;
    }
    if (ok && f) out->parameters = 0, count(f, out);
    embedding_file_free(&x);
    return ok;
}

/* A network that enlarges pictures. */
static bool upscaler(const char *path, SdInfo *out) {
    EsrganConfig k;
    Checkpoint *c = checkpoint_open(path, NULL);
    bool is = c && c->file && esrgan_from_shapes(c, &k, NULL);
    if (is) {
        bool compact = k.names == ESRGAN_COMPACT;
        snprintf(out->family, sizeof out->family, "upscaler");
        snprintf(out->variant, sizeof out->variant, "x%d, %s", k.scale, compact ? "compact" : "RRDBNet");
        snprintf(out->layout, sizeof out->layout, "single file");
        count(c->file, out);
    }
    checkpoint_close(c);
    return is;
}

bool info_of_part(const char *path, SdInfo *out) {
    if (os_kind(path) != OS_DIRECTORY && upscaler(path, out)) return true;
    WeightFile *f = os_kind(path) == OS_DIRECTORY ? NULL : weight_file_open(path, NULL);
    bool text = false;
    int kinds = 0;
    for (int i = 0; f && i < GIVEN_COUNT; i++) {
        GivenPart part = (GivenPart)i;
        bool second = part == GIVEN_TEXT_2 || (part == GIVEN_TAESD_ENCODER && !strcmp(out->family, "TAESD"));
        Given g;
        if ((part == GIVEN_TEXT_2 && text) || !given_from(&g, part, f)) continue;
        kinds += part == GIVEN_TEXT_2 || !second;
        text = text || part == GIVEN_TEXT;
        describe(&g, part, out);
        given_close(&g);
    }
    bool known = kinds == 1;
    if (known) count(f, out);
    else {
        *out = (SdInfo){0};
        known = !kinds && os_kind(path) == OS_REGULAR && embedding(path, f, out);
    }
    weight_file_close(f);
    return known;
}
