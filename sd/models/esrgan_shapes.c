/* esrgan_shapes.c: which network an upscaler's file holds, by its names and shapes. */
#include "esrgan.h"

#include "config_detect.h"

#include <stdio.h>
#include <string.h>

static const char *const PREFIXES[] = {"", "params_ema.", "params.", "module.", "model.", "state_dict."};

typedef struct {
    const Checkpoint *c;
    const char *prefix;
} Names;

static const FileTensor *find(const Names *n, const char *format, int i) __attribute__((format(printf, 2, 0)));
static const FileTensor *find(const Names *n, const char *format, int i) {
    char name[128];
    int at = snprintf(name, sizeof name, "%s", n->prefix);
    snprintf(name + at, sizeof name - (size_t)at, format, i); /* formats are this file's own */
    return weight_file_find(n->c->file, name);
}

/* Networks of others, by a tensor that each has. Source of the keys: chaiNNer-org, spandrel. */
static const struct {
    const char *key, *is;
} OTHERS[] = {
    {"model.1.sub.0.RDB1.conv1x1.weight", "an ESRGAN+"},
    {"layers.0.residual_group.overlap_attn.qkv.weight", "a HAT"},
    {"layers.0.residual_group.layers.0.sigma", "an ATD"},
    {"layers.0.residual_group.hf_blocks.0.attn.temperature", "a CRAFT"},
    {"layers.0.residual_group.blocks.0.norm1.weight", "a SwinIR or Swin2SR"},
    {"layers.0.swin1.norm1.weight", "a DRCT"},
    {"layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale", "a GRL"},
    {"layers.0.blocks.0.gamma", "an RGT"},
    {"layers.0.blocks.0.norm1.weight", "a DAT"},
    {"feats.1.lk.conv.weight", "a PLKSR"},
    {"feats.1.lk.convs.0.weight", "a PLKSR"},
    {"feats.1.lk.mn_conv.weight", "a PLKSR"},
    {"feats.0.safm.aggr.weight", "a SAFMN"},
    {"gblocks.0.weight", "a MoSR"},
    {"block_1.c1_r.sk.weight", "a SPAN"},
    {"residual_layer.0.residual_layer.0.layer.0.fn.0.weight", "an OmniSR"},
    {"unet1.conv1.conv.0.weight", "a RealCUGAN"},
    {"body.0.body.0.body.0.weight", "an RCAN"},
    {"m_head.0.weight", "an SCUNet"},
    {"UFONE.0.ITLs.0.attn.temperature", "a DITN"},
    {"intro.weight", "a NAFNet"},
    {"stylegan_decoder.style_mlp.1.weight", "a GFPGAN"},
    {"initial.cnn.depthwise.weight", "a SwiftSRGAN"},
};

static bool not_one(const Names *names, int prefixes, Error *e) {
    const Checkpoint *c = names->c;
    for (int p = 0; p < prefixes; p++)
        for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
            if (find(&(Names){c, PREFIXES[p]}, OTHERS[i].key, 0))
                return error_set(e, ERR_FORMAT,
                                 "%s: is %s, which is not built in; name an ESRGAN, a Real-ESRGAN or a compact one "
                                 "(realesr-general)",
                                 c->path, OTHERS[i].is);
    return error_set(
        e, ERR_FORMAT,
        "%s: is no upscaler that is known; name an ESRGAN, a Real-ESRGAN or a compact one (realesr-general)", c->path);
}

static bool refuse(const Names *n, const char *why, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: %s; name another upscaler", n->c->path, why);
}

/* Side of the squares that `pixels` numbers for each colour come from; 0: none. */
static int side(int numbers) {
    for (int s = 1; s <= 16; s++)
        if (numbers == ESRGAN_COLOURS * s * s) return s;
    return 0;
}

