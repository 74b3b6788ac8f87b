#include "control_options.h"

#include "sd/info/params.h"
#include "weights/files/file_open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The piece up to the next ':', which is an end unless '\' stands before it; *at moves past it. NULL: there is none. */
static const char *next_piece(const char **at, char out[OS_PATH_SIZE], bool *fits) {
    size_t n = 0;
    const char *p = *at;
    if (!p) return NULL;
    for (; *p && *p != ':'; p++) {
        if (*p == '\\' && p[1] == ':') p++;
        if (n + 1 < OS_PATH_SIZE) out[n] = *p;
        n++;
    }
    *fits = *fits && n < OS_PATH_SIZE;
    out[n < OS_PATH_SIZE ? n : OS_PATH_SIZE - 1] = 0;
    *at = *p ? p + 1 : NULL;
    return out;
}

static bool number(const char *text, double low, double high, double *out) {
    char *end;
    if (!strchr("0123456789.", *text)) return false;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= low && *out <= high;
}

#define IMAGE_PROMPT "--image-prompt"

/* NAME=VALUE */
static int take_pair(const Command *c, const char *option, const char *piece, SdControl *k) {
    static const struct {
        const char *name, *words; /* or a number's range */
        double low, high;
        size_t at;
    } KEYS[] = {{"weight", NULL, 0, 2, offsetof(SdControl, weight)}, /* the first three are also an image prompt's */
                {"start", NULL, 0, 1, offsetof(SdControl, start)},
                {"end", NULL, 0, 1, offsetof(SdControl, end)},
                {"hint", CONTROL_HINTS, 0, 0, offsetof(SdControl, hint)},
                {"mode", "balanced|prompt|control", 0, 0, offsetof(SdControl, mode)},
                {"union", CONTROL_KINDS, 0, 0, offsetof(SdControl, kind)},
                {"resize", "stretch|crop|fill", 0, 0, offsetof(SdControl, resize)},
                {"low", NULL, 0, 255, offsetof(SdControl, low)},
                {"high", NULL, 0, 255, offsetof(SdControl, high)}};
    size_t n = strcspn(piece, "=");
    const char *value = piece + n + 1;
    bool prompt = !strcmp(option, IMAGE_PROMPT);
    for (size_t i = 0; i < (prompt ? 3 : sizeof KEYS / sizeof *KEYS); i++) {
        if (strlen(KEYS[i].name) != n || strncmp(KEYS[i].name, piece, n)) continue;
        void *at = (char *)k + KEYS[i].at;
        int word = KEYS[i].words ? words_find(KEYS[i].words, value) : 0;
        if (word < 0)
            return usage_error(c, "%s: %s: '%.40s' must be one of %s", option, KEYS[i].name, value, KEYS[i].words);
        if (KEYS[i].words) memcpy(at, &(unsigned){(unsigned)word}, sizeof(unsigned));
        else if (!number(value, KEYS[i].low, KEYS[i].high, at))
            return usage_error(c, "%s: %s: '%.40s' is not a number in %g..%g", option, KEYS[i].name, value, KEYS[i].low,
                               KEYS[i].high);
        return GO_ON;
    }
    return usage_error(c, "%s: '%.60s' must be weight, start%s", option, piece,
                       prompt ? " or end" : ", end, hint, mask, mode, union, resize, low or high");
}

static int take_text(const Command *c, const char *option, const char *text, ControlArgument *a) {
    static const char *const PLACES[] = {"weight", "start", "end"};
    char piece[OS_PATH_SIZE], pair[OS_PATH_SIZE + 16];
    const char *at = text;
    bool fits = true;
    int place = 0, code = GO_ON;
    a->control = (SdControl){.weight = 1, .end = 1, .resize = SD_RESIZE_CROP};
    a->prompt = !strcmp(option, IMAGE_PROMPT);
    if (!a->prompt && !next_piece(&at, a->file, &fits)) fits = false;
    if (!next_piece(&at, a->image, &fits) || (a->prompt && !*a->image) || !fits)
        return usage_error(c, "%s: '%.60s' must be %s", option, text,
                           a->prompt ? "IMAGE, and then what :weight= and so on say"
                                     : "FILE:IMAGE, and then what :weight=, :hint= and so on say");
    while (code == GO_ON && next_piece(&at, piece, &fits)) {
        const char *is = piece;
        if (!strchr(piece, '=')) {
            if (place == 3) return usage_error(c, "%s: '%.60s' is one number too many", option, piece);
            snprintf(pair, sizeof pair, "%s=%s", PLACES[place++], piece);
            is = pair;
        }
        if (!a->prompt && !strncmp(is, "mask=", 5)) snprintf(a->mask, sizeof a->mask, "%s", is + 5);
        else code = take_pair(c, option, is, &a->control);
    }
    if (code == GO_ON && a->control.start > a->control.end)
        code = usage_error(c, "%s: its start, %g, is after its end, %g", option, a->control.start, a->control.end);
    return code;
}

int control_options_read(const Command *c, ControlOptions *o) {
    int all = o->control.count + o->image_prompt.count, code = GO_ON;
    o->count = 0;
    o->at = all ? calloc((size_t)all, sizeof *o->at) : NULL;
    if (all && !o->at) return usage_error(c, "--control: out of memory");
    if (all > SD_MOST_CONTROLS)
        return usage_error(c, "--control and " IMAGE_PROMPT ": %d of them; %d is the most", all, SD_MOST_CONTROLS);
    if (!o->image_prompt.count && (o->ip_adapter || o->image_encoder))
        return usage_error(c, "%s: counts with " IMAGE_PROMPT " alone; leave it out",
                           o->ip_adapter ? "--ip-adapter" : "--image-encoder");
    for (; code == GO_ON && o->count < all; o->count++) {
        int i = o->count - o->control.count;
        code = i < 0 ? take_text(c, "--control", o->control.at[o->count], &o->at[o->count])
                     : take_text(c, IMAGE_PROMPT, o->image_prompt.at[i], &o->at[o->count]);
    }
    return code;
}

