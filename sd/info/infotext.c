/* infotext.c: the "parameters" text of AUTOMATIC1111's webui (modules/processing.py, create_infotext; quoting in
 * modules/infotext_utils.py).
 *
 *   prompt
 *   Negative prompt: negative
 *   Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, ..., Version: sd.c
 *
 * Numbers are written as Python's str() would, but whole ones without ".0", and never by the locale. Left out: keys of
 * features that this program does not have, and reading such text. */
#include "infotext.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *p;
    size_t n, room;
    bool failed;
    bool first; /* no pair yet */
} Text;

static void add(Text *t, const char *s, size_t n) {
    if (t->failed) return;
    if (t->room - t->n <= n) {
        size_t room = (t->room + n + 256) * 2;
        char *p = room > t->room ? realloc(t->p, room) : NULL;
        if (!p) {
            t->failed = true;
            return;
        }
        t->p = p, t->room = room;
    }
    memcpy(t->p + t->n, s, n);
    t->p[t->n += n] = 0;
}

static void add_string(Text *t, const char *s) { add(t, s, strlen(s)); }

/* What Python's str.strip() takes off a text in ASCII: the information separators too. */
static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F); }

/* json.dumps(s, ensure_ascii=False) */
static void add_json(Text *t, const char *s) {
    static const char NAMED[] = "\"\\\b\f\n\r\t", LETTERS[] = "\"\\bfnrt";
    add(t, "\"", 1);
    for (; *s; s++) {
        const char *named = strchr(NAMED, *s);
        char escape[8];
        if (named) add(t, (char[]){'\\', LETTERS[named - NAMED]}, 2);
        else if ((unsigned char)*s < 0x20)
            add(t, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*s));
        else add(t, s, 1);
    }
    add(t, "\"", 1);
}

/* ", key: value", quoted where it must be; nothing for NULL. A value equal to its key stands alone. */
static void pair(Text *t, const char *key, const char *value) {
    if (!value) return;
    if (!t->first) add_string(t, ", ");
    t->first = false;
    add_string(t, key);
    if (!strcmp(key, value)) return;
    add_string(t, ": ");
    if (strpbrk(value, ",:\n")) add_json(t, value);
    else add_string(t, value);
}

static void pair_format(Text *t, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void pair_format(Text *t, const char *key, const char *format, ...) {
    char buf[64];
    va_list args;
    va_start(args, format);
    vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    pair(t, key, buf);
}

/* The shortest decimal that reads back as v, in Python's form: 7, 7.5, 0.0001, 1e-05, 1e+16. */
static void pair_number(Text *t, const char *key, double v) {
    char e[40], digits[24], out[48];
    int precision = 0, n = 0, k = 0;
    if (!isfinite(v)) {
        pair(t, key, v != v ? "nan" : v > 0 ? "inf" : "-inf");
        return;
    }
    do snprintf(e, sizeof e, "%.*e", precision, v);
    while (strtod(e, NULL) != v && ++precision < 17);
    const char *p = e;
    if (*p == '-') out[k++] = *p++;
    for (; *p != 'e'; p++) /* the decimal point is the locale's, whatever it is */
        if (*p >= '0' && *p <= '9') digits[n++] = *p;
    int exponent = atoi(p + 1);
    while (n > 1 && digits[n - 1] == '0') n--;
    bool scientific = exponent < -4 || exponent >= 16;
    int point = scientific ? 1 : exponent + 1; /* digits before the point */
    if (point <= 0) out[k++] = '0';
    for (int i = 0; i < point; i++) out[k++] = i < n ? digits[i] : '0';
    if (n > point) {
        out[k++] = '.';
        for (int i = point; i < 0; i++) out[k++] = '0';
        for (int i = point > 0 ? point : 0; i < n; i++) out[k++] = digits[i];
    }
    out[k] = 0;
    if (scientific) snprintf(out + k, sizeof out - (size_t)k, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    pair(t, key, out);
}

char *infotext(const InfoText *i, Error *e) {
    Text t = {.first = true};
    const char *prompt = i->prompt ? i->prompt : "";
    while (is_space(*prompt)) prompt++; /* the webui strips the whole text */
    if (*prompt) add_string(&t, prompt), add_string(&t, "\n");
    if (i->negative && *i->negative)
        add_string(&t, "Negative prompt: "), add_string(&t, i->negative), add_string(&t, "\n");

    pair_format(&t, "Steps", "%d", i->steps);
    pair(&t, "Sampler", i->sampler);
    pair(&t, "Schedule type", i->schedule_type);
    pair_number(&t, "CFG scale", i->cfg);
    pair_format(&t, "Seed", "%lld", (long long)i->seed);
    pair_format(&t, "Size", "%dx%d", i->width, i->height);
    pair(&t, "Model hash", i->model_hash);
    pair(&t, "Model", i->model);
    pair(&t, "VAE hash", i->vae_hash);
    pair(&t, "VAE", i->vae);
    if (i->variation_strength != 0) {
        pair_format(&t, "Variation seed", "%lld", (long long)i->variation_seed);
        pair_number(&t, "Variation seed strength", i->variation_strength);
    }
    if (i->denoising != 0) pair_number(&t, "Denoising strength", i->denoising);
    if (i->clip_skip > 1) pair_format(&t, "Clip skip", "%d", i->clip_skip);
    if (i->ensd) pair_format(&t, "ENSD", "%d", i->ensd);
    pair(&t, "RNG", i->rng);
    if (i->tiling) pair(&t, "Tiling", "True");
    if (i->eta_key) pair_number(&t, i->eta_key, i->eta);
    if (i->s_churn != 0) pair_number(&t, "Sigma churn", i->s_churn);
    if (i->s_tmin != 0) pair_number(&t, "Sigma tmin", i->s_tmin);
    if (i->s_tmax != 0 && isfinite(i->s_tmax)) pair_number(&t, "Sigma tmax", i->s_tmax);
    if (i->s_noise != 0 && i->s_noise != 1) pair_number(&t, "Sigma noise", i->s_noise);
    pair(&t, "Lora hashes", i->lora_hashes);
    pair(&t, "Version", i->version);
    if (t.failed) {
        free(t.p);
        error_set(e, ERR_MEMORY, "out of memory while writing a picture's text");
        return NULL;
    }
    return t.p;
}
