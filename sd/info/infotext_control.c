#include "infotext_control.h"

#include "info_writer.h"
#include "params.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MODULES                                                                                                        \
    "none|canny|invert (from white bg & black line),invert|tile_resample|scribble|recolor_luminance|"                  \
    "inpaint_global_harmonious,inpaint"
#define RESIZES                                                                                                        \
    "Just Resize|Crop and Resize,Scale to Fit (Inner Fit),Inner Fit (Scale to Fit)|"                                   \
    "Resize and Fill,Envelope (Outer Fit),Outer Fit (Shrink to Fit)"
#define MODES "Balanced|My prompt is more important|ControlNet is more important"
/* Of a ControlNet Union's hint; the first is of others. */
#define KINDS "Unknown|OpenPose|Depth|Soft Edge|Hard Edge|Normal Map|Segmentation|Tile|Inpaint"
enum { RESOLUTION = 512 }; /* of its preprocessor, which pixel-perfect hints do not follow */

/* As Python prints a float. */
static const char *decimal(double v, char out[INFO_NUMBER]) {
    info_number(v, out);
    return strpbrk(out, ".en") ? out : strcat(out, ".0");
}

void control_text(const SdControl *c, const char *by, const char *model, char out[CONTROL_TEXT]) {
    char module[64], resize[32], mode[40], number[5][INFO_NUMBER], name[280];
    size_t n = 0;
    for (const char *p = model; *p && n + 1 < sizeof name; p++)
        if (*p != ',' && *p != ':') name[n++] = *p;
    name[n] = 0;
    bool canny = c->hint == SD_HINT_CANNY;
    double low = c->low > 0 ? c->low : canny ? 100 : c->hint == SD_HINT_LUMINANCE ? 1 : 0.5;
    double high = c->high > 0 ? c->high : canny ? 200 : 0.5;
    snprintf(out, CONTROL_TEXT,
             "Module: %s, Model: %s, Weight: %s, Resize Mode: %s, Processor Res: %d, Threshold A: %s, Threshold B: %s, "
             "Guidance Start: %s, Guidance End: %s, Pixel Perfect: True, Control Mode: %s",
             by ? by : words_get(MODULES, (int)c->hint, module, sizeof module), name, decimal(c->weight, number[0]),
             words_get(RESIZES, (int)c->resize, resize, sizeof resize), RESOLUTION, decimal(low, number[1]),
             decimal(high, number[2]), decimal(c->start, number[3]), decimal(c->end, number[4]),
             words_get(MODES, (int)c->mode, mode, sizeof mode));
    n = strlen(out);
    if (c->kind)
        snprintf(out + n, CONTROL_TEXT - n, ", Union Control Type: %s",
                 words_get(KINDS, (int)c->kind, mode, sizeof mode));
}

/* --- reading --- */

const char *control_key(int n, char out[CONTROL_KEY]) {
    snprintf(out, CONTROL_KEY, "ControlNet %d", n);
    return out;
}

bool is_control_key(const char *key) {
    static const char BEGINS[] = "ControlNet ";
    size_t n = strlen(BEGINS), digits;
    if (strncmp(key, BEGINS, n)) return false;
    digits = strspn(key + n, "0123456789");
    return digits && digits < 3 && !key[n + digits];
}

static const InfoPair *nth(const InfoRead *text, int i) {
    for (int k = 0; k < text->count; k++)
        if (is_control_key(text->pairs[k].key) && i-- == 0) return &text->pairs[k];
    return NULL;
}

int infotext_controls(const InfoRead *text) {
    int n = 0;
    while (nth(text, n)) n++;
    return n;
}

static bool bad(const InfoPair *p, const char *field, const char *value, Error *e) {
    return error_set(e, ERR_ARGUMENT, "%.20s: %.40s: %.60s is not supported by this version", p->key, field, value);
}

static bool take_word(const InfoPair *p, const char *field, const char *value, const char *words, unsigned *out,
                      Error *e) {
    int word = words_find(words, value);
    if (word < 0) return bad(p, field, value, e);
    *out = (unsigned)word;
    return true;
}

static bool take_number(const InfoPair *p, const char *field, const char *value, double high, double *out, Error *e) {
    return (infotext_double(value, out) && *out >= 0 && *out <= high) || bad(p, field, value, e);
}

