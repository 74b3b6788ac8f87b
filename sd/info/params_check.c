/* params_check.c: a request's defaults and ranges, by the table of settings. */
#include "params.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <string.h>

enum { MOST_PIXELS = 16 << 20 };

static bool is_string(const Param *p) { return p->type >= PARAM_SAMPLER; }
static const char **string_of(const Param *p, SdRequest *r) { return (const char **)((char *)r + p->at); }

void params_default(SdRequest *r) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        if (is_string(p)) *string_of(p, r) = p->text;
        else param_set_number(p, r, p->standard);
    }
}

/* --- what the model decides --- */

/* What params_forget leaves. */
static double not_given(const Param *p) { return p->type == PARAM_ENUM ? UINT32_MAX : p->low - 1; }

void params_forget(SdRequest *r) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (p->of_model && is_string(p)) *string_of(p, r) = NULL;
        else if (p->of_model) param_set_number(p, r, not_given(p));
}

/* Whether a sampler's name holds a schedule type, such as "DPM++ 2M Karras". */
static bool has_schedule(const char *sampler) {
    const Scheduler *own = NULL;
    return sampler && sampler_parse(sampler, &own) && own;
}

bool param_is_unset(const Param *p, const SdRequest *r) {
    double v = param_number(p, r);
    return v == p->standard || (p->of_model && v == not_given(p));
}

void params_adopt(SdRequest *r, const SdRequest *from) {
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (!p->of_model) continue;
        else if (is_string(p)) {
            if (!*string_of(p, r) && !(p->type == PARAM_SCHEDULER && has_schedule(r->sampler)))
                *string_of(p, r) = *(const char *const *)((const char *)from + p->at);
        } else if (param_number(p, r) == not_given(p)) param_set_number(p, r, param_number(p, from));
}

/* --- ranges --- */

/* The option's name without hyphens. */
static const char *spoken(const Param *p, char *out, size_t size) {
    snprintf(out, size, "%s", p->name);
    for (char *c = out; *c; c++)
        if (*c == '-') *c = ' ';
    return out;
}

static bool check_number(const Param *p, const SdRequest *r, Error *e) {
    double v = param_number(p, r), low = p->low, high = param_high(p);
    if (param_admits(p, v)) return true;
    char name[40], unset[60] = "";
    if (p->standard < low || p->standard > high) snprintf(unset, sizeof unset, ", or %.10g (not set)", p->standard);
    spoken(p, name, sizeof name);
    if (high >= PARAM_MOST) return error_set(e, ERR_ARGUMENT, "%s: %.10g is not at least %.10g%s", name, v, low, unset);
    return error_set(e, ERR_ARGUMENT, "%s: %.10g is not in %.10g..%.10g%s", name, v, low, high, unset);
}

static bool check_text(const Param *p, const SdRequest *r, Error *e) {
    const char *s = *(const char *const *)((const char *)r + p->at);
    if (!s) return true;
    if (p->type == PARAM_FILE && !*s)
        return error_set(e, ERR_ARGUMENT, "%s: the file's name is empty; NULL means no file", p->name);
    if (p->type != PARAM_PROMPT) return true;
    if (!memchr(s, 0, (size_t)p->high + 1))
        return error_set(e, ERR_ARGUMENT, "%s: the prompt is longer than 1 MiB; shorten it", p->name);
    return text_check(s, p->name, e);
}

/* The seeds of a batch count up. */
static bool check_seed(const char *name, int64_t seed, int batch, Error *e) {
    if (seed <= INT64_MAX - (batch - 1)) return true;
    return error_set(e, ERR_ARGUMENT, "%s: %lld leaves no room to count up for %d pictures", name, (long long)seed,
                     batch);
}

/* Whether a row has another value than its default. */
static bool is_other(const Param *p, const SdRequest *r) {
    if (!is_string(p)) return param_number(p, r) != p->standard;
    const char *s = *(const char *const *)((const char *)r + p->at);
    return s && *s && (!p->text || strcmp(s, p->text));
}

/* What belongs to hires fix, SD upscale or tiled diffusion does not stand without it. */
static bool check_owned(const SdRequest *r, Error *e) {
    char name[40];
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        const char *lacks = p->of_hires && !request_hires(r)                       ? "hires scale, or a hires size"
                            : p->of_tiles && !request_tiles(r)                     ? "sd upscale"
                            : p->of_windows && r->tiled_diffusion == SD_TILED_NONE ? "tiled diffusion"
                                                                                   : NULL;
        if (lacks && is_other(p, r))
            return error_set(e, ERR_ARGUMENT, "%s: counts only with %s; leave it out", spoken(p, name, sizeof name),
                             lacks);
    }
    return true;
}

bool request_no_enlarger(const SdRequest *r, Error *e) {
    SdRequest own = *r;
    char words[240];
    size_t n = 0;
    const char *list = request_tiles(r) ? PIXEL_UPSCALERS : HIRES_UPSCALERS;
    for (; list[n] && n + 1 < sizeof words; n++) words[n] = list[n] == '|' ? ',' : list[n];
    words[n] = 0;
    return error_set(e, ERR_ARGUMENT, "%s: '%.100s' is no file; name an upscaler's file, or one of %s",
                     request_tiles(r) ? "sd upscale upscaler" : "hires upscaler", *request_enlarger(&own), words);
}

