#include "config.h"

#include "weights/files/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int outputs_of(const UnetConfig *u) { return u->levels * (u->res_blocks + 1); }

int config_up_depth(const UnetConfig *u, int i) {
    return u->uneven ? u->up_depth[i] : u->depth[u->levels - 1 - i / (u->res_blocks + 1)];
}

/* Of a U-Net that was made smaller, after whom its makers are. */
static const char *distilled(const UnetConfig *u) {
    if (u->label)
        return u->middle_depth                ? ""
               : u->depth[u->levels - 1] == 4 ? "SSD-1B"
               : u->depth[u->levels - 1] == 2 ? "Segmind-Vega"
                                              : "distilled";
    if (u->middle_depth >= 0) return "";
    return u->levels == 4 ? "small (BK-SDM, Segmind)" : u->depth[0] ? "tiny (BK-SDM, Segmind)" : "SDXS";
}

bool config_same_latents(const VaeConfig *a, const VaeConfig *b) {
    bool same = a->scale == b->scale && a->statistics == b->statistics;
    for (int i = 0; a->statistics && same && i < a->latent; i++)
        same = a->mean[i] == b->mean[i] && a->std[i] == b->std[i];
    return same;
}

void config_copy_latents(VaeConfig *to, const VaeConfig *from) {
    to->scale = from->scale, to->statistics = from->statistics;
    memcpy(to->mean, from->mean, sizeof to->mean);
    memcpy(to->std, from->std, sizeof to->std);
}

static const ClipConfig *pooling(const SdConfig *c) {
    for (int i = 0; i < c->encoders; i++)
        if (c->clip[i].pooled) return &c->clip[i];
    return NULL;
}

int config_sizes(const SdConfig *c) {
    const ClipConfig *pools = pooling(c);
    return c->unet.label && pools ? (c->unet.label - pools->pooled) / SIZE_WIDTH : 0;
}

UnetInputs config_input(const SdConfig *c) {
    int in = c->unet.in_channels, latent = c->vae.latent;
    return in == latent                          ? INPUT_LATENTS
           : in == 2 * latent + 1                ? INPUT_INPAINTING
           : in == 2 * latent                    ? INPUT_PIX2PIX
           : in == latent + 1                    ? INPUT_DEPTH
           : c->unet.classes && in == latent + 3 ? INPUT_UPSCALING
                                                 : INPUT_UNKNOWN;
}

const char *config_variant(const SdConfig *c) {
    int sizes = config_sizes(c);
    switch (config_input(c)) {
    case INPUT_INPAINTING: return "inpainting";
    case INPUT_PIX2PIX: return "instruct-pix2pix";
    case INPUT_DEPTH: return "depth";
    default: break;
    }
    if (*distilled(&c->unet)) return distilled(&c->unet);
    if (sizes) return sizes == 5 ? "refiner" : "base";
    if (c->conditioner || c->clip[0].act != ACT_GELU) return "";
    return c->prediction == PREDICT_V ? "768-v" : "512-base";
}

/* A row per number of the configuration: JSON is written and read by this table. */
typedef enum {
    INT,
    INTS,
    FLAG,
    REAL,
    TEXT,
    LIST,
    REALS
} FieldType; /* LIST: one for each output block; REALS: one for each
              * channel of a latent */
typedef struct {
    const char *part, *name;
    FieldType type;
    size_t offset;
    double low, high;
} Field;

#define AT(member) offsetof(SdConfig, member)
#define CLIP(part, i)                                                                                                  \
    {part, "vocabulary", INT, AT(clip[i].vocabulary), 3, 1 << 20}, /* fewer than 49408: with sdc.tokens */             \
        {part, "positions", INT, AT(clip[i].positions), 77, 77}, {part, "width", INT, AT(clip[i].width), 1, 16384},    \
        {part, "layers", INT, AT(clip[i].layers), 1, 256}, {part, "heads", INT, AT(clip[i].heads), 1, 1024},           \
        {part, "mlp", INT, AT(clip[i].mlp), 1, 65536}, {part, "open_clip", FLAG, AT(clip[i].open_clip), 0, 1},         \
        {part, "gelu", FLAG, AT(clip[i].act), 0, 1},          /* ACT_GELU, not quick GELU */                           \
        {part, "penultimate", FLAG, AT(clip[i].layer), 0, 1}, /* layer 2 from the last, not 1 */                       \
        {part, "final_norm", FLAG, AT(clip[i].final_norm), 0, 1}, {part, "pooled", INT, AT(clip[i].pooled), 0, 16384}, \
    {                                                                                                                  \
        part, "pad", INT, AT(clip[i].pad), 0, 49407                                                                    \
    }