/* What the extension's thresholds say where its module takes none is of no effect. */
static bool take_threshold(const InfoPair *p, const char *field, const char *value, double *out, Error *e) {
    return (infotext_double(value, out) && fabs(*out) <= 1e6) || bad(p, field, value, e);
}

static bool take(const InfoPair *p, const char *field, const char *value, SdControl *out, char model[280], bool *prompt,
                 Error *e) {
    unsigned word = 0;
    double number;
    if (!strcmp(field, "Model")) return snprintf(model, 280, "%.279s", value), true;
    if (!strcmp(field, "Weight")) return take_number(p, field, value, 2, &out->weight, e);
    if (!strcmp(field, "Guidance Start")) return take_number(p, field, value, 1, &out->start, e);
    if (!strcmp(field, "Guidance End")) return take_number(p, field, value, 1, &out->end, e);
    if (!strcmp(field, "Threshold A")) return take_threshold(p, field, value, &out->low, e);
    if (!strcmp(field, "Threshold B")) return take_threshold(p, field, value, &out->high, e);
    if (!strcmp(field, "Processor Res")) return take_threshold(p, field, value, &number, e);
    if (!strcmp(field, "Low Vram")) return true;
    if (!strcmp(field, "Pixel Perfect"))
        return !strcmp(value, "True") || out->hint == SD_HINT_NONE || bad(p, field, value, e);
    if (!strcmp(field, "Module")) {
        *prompt = !strncmp(value, "ip-adapter_clip_", 16) || !strcmp(value, "ip-adapter-auto");
        if (*prompt) return true;
        if (!take_word(p, field, value, MODULES, &word, e)) return false;
        return out->hint = (SdHint)word, true;
    }
    if (!strcmp(field, "Resize Mode")) {
        if (!take_word(p, field, value, RESIZES, &word, e)) return false;
        return out->resize = (SdResize)word, true;
    }
    if (!strcmp(field, "Control Mode")) {
        if (!take_word(p, field, value, MODES, &word, e)) return false;
        return out->mode = (SdControlMode)word, true;
    }
    if (!strcmp(field, "Union Control Type")) {
        if (!take_word(p, field, value, KINDS, &word, e)) return false;
        return out->kind = (SdHintKind)word, true;
    }
    return bad(p, field, value, e);
}

/* Copies what stands between a and b without spaces around it. */
static void trimmed(const char *a, const char *b, char out[300]) {
    while (a < b && *a == ' ') a++;
    while (a < b && b[-1] == ' ') b--;
    snprintf(out, 300, "%.*s", (int)(b - a < 299 ? b - a : 299), a);
}

bool infotext_control(const InfoRead *text, int i, SdControl *out, char model[280], bool *prompt, Error *e) {
    const InfoPair *p = nth(text, i);
    bool ok = p != NULL;
    *model = 0;
    *prompt = false;
    if (!ok) return error_set(e, ERR_ARGUMENT, "ControlNet %d: the text has no such one", i);
    out->weight = out->end = 1, out->start = 0, out->resize = SD_RESIZE_CROP;
    for (const char *at = p->value; ok && *at;) {
        char field[300], value[300];
        const char *end = at + strcspn(at, ","), *colon = memchr(at, ':', (size_t)(end - at));
        if (!colon)
            return error_set(e, ERR_ARGUMENT, "%.20s: '%.60s' is not 'Name: value'; it is another version's text",
                             p->key, at);
        trimmed(at, colon, field);
        trimmed(colon + 1, end, value);
        ok = take(p, field, value, out, model, prompt, e);
        at = *end ? end + 1 : end;
    }
    if (*prompt) out->resize = SD_RESIZE_CROP, out->mode = SD_CONTROL_BALANCED; /* which mean nothing there */
    if (ok && out->hint != SD_HINT_CANNY) out->high = 0;
    if (ok && out->hint != SD_HINT_CANNY && out->hint != SD_HINT_LUMINANCE) out->low = 0;
    return ok && (out->start <= out->end || error_set(e, ERR_ARGUMENT, "%.20s: its start, %g, is after its end, %g",
                                                      p->key, out->start, out->end));
}