/* What enlarges in hires fix or SD upscale. */
static bool check_enlarger(const SdRequest *r, Error *e) {
    SdRequest own = *r;
    const char **by = request_enlarger(&own), *name = by && *by ? *by : "";
    const char *setting = request_tiles(r) ? "sd upscale upscaler" : "hires upscaler";
    bool file = request_enlarges_by_file(r);
    if (!by)
        return !r->upscaler || error_set(e, ERR_ARGUMENT,
                                         "hires upscaler: counts only with hires scale, or a hires size; leave it out");
    if (file && !r->upscaler) return request_no_enlarger(r, e);
    return !r->upscaler || file ||
           error_set(e, ERR_ARGUMENT, "%s: an upscaler's file cannot be called '%.60s'; give it another name", setting,
                     name);
}

static bool check_hires(const SdRequest *r, Error *e) {
    const Scheduler *scheduler = NULL;
    SdRequest second = *r;
    if (!request_hires(r)) return true;
    if (r->image) return error_set(e, ERR_ARGUMENT, "hires scale: counts in txt2img alone; leave it out");
    if (r->hires_scale > 0 && (r->hires_width > 0 || r->hires_height > 0))
        return error_set(e, ERR_ARGUMENT, "hires scale: does not count beside a hires width or height; leave it out");
    if (r->hires_sampler) second.sampler = r->hires_sampler;
    if (r->hires_scheduler) second.scheduler = r->hires_scheduler;
    return request_sampler(&second, &scheduler, e);
}

static bool check_tiles(const SdRequest *r, Error *e) {
    const char *by = r->sd_upscale_upscaler, *other = r->noise             ? "a file of noise"
                                                      : r->attention       ? "attention maps"
                                                      : request_extends(r) ? "an extension"
                                                      : r->tiling          ? "tiling"
                                                                           : NULL;
    if (!request_tiles(r)) return true;
    if (other)
        return error_set(e, ERR_ARGUMENT, "sd upscale: does not go with %s, which are of one picture; leave them out",
                         other);
    if (r->mask && r->only_masked)
        return error_set(e, ERR_ARGUMENT,
                         "only masked: sd upscale draws the tiles that the mask touches, and no others; leave it out");
    return !by || strcmp(by, "None") || r->sd_upscale == 1 ||
           error_set(e, ERR_ARGUMENT, "sd upscale: %.10g times, but None enlarges nothing; say 1, or choose Lanczos",
                     r->sd_upscale);
}

bool params_check(const SdRequest *r, Error *e) {
    const Scheduler *scheduler = NULL;
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++)
        if (!(is_string(p) ? check_text : check_number)(p, r, e)) return false;
    if ((int64_t)r->width * r->height > MOST_PIXELS)
        return error_set(e, ERR_ARGUMENT, "size: %dx%d is more than %d pixels; make a smaller picture", r->width,
                         r->height, MOST_PIXELS);
    if (r->image &&
        (r->image_width < 1 || r->image_height < 1 || (int64_t)r->image_width * r->image_height > MOST_PIXELS))
        return error_set(e, ERR_ARGUMENT, "image: %dx%d is no picture of 1 to %d pixels", r->image_width,
                         r->image_height, MOST_PIXELS);
    if (!check_owned(r, e) || !check_enlarger(r, e) || !check_hires(r, e) || !check_tiles(r, e)) return false;
    if (r->mask && !r->image) return error_set(e, ERR_ARGUMENT, "mask: needs an image, of which it repaints a part");
    if (r->mask && (r->mask_width < 1 || r->mask_height < 1 || (int64_t)r->mask_width * r->mask_height > MOST_PIXELS))
        return error_set(e, ERR_ARGUMENT, "mask: %dx%d is no picture of 1 to %d pixels", r->mask_width, r->mask_height,
                         MOST_PIXELS);
    if (r->mask && r->only_masked && (r->mask_width != r->image_width || r->mask_height != r->image_height))
        return error_set(e, ERR_ARGUMENT, "mask: is %dx%d, and the picture %dx%d; make them equal", r->mask_width,
                         r->mask_height, r->image_width, r->image_height);
    if (r->seed_width && !r->seed_height)
        return error_set(e, ERR_ARGUMENT, "seed width: %d needs a seed height, too", r->seed_width);
    if (!r->seed_width && r->seed_height)
        return error_set(e, ERR_ARGUMENT, "seed height: %d needs a seed width, too", r->seed_height);
    if ((int64_t)r->seed_width * r->seed_height > MOST_PIXELS)
        return error_set(e, ERR_ARGUMENT,
                         "seed width: %d with seed height %d is more than %d pixels; use a smaller size", r->seed_width,
                         r->seed_height, MOST_PIXELS);
    return check_seed("seed", r->seed, r->batch_size, e) &&
           check_seed("variation seed", r->variation_seed, r->batch_size, e) && request_sampler(r, &scheduler, e);
}
