#include "control_options.h"

#include "sd/info/params.h"
#include "weights/file_open.h"

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

/* NAME=VALUE */
static int take_pair(const Command *c, const char *piece, SdControl *k) {
    static const struct {
        const char *name, *words; /* or a number's range */
        double low, high;
        size_t at;
    } KEYS[] = {{"hint", CONTROL_HINTS, 0, 0, offsetof(SdControl, hint)},
                {"mode", "balanced|prompt|control", 0, 0, offsetof(SdControl, mode)},
                {"resize", "stretch|crop|fill", 0, 0, offsetof(SdControl, resize)},
                {"weight", NULL, 0, 2, offsetof(SdControl, weight)},
                {"start", NULL, 0, 1, offsetof(SdControl, start)},
                {"end", NULL, 0, 1, offsetof(SdControl, end)},
                {"low", NULL, 0, 255, offsetof(SdControl, low)},
                {"high", NULL, 0, 255, offsetof(SdControl, high)}};
    size_t n = strcspn(piece, "=");
    const char *value = piece + n + 1;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        if (strlen(KEYS[i].name) != n || strncmp(KEYS[i].name, piece, n)) continue;
        void *at = (char *)k + KEYS[i].at;
        int word = KEYS[i].words ? words_find(KEYS[i].words, value) : 0;
        if (word < 0)
            return usage_error(c, "--control: %s: '%.40s' must be one of %s", KEYS[i].name, value, KEYS[i].words);
        if (KEYS[i].words) memcpy(at, &(unsigned){(unsigned)word}, sizeof(unsigned));
        else if (!number(value, KEYS[i].low, KEYS[i].high, at))
            return usage_error(c, "--control: %s: '%.40s' is not a number in %g..%g", KEYS[i].name, value, KEYS[i].low,
                               KEYS[i].high);
        return GO_ON;
    }
    return usage_error(c, "--control: '%.60s' must be weight, start, end, hint, mode, resize, low or high", piece);
}

static int take_text(const Command *c, const char *text, ControlArgument *a) {
    static const char *const PLACES[] = {"weight", "start", "end"};
    char piece[OS_PATH_SIZE], pair[OS_PATH_SIZE + 16];
    const char *at = text;
    bool fits = true;
    int place = 0, code = GO_ON;
    a->control = (SdControl){.weight = 1, .end = 1, .resize = SD_RESIZE_CROP};
    if (!next_piece(&at, a->file, &fits) || !*a->file || !next_piece(&at, a->image, &fits) || !*a->image || !fits)
        return usage_error(c, "--control: '%.60s' must be FILE:IMAGE, and then what :weight=, :hint= and so on say",
                           text);
    while (code == GO_ON && next_piece(&at, piece, &fits)) {
        const char *is = piece;
        if (!strchr(piece, '=')) {
            if (place == 3) return usage_error(c, "--control: '%.60s' is one number too many", piece);
            snprintf(pair, sizeof pair, "%s=%s", PLACES[place++], piece);
            is = pair;
        }
        code = take_pair(c, is, &a->control);
    }
    if (code == GO_ON && a->control.start > a->control.end)
        code = usage_error(c, "--control: its start, %g, is after its end, %g", a->control.start, a->control.end);
    return code;
}

int control_arguments(const Command *c, const OptionList *texts, ControlArguments *out) {
    *out = (ControlArguments){.at = texts->count ? calloc((size_t)texts->count, sizeof *out->at) : NULL};
    if (texts->count && !out->at) return usage_error(c, "--control: out of memory");
    int code = GO_ON;
    if (texts->count > SD_MOST_CONTROLS)
        code = usage_error(c, "--control: %d of them; %d is the most", texts->count, SD_MOST_CONTROLS);
    for (; code == GO_ON && out->count < texts->count; out->count++)
        code = take_text(c, texts->at[out->count], &out->at[out->count]);
    return code;
}

void control_arguments_free(ControlArguments *a) {
    free(a->at);
    *a = (ControlArguments){0};
}

bool control_arguments_name(const ControlArguments *a, const char *path) {
    bool found = false;
    for (int i = 0; i < a->count; i++)
        found = found || file_same(path, a->at[i].file) || file_same(path, a->at[i].image);
    return found;
}

bool controls_open(OpenControls *o, const ControlArguments *a, const SdModel *m, SdRequest *r, Error *e) {
    *o = (OpenControls){.count = 0};
    for (int i = 0; m && !(e && e->code) && i < a->count; i++) {
        SdControl *k = &o->controls[o->count++];
        Image *image = &o->images[i];
        *k = a->at[i].control;
        if (!image_read(a->at[i].image, IMAGE_WHITE, image, e)) return false;
        warn(a->at[i].image, image->warning);
        k->image = image->rgb, k->width = image->width, k->height = image->height;
        k->net = sd_open_control(a->at[i].file, m, e);
        if (!k->net) return false;
    }
    r->controls = o->controls;
    r->control_count = o->count;
    return !(e && e->code);
}

void controls_close(OpenControls *o) {
    for (int i = 0; i < o->count; i++) {
        sd_close_control(o->controls[i].net);
        image_free(&o->images[i]);
    }
    *o = (OpenControls){.count = 0};
}