static const Field FIELDS[] = {
    {"unet", "in_channels", INT, AT(unet.in_channels), 1, 64},
    {"unet", "out_channels", INT, AT(unet.out_channels), 1, 64},
    {"unet", "channels", INT, AT(unet.channels), 2, 4096},
    {"unet", "levels", INT, AT(unet.levels), 1, MAX_LEVELS},
    {"unet", "mult", INTS, AT(unet.mult), 0, 64},
    {"unet", "res_blocks", INT, AT(unet.res_blocks), 1, 15},
    {"unet", "depth", INTS, AT(unet.depth), 0, 64},
    {"unet", "middle_depth", INT, AT(unet.middle_depth), -1, 64},
    {"unet", "uneven", FLAG, AT(unet.uneven), 0, 1},
    {"unet", "up_depth", LIST, AT(unet.up_depth), 0, 64},
    {"unet", "heads", INT, AT(unet.heads), 0, 1024},
    {"unet", "head_dim", INT, AT(unet.head_dim), 0, 4096},
    {"unet", "linear_projection", FLAG, AT(unet.linear_projection), 0, 1},
    {"unet", "context", INT, AT(unet.context), 1, 16384},
    {"unet", "label", INT, AT(unet.label), 0, 65536},
    {"unet", "groups", INT, AT(unet.groups), 1, 1024},
    {"unet", "guidance", INT, AT(unet.guidance), 0, 4096},
    {"unet", "classes", INT, AT(unet.classes), 0, 65536},
    {"unet", "only_cross", INTS, AT(unet.only_cross), 0, 1},
    {"vae", "channels", INT, AT(vae.channels), 1, 4096},
    {"vae", "levels", INT, AT(vae.levels), 1, MAX_LEVELS},
    {"vae", "mult", INTS, AT(vae.mult), 0, 64},
    {"vae", "res_blocks", INT, AT(vae.res_blocks), 1, 7},
    {"vae", "latent", INT, AT(vae.latent), 1, MAX_LATENT},
    {"vae", "groups", INT, AT(vae.groups), 1, 1024},
    {"vae", "scale", REAL, AT(vae.scale), 1e-6, 1e6},
    {"vae", "mean", REALS, AT(vae.mean), -1e6, 1e6}, /* these are of models that have statistics */
    {"vae", "std", REALS, AT(vae.std), 1e-6, 1e6},
    CLIP("clip", 0),
    CLIP("clip2", 1),
    {"", "encoders", INT, AT(encoders), 1, MAX_ENCODERS},
    {"", "conditioner", FLAG, AT(conditioner), 0, 1},
    {"", "v_prediction", FLAG, 0, 0, 1},
    {"", "width", INT, AT(width), 0, 16384},
    {"", "height", INT, AT(height), 0, 16384},
    {"", "steps", INT, AT(steps), 0, 1000},
    {"", "cfg", REAL, AT(cfg), 0, 1000},
    {"", "x0_prediction", FLAG, 0, 0, 1}, /* this and the others are written where they say something */
    {"", "few_steps", FLAG, AT(few_steps), 0, 1},
    {"", "sampler", TEXT, AT(sampler), 0, sizeof((SdConfig *)0)->sampler},
    {"", "scheduler", TEXT, AT(scheduler), 0, sizeof((SdConfig *)0)->scheduler},
};
static const char *const KINDS[] = {"a whole number",
                                    "a list of at most eight whole numbers",
                                    "true or false",
                                    "a number",
                                    "a text",
                                    "a list of whole numbers",
                                    "a list of numbers, one for each channel of a latent,"};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