int control_options_complete(const Command *c, const ControlOptions *o) {
    if (o->image_prompt.count && (!o->ip_adapter || !o->image_encoder))
        return usage_error(c, IMAGE_PROMPT ": needs %s",
                           o->ip_adapter ? "the adapter's vision encoder, after --image-encoder"
                                         : "an IP-Adapter's file, after --ip-adapter");
    return GO_ON;
}

int control_options_check(const Command *c, const ControlOptions *o, const char *image, const char *mask) {
    int code = control_options_complete(c, o);
    if (code != GO_ON) return code;
    for (int i = 0; i < o->count; i++) {
        const ControlArgument *a = &o->at[i];
        const bool inpaint = a->control.hint == SD_HINT_INPAINT;
        if (a->prompt) continue;
        if (!*a->file || (!inpaint && !*a->image))
            return usage_error(c, "--control: '%.60s' must be FILE:IMAGE, and then what :weight=, :hint= and so on say",
                               o->control.at[i]);
        if (!inpaint && *a->mask) return usage_error(c, "--control: mask counts only with hint=inpaint; leave it out");
        if (inpaint && !*a->image != !*a->mask)
            return usage_error(c, "--control: hint=inpaint needs %s",
                               *a->image ? "mask=FILE of its picture, or :: in place of IMAGE, for -i and --mask"
                                         : "IMAGE with mask=FILE; leave mask out for -i and --mask");
        if (inpaint && !*a->image && (!image || !mask))
            return usage_error(c, "--control: hint=inpaint needs img2img with --mask, or IMAGE and mask=FILE");
        if (inpaint && !*a->image && a->control.resize != SD_RESIZE_CROP)
            return usage_error(c, "--control: resize counts with a picture of its own; say --resize-mode");
    }
    return GO_ON;
}

void control_options_free(ControlOptions *o) {
    free(o->at);
    o->at = NULL;
    o->count = 0;
}

bool control_options_name(const ControlOptions *o, const char *path) {
    bool found = path && ((o->ip_adapter && file_same(path, o->ip_adapter)) ||
                          (o->image_encoder && file_same(path, o->image_encoder)));
    for (int i = 0; path && i < o->count; i++)
        found = found || (!o->at[i].prompt && file_same(path, o->at[i].file)) || file_same(path, o->at[i].image) ||
                file_same(path, o->at[i].mask);
    return found;
}

/* The adapter is one for all image prompts. */
static SdControlNet *open_net(OpenControls *o, const ControlOptions *from, int i, const SdModel *m, Error *e) {
    if (!from->at[i].prompt) return o->nets[i] = sd_open_control(from->at[i].file, m, e);
    if (!from->ip_adapter || !from->image_encoder) {
        error_set(e, ERR_ARGUMENT,
                  IMAGE_PROMPT ": needs an IP-Adapter's file, after --ip-adapter, and its vision "
                               "encoder, after --image-encoder");
        return NULL;
    }
    if (!o->adapter) o->adapter = sd_open_ip_adapter(from->ip_adapter, from->image_encoder, m, e);
    return o->adapter;
}

/* The pictures that it names; the library refuses what is missing. */
static bool open_pictures(const ControlArgument *from, SdControl *k, Image *image, Image *mask, Error *e) {
    if (*from->image) {
        if (!image_read(from->image, IMAGE_WHITE, image, e)) return false;
        warn(from->image, image->warning);
        k->image = image->rgb, k->width = image->width, k->height = image->height;
    }
    if (!*from->mask) return true;
    if (!image_read_mask(from->mask, false, mask, e)) return false;
    warn(from->mask, mask->warning);
    k->mask = mask->rgb;
    return (mask->width == k->width && mask->height == k->height) ||
           error_set(e, ERR_ARGUMENT, "%.300s: is %d x %d, and the picture that it is the mask of %d x %d", from->mask,
                     mask->width, mask->height, k->width, k->height);
}

bool controls_open(OpenControls *o, const ControlOptions *from, const SdModel *m, SdRequest *r, Error *e) {
    *o = (OpenControls){.count = 0};
    for (int i = 0; m && !(e && e->code) && i < from->count; i++) {
        SdControl *k = &o->controls[o->count++];
        *k = from->at[i].control;
        if (!from->at[i].prompt && !*from->at[i].file)
            return error_set(e, ERR_ARGUMENT, "--control: names no FILE; say FILE:IMAGE");
        if (!open_pictures(&from->at[i], k, &o->images[i], &o->masks[i], e)) return false;
        k->net = open_net(o, from, i, m, e);
        if (!k->net) return false;
    }
    r->controls = o->controls;
    r->control_count = o->count;
    return !(e && e->code);
}

void controls_close(OpenControls *o) {
    sd_close_control(o->adapter);
    for (int i = 0; i < o->count; i++) {
        sd_close_control(o->nets[i]);
        image_free(&o->images[i]);
        image_free(&o->masks[i]);
    }
    *o = (OpenControls){.count = 0};
}