static bool compact_shapes(const Names *n, EsrganConfig *k, Error *e) {
    int last = 0;
    while (last < 2 * ESRGAN_BLOCKS + 4 && find(n, "body.%d.weight", last + 1)) last++;
    k->blocks = (last - 2) / 2;
    k->gather = 1;
    k->channels = file_tensor_size(find(n, "body.0.weight", 0), 0);
    k->scale = side(file_tensor_size(find(n, "body.%d.weight", last), 0));
    if (last < 2 || last % 2 || k->blocks > ESRGAN_BLOCKS)
        return refuse(n, "has a compact upscaler's names, but not its layers", e);
    if (file_tensor_size(find(n, "body.0.weight", 0), 1) != ESRGAN_COLOURS || !k->scale)
        return refuse(n, "does not read and write RGB", e);
    return k->channels || refuse(n, "has layers without channels", e);
}

static bool rrdb_shapes(const Names *n, EsrganConfig *k, Error *e) {
    bool old = k->names == ESRGAN_OLD, mid = k->names == ESRGAN_MID;
    const char *block = old   ? "model.1.sub.%d.RDB1.conv1.0.weight"
                        : mid ? "RRDB_trunk.%d.RDB1.conv1.weight"
                              : "body.%d.rdb1.conv1.weight";
    const char *up = old ? "model.%d.weight" : mid ? "upconv%d.weight" : "conv_up%d.weight";
    const FileTensor *first = find(n, old ? "model.0.weight" : "conv_first.weight", 0), *last;
    while (k->blocks <= ESRGAN_BLOCKS && find(n, block, k->blocks)) k->blocks++;
    /* an old file's last two layers have numbers that a doubling's could not have: 2 and 4 more than a multiple of 3 */
    while (k->ups <= ESRGAN_UPS && find(n, up, old ? 3 * (k->ups + 1) : k->ups + 1)) k->ups++;
    last = find(n, old ? "model.%d.weight" : "conv_last.weight", 3 * k->ups + 4);
    k->channels = file_tensor_size(first, 0);
    k->growth = file_tensor_size(find(n, block, 0), 0);
    k->gather = side(file_tensor_size(first, 1));
    if (k->blocks > ESRGAN_BLOCKS || k->ups > ESRGAN_UPS)
        return refuse(n, "has more blocks than 256, or enlarges more than sixteen times", e);
    if (!k->gather || file_tensor_size(last, 0) != ESRGAN_COLOURS) return refuse(n, "does not read and write RGB", e);
    if ((k->gather != 1 && k->gather != 2 && k->gather != 4) || (1 << k->ups) % k->gather)
        return refuse(n, "makes pictures smaller", e);
    k->scale = (1 << k->ups) / k->gather;
    return (k->channels && k->growth) || refuse(n, "has layers without channels", e);
}

bool esrgan_from_shapes(const Checkpoint *c, EsrganConfig *k, Error *e) {
    enum { PREFIX_COUNT = sizeof PREFIXES / sizeof *PREFIXES };
    Names n = {c, ""};
    *k = (EsrganConfig){0};
    if (!c->file)
        return error_set(e, ERR_FORMAT, "%s: is a folder; name an upscaler's file (.pth, .safetensors)", c->path);
    for (int i = 0; i < PREFIX_COUNT; i++) {
        n.prefix = PREFIXES[i];
        snprintf(k->prefix, sizeof k->prefix, "%s", n.prefix);
        bool plus = find(&n, "model.1.sub.0.RDB1.conv1x1.weight", 0);
        k->names = ESRGAN_NEW;
        if (find(&n, "body.0.rdb1.conv1.weight", 0)) return rrdb_shapes(&n, k, e);
        k->names = ESRGAN_MID;
        if (find(&n, "RRDB_trunk.0.RDB1.conv1.weight", 0)) return rrdb_shapes(&n, k, e);
        k->names = ESRGAN_OLD;
        if (!plus && find(&n, "model.1.sub.0.RDB1.conv1.0.weight", 0)) return rrdb_shapes(&n, k, e);
        k->names = ESRGAN_COMPACT;
        const FileTensor *slopes = find(&n, "body.1.weight", 0);
        if (find(&n, "body.0.weight", 0) && slopes && slopes->nd == 1) return compact_shapes(&n, k, e);
    }
    return not_one(&n, PREFIX_COUNT, e);
}