/* Fields that are not plain members. */
static bool is_gelu(const Field *f) { return !strcmp(f->name, "gelu"); }
static bool is_penultimate(const Field *f) { return !strcmp(f->name, "penultimate"); }
static bool is_v(const Field *f) { return !strcmp(f->name, "v_prediction"); }
static bool is_x0(const Field *f) { return !strcmp(f->name, "x0_prediction"); }

static bool *flag_at(SdConfig *c, const Field *f) { return (bool *)(void *)((char *)c + f->offset); }
static int *int_at(SdConfig *c, const Field *f) { return (int *)(void *)((char *)c + f->offset); }
static char *text_at(SdConfig *c, const Field *f) { return (char *)c + f->offset; }
static double *real_at(SdConfig *c, const Field *f) { return (double *)(void *)((char *)c + f->offset); }

static Act *act_at(SdConfig *c, const Field *f) { return (Act *)(void *)((char *)c + f->offset); }

static bool get_flag(SdConfig *c, const Field *f) {
    if (is_gelu(f)) return *act_at(c, f) == ACT_GELU;
    if (is_penultimate(f)) return *int_at(c, f) == 2;
    if (is_x0(f)) return c->prediction == PREDICT_X0;
    return is_v(f) ? c->prediction == PREDICT_V : *flag_at(c, f);
}

static void set_flag(SdConfig *c, const Field *f, bool v) {
    if (is_gelu(f)) *act_at(c, f) = v ? ACT_GELU : ACT_QUICK_GELU;
    else if (is_penultimate(f)) *int_at(c, f) = v ? 2 : 1;
    else if (is_v(f)) c->prediction = v ? PREDICT_V : PREDICT_EPS;
    else if (is_x0(f)) c->prediction = v ? PREDICT_X0 : c->prediction;
    else *flag_at(c, f) = v;
}

/* Fields of an encoder that the model does not have. */
static bool is_absent(const SdConfig *c, const Field *f) { return c->encoders < 2 && !strcmp(f->part, "clip2"); }

/* Fields that files of other models lack. */
static bool is_usual(SdConfig *c, const Field *f) {
    if (f->type == TEXT) return !*text_at(c, f);
    if (f->type == REALS) return !c->vae.statistics;
    if (!strcmp(f->name, "guidance")) return !c->unet.guidance;
    if (!strcmp(f->name, "classes") || !strcmp(f->name, "only_cross")) return !c->unet.classes;
    if (f->type == LIST || !strcmp(f->name, "uneven")) return !c->unet.uneven;
    return (is_x0(f) || !strcmp(f->name, "few_steps")) && !get_flag(c, f);
}

char *config_to_json(const SdConfig *config) {
    enum { SIZE = 8192 };
    SdConfig c = *config;
    char *out = malloc(SIZE);
    if (!out) return NULL;
    size_t at = 0;
    at += (size_t)snprintf(out, SIZE, "{\"family\":");
    at += json_quote(out + at, SIZE - at, c.family);
    const char *part = "";
    for (int i = 0; i < FIELD_COUNT; i++) {
        const Field *f = &FIELDS[i];
        if (is_absent(&c, f) || is_usual(&c, f)) continue;
        bool same = !strcmp(f->part, part);
        if (!same && *part) out[at++] = '}';
        out[at++] = ',';
        if (!same && *f->part) at += (size_t)snprintf(out + at, SIZE - at, "\"%s\":{", f->part);
        part = f->part;
        at += (size_t)snprintf(out + at, SIZE - at, "\"%s\":", f->name);
        switch (f->type) {
        case INT: at += (size_t)snprintf(out + at, SIZE - at, "%d", *int_at(&c, f)); break;
        case FLAG: at += (size_t)snprintf(out + at, SIZE - at, get_flag(&c, f) ? "true" : "false"); break;
        case REAL: at += (size_t)snprintf(out + at, SIZE - at, "%.17g", *real_at(&c, f)); break;
        case TEXT: at += json_quote(out + at, SIZE - at, text_at(&c, f)); break;
        case REALS:
            for (int k = 0; k < c.vae.latent; k++)
                at += (size_t)snprintf(out + at, SIZE - at, "%s%.17g", k ? "," : "[", real_at(&c, f)[k]);
            out[at++] = ']';
            break;
        case LIST:
        case INTS:
            for (int k = 0, n = f->type == LIST ? outputs_of(&c.unet) : MAX_LEVELS; k < n; k++)
                at += (size_t)snprintf(out + at, SIZE - at, "%s%d", k ? "," : "[", int_at(&c, f)[k]);
            out[at++] = ']';
            break;
        }
    }
    snprintf(out + at, SIZE - at, "}");
    return out;
}

static bool read_field(SdConfig *c, const Field *f, const Json *j, const JsonNode *n) {
    double v;
    int64_t whole;
    switch (f->type) {
    case INT:
        if (!json_int(n, &whole) || (double)whole < f->low || (double)whole > f->high) return false;
        *int_at(c, f) = (int)whole;
        return true;
    case REAL:
        if (!json_double(n, &v) || !(v >= f->low && v <= f->high)) return false;
        *real_at(c, f) = v;
        return true;
    case TEXT:
        if (n->type != JSON_STRING || strlen(n->text) >= (size_t)f->high) return false;
        snprintf(text_at(c, f), (size_t)f->high, "%s", n->text);
        return true;
    case FLAG:
        if (n->type != JSON_TRUE && n->type != JSON_FALSE) return false;
        set_flag(c, f, n->type == JSON_TRUE);
        return true;
    case REALS:
        if (n->type != JSON_ARRAY || n->count != c->vae.latent) return false;
        for (int64_t at = n->child, k = 0; at >= 0; at = j->nodes[at].next, k++) {
            if (!json_double(&j->nodes[at], &v) || !(v >= f->low && v <= f->high)) return false;
            real_at(c, f)[k] = v;
        }
        c->vae.statistics = true;
        return true;
    case LIST:
    case INTS:
        if (n->type != JSON_ARRAY || n->count > (f->type == LIST ? MAX_OUTPUTS : MAX_LEVELS)) return false;
        memset(int_at(c, f), 0,
               (f->type == LIST ? MAX_OUTPUTS : MAX_LEVELS) * sizeof(int)); /* a short list is of fewer levels */
        for (int64_t at = n->child, k = 0; at >= 0; at = j->nodes[at].next, k++) {
            if (!json_int(&j->nodes[at], &whole) || (double)whole < f->low || (double)whole > f->high) return false;
            int_at(c, f)[k] = (int)whole;
        }
        return true;
    }
    return false;
}

void config_note(char list[CONFIG_NOTE_SIZE], const char *format, ...) {
    size_t at = strlen(list), size = CONFIG_NOTE_SIZE;
    va_list args;
    if (at && at + 3 < size) at += (size_t)snprintf(list + at, size - at, ", ");
    va_start(args, format);
    int n = vsnprintf(list + at, size - at, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= size - at) memcpy(list + size - 4, "...", 4);
}

/* The names of FIELDS' parts, which must be objects, and of fields; anything else is listed. */
static bool known(const Json *j, const JsonNode *at, const char *part, const char *what, ConfigNotes *notes, Error *e) {
    for (int32_t i = at->child; i >= 0; i = j->nodes[i].next) {
        const JsonNode *n = &j->nodes[i];
        bool is_part = false, is_field = !*part && !strcmp(n->key, "family");
        for (int k = 0; k < FIELD_COUNT; k++) {
            is_part |= !*part && *FIELDS[k].part && !strcmp(FIELDS[k].part, n->key);
            is_field |= !strcmp(FIELDS[k].part, part) && !strcmp(FIELDS[k].name, n->key);
        }
        if (is_part && n->type != JSON_OBJECT)
            return error_set(e, ERR_FORMAT, "%s: \"%s\" in its sdc.config is no object; convert it anew", what, n->key);
        if (is_part && !known(j, n, n->key, what, notes, e)) return false;
        if (!is_part && !is_field)
            config_note(notes->unknown, "sdc.config: %.60s%s%.60s", part, *part ? "." : "", n->key);
    }
    return true;
}

bool config_from_json(SdConfig *c, const char *what, const char *text, ConfigNotes *notes, Error *e) {
    char source[600];
    snprintf(source, sizeof source, "%.500s: sdc.config", what);
    Json *j = json_parse(source, text, strlen(text), e);
    if (!j) return false;
    bool ok = j->nodes[0].type == JSON_OBJECT ||
              error_set(e, ERR_FORMAT, "%s: its sdc.config is no object; convert it anew", what);
    ok = ok && known(j, &j->nodes[0], "", what, notes, e);
    for (int i = 0; ok && i < FIELD_COUNT; i++) {
        const Field *f = &FIELDS[i];
        const JsonNode *part = *f->part ? json_get(j, &j->nodes[0], f->part) : &j->nodes[0];
        const JsonNode *n = json_get(j, part, f->name);
        char range[64] = "";
        if (f->type != FLAG && f->type != TEXT) snprintf(range, sizeof range, " from %g to %g", f->low, f->high);
        if (n && !read_field(c, f, j, n))
            ok = error_set(e, ERR_FORMAT,
                           "%s: \"%s%s%s\" in its sdc.config is not %s%s; download it again or convert it anew", what,
                           f->part, *f->part ? "." : "", f->name, KINDS[f->type], range);
    }
    const JsonNode *family = json_get(j, &j->nodes[0], "family");
    if (ok && family && family->type != JSON_STRING)
        ok = error_set(e, ERR_FORMAT, "%s: \"family\" in its sdc.config is no text; convert it anew", what);
    if (ok && family) snprintf(c->family, sizeof c->family, "%s", family->text);
    json_free(j);
    return ok && config_check(c, what, e);
}

enum {
    WIDEST = 16384,     /* channels that the kernels' scratch memory takes: 30,000 (tensor/cpu/conv_few.c) */
    WIDEST_HEAD = 2048, /* and of a head: 3,200 (tensor/cpu/attention.c) */
};

static bool bad(const char *what, Error *e, const char *why) {
    return error_set(e, ERR_FORMAT, "%s: is a model that this program cannot build: %s; use another model", what, why);
}

bool config_check(const SdConfig *config, const char *what, Error *e) {
    SdConfig c = *config;
    for (int i = 0; i < FIELD_COUNT; i++) {
        const Field *f = &FIELDS[i];
        if (is_absent(&c, f)) continue;
        double v = f->type == INT ? *int_at(&c, f) : f->type == REAL ? *real_at(&c, f) : f->low;
        if (!(v >= f->low && v <= f->high))
            return error_set(e, ERR_FORMAT,
                             "%s: is a model that this program cannot build: %s%s%s is %g; use another model", what,
                             f->part, *f->part ? "." : "", f->name, v);
    }
    const UnetConfig *u = &c.unet;
    const VaeConfig *v = &c.vae;
    if (u->channels % 2) return bad(what, e, "the U-Net's channels are odd");
    if (u->guidance && (u->guidance % 2 || u->guidance < 4))
        return bad(what, e, "the guidance scale's embedding is not of an even width from 4 on");
    if (u->mult[0] != 1)
        return error_set(e, ERR_FORMAT,
                         "%s: is a model that this program cannot build: unet.mult[0] is %d, not 1; use another model",
                         what, u->mult[0]);
    for (int i = 0; i < u->levels; i++) {
        int64_t wide = (int64_t)u->channels * u->mult[i];
        bool attention = u->depth[i] > 0 || (u->middle_depth > 0 && i + 1 == u->levels);
        for (int k = 0; k <= u->res_blocks; k++)
            attention = attention || config_up_depth(u, (u->levels - 1 - i) * (u->res_blocks + 1) + k) > 0;
        if (u->mult[i] < 1 || u->depth[i] < 0) return bad(what, e, "a level of the U-Net has no channels");
        if (wide > WIDEST) return bad(what, e, "a level of the U-Net has more than 16384 channels");
        if (wide % u->groups) return bad(what, e, "the U-Net's channels are not a multiple of its norm groups");
        if (attention && (u->heads ? wide % u->heads : !u->head_dim || wide % u->head_dim))
            return bad(what, e, "the U-Net's channels are not a multiple of its heads");
        if (attention && (u->heads ? wide / u->heads : u->head_dim) > WIDEST_HEAD)
            return bad(what, e, "the U-Net has heads of more than 2048 channels");
    }
    for (int i = 0; i < v->levels; i++) {
        int64_t wide = (int64_t)v->channels * v->mult[i];
        if (v->mult[i] < 1 || wide % v->groups || v->channels % v->groups)
            return bad(what, e, "the VAE's channels are not a multiple of its norm groups");
        if (wide > WIDEST_HEAD) return bad(what, e, "a level of the VAE has more than 2048 channels");
    }
    for (int i = 0; v->statistics && i < v->latent; i++)
        if (!(v->std[i] > 0)) return bad(what, e, "a channel of its latents has no standard deviation");
    int context = 0;
    for (int i = 0; i < c.encoders; i++) {
        const ClipConfig *k = &c.clip[i];
        if (k->width % k->heads) return bad(what, e, "the text encoder's width is not a multiple of its heads");
        if (k->width / k->heads > WIDEST_HEAD)
            return bad(what, e, "the text encoder has heads of more than 2048 channels");
        context += k->width;
    }
    if (context != u->context)
        return error_set(e, ERR_FORMAT,
                         "%s: the text encoder's width (hidden_size) is %d, the U-Net's context (cross_attention_dim) "
                         "%d; use another model",
                         what, context, u->context);
    int sizes = config_sizes(&c);
    if (u->label && ((sizes != 5 && sizes != 6) || u->label != pooling(&c)->pooled + sizes * SIZE_WIDTH))
        return bad(what, e, "the U-Net's label is not a pooled text and five or six sizes");
    if (c.vae.latent != u->out_channels) return bad(what, e, "the VAE's latents are not the U-Net's output");
    if (u->classes && (u->label || config_input(&c) != INPUT_UPSCALING))
        return bad(what, e, "the U-Net has embeddings of classes, and is no x4 upscaler");
    if (u->classes && u->classes <= MOST_NOISE_LEVEL)
        return bad(what, e, "the U-Net embeds fewer noise levels than 351");
    return true;
}

int64_t config_least_tensors(const SdConfig *c) {
    const UnetConfig *u = &c->unet;
    enum { RES = 10, TRANSFORMER = 6, BLOCK = 20, LAYER = 12, VAE_RES = 8 };
    int64_t n = u->middle_depth > 0   ? 2 * RES + TRANSFORMER + (int64_t)u->middle_depth * BLOCK
                : u->middle_depth < 0 ? 0
                                      : RES;
    for (int i = 0; i < u->levels; i++)
        n += u->res_blocks * (RES + (u->depth[i] ? TRANSFORMER + (int64_t)u->depth[i] * BLOCK : 0));
    for (int i = 0; i < outputs_of(u); i++)
        n += RES + (config_up_depth(u, i) ? TRANSFORMER + (int64_t)config_up_depth(u, i) * BLOCK : 0);
    for (int i = 0; i < c->encoders; i++) n += (int64_t)c->clip[i].layers * LAYER;
    return n + (int64_t)c->vae.levels * (c->vae.res_blocks + 1) * VAE_RES;
}

bool config_check_input(const SdConfig *c, const char *what, Error *e) {
    int in = c->unet.in_channels, latent = c->vae.latent;
    UnetInputs is = config_input(c);
    if (is != INPUT_DEPTH && is != INPUT_UNKNOWN) return true;
    return error_set(
        e, ERR_FORMAT,
        "%s: %sits U-Net takes %d channels, a latent has %d; not supported, use a text-to-image, inpainting, "
        "instruct-pix2pix or x4-upscaler model",
        what, is == INPUT_DEPTH ? "is a depth model, which needs MiDaS: " : "", in, latent);
}

bool config_check_latents(const SdConfig *c, const char *what, const char *why, Error *e) {
    if (config_input(c) == INPUT_LATENTS) return true;
    return error_set(e, ERR_FORMAT, "%s: is %s %s model, and %s; use a text-to-image model", what,
                     *config_variant(c) == 'i' ? "an" : "a", config_variant(c), why);
}
