/* few_steps.c: models that were distilled to few steps, and what their makers run them with. */
#include "few_steps.h"

#include "config_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name's words, each between spaces and in small letters; digits are words of their own: "sdxlTurbo_v1" is
 * " sdxl turbo v 1 ". */
enum { WORDS_SIZE = 256 };

static void words_of(const char *name, size_t length, char out[WORDS_SIZE]) {
    size_t at = 0;
    char before = ' ';
    out[at++] = ' ';
    for (size_t i = 0; i < length && at + 3 < WORDS_SIZE; i++) {
        unsigned char c = (unsigned char)name[i];
        bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
        char kind = digit ? '0' : upper ? 'A' : lower ? 'a' : ' ';
        bool apart = kind != before && !(before == 'A' && kind == 'a');
        if (apart && out[at - 1] != ' ') out[at++] = ' ';
        if (kind != ' ') out[at++] = (char)(upper ? c - 'A' + 'a' : c);
        before = kind;
    }
    if (out[at - 1] != ' ') out[at++] = ' ';
    out[at] = 0;
}

/* The last part of a path without .safetensors and the like; of a hub's cache, .../models--NAME/snapshots/HASH, the
 * NAME. */
static void path_words(const char *path, char out[WORDS_SIZE]) {
    size_t end = strlen(path), from;
    for (int up = 0;; up++) {
        while (end && path[end - 1] == '/') end--;
        for (from = end; from && path[from - 1] != '/'; from--) {}
        bool snapshots = end - from == 9 && !strncmp(path + from, "snapshots", 9);
        if (up == 0 && from > 10 && !strncmp(path + from - 10, "snapshots/", 10)) end = from;
        else if (up == 1 && snapshots && from) end = from;
        else break;
    }
    size_t stem = end;
    while (stem > from && path[stem - 1] != '.') stem--;
    if (stem > from + 1 && end - stem >= 2 && end - stem <= 11 && path[stem] > '9') end = stem - 1;
    words_of(path + from, end - from, out);
}

/* The number before " step " or " steps ", 1..64; 0: there is none. */
static int steps_in(const char *words) {
    const char *at = strstr(words, " step ");
    if (!at) at = strstr(words, " steps ");
    if (!at) return 0;
    const char *from = at;
    while (from > words && from[-1] >= '0' && from[-1] <= '9') from--;
    long n = from < at ? strtol(from, NULL, 10) : 0;
    return n >= 1 && n <= 64 ? (int)n : 0;
}

/* What a distilled model's makers run it with. steps 0: as many as its name says, and without them the row does not
 * fit. */
typedef struct {
    const char *word, *not_word; /* that a name has, and has not */
    const char *sampler, *scheduler;
    int steps, side; /* side 0: the family's */
} FewSteps;

static const FewSteps ROWS[] = {
    {" sd turbo ", NULL, "Euler a", "Trailing", 1, 512},
    {" sdxl turbo ", NULL, "Euler a", "Trailing", 1, 512},
    {" sd xl turbo ", NULL, "Euler a", "Trailing", 1, 512},
    {" sdxs ", NULL, "Euler", "Trailing", 1, 512},
    {" lightning ", NULL, "Euler", "Trailing", 0, 0},
    {" hyper ", " cfg ", "Euler", "Trailing", 0, 0}, /* "CFG": made to keep guidance */
    {" tcd ", NULL, "TCD", "Automatic", 4, 0},
    {" lcm ", NULL, "LCM", "LCM", 4, 0},
};
enum { ROW_COUNT = sizeof ROWS / sizeof *ROWS, TURBO = 0, TCD = ROW_COUNT - 2, LCM = ROW_COUNT - 1 };

static void take(const FewSteps *row, int steps, SdConfig *out) {
    snprintf(out->sampler, sizeof out->sampler, "%s", row->sampler);
    snprintf(out->scheduler, sizeof out->scheduler, "%s", row->scheduler);
    out->few_steps = true;
    out->steps = row->steps ? row->steps : steps;
    out->cfg = out->unet.guidance ? 8.5 : 1; /* LatentConsistencyModelPipeline's own */
    if (row->side) out->width = out->height = row->side;
}

static bool by_name(const char *words, SdConfig *out, ConfigNotes *notes) {
    int steps = steps_in(words);
    for (const FewSteps *row = ROWS; row < ROWS + ROW_COUNT; row++) {
        bool fits =
            strstr(words, row->word) && (!row->not_word || !strstr(words, row->not_word)) && (row->steps || steps);
        if (!fits) continue;
        take(row, steps, out);
        if (steps == 1 && !strcmp(row->word, " hyper ")) snprintf(out->scheduler, sizeof out->scheduler, "Hyper-SD");
        if (!strstr(words, " 1 step x 0 ")) return true;
        out->prediction = PREDICT_X0; /* sdxl_lightning_1step_x0 */
        notes->prediction = notes->prediction ? notes->prediction : "its name";
        return true;
    }
    return false;
}

/* What a folder's scheduler says of its times: which class, and "trailing". "leading" and "linspace" are what
 * save_pretrained writes for every other model, and say nothing. */
static void by_scheduler(const Checkpoint *c, SdConfig *out, ConfigNotes *notes) {
    ConfigFile f;
    Error e = {0};
    if (!config_file(c, CONFIG_SCHEDULER, &f, &e)) return;
    bool lcm = config_is(&f, "_class_name", "LCMScheduler"), tcd = config_is(&f, "_class_name", "TCDScheduler");
    bool ancestral = config_is(&f, "_class_name", "EulerAncestralDiscreteScheduler");
    bool trailing = config_is(&f, "timestep_spacing", "trailing");
    if (!lcm && !tcd && !trailing) return;
    if (lcm || tcd) take(&ROWS[lcm ? LCM : TCD], 0, out);
    else {
        snprintf(out->sampler, sizeof out->sampler, "%s", ancestral ? "Euler a" : "Euler");
        snprintf(out->scheduler, sizeof out->scheduler, "Trailing");
    }
    snprintf(notes->settings, sizeof notes->settings, "%s: %s", f.file,
             lcm   ? "LCMScheduler"
             : tcd ? "TCDScheduler"
                   : "timestep_spacing trailing");
}

void few_steps_of(const Checkpoint *c, SdConfig *out, ConfigNotes *notes) {
    char name[WORDS_SIZE], title[WORDS_SIZE] = " ";
    const char *said = c->file ? weight_file_meta(c->file, "modelspec.title") : NULL;
    path_words(c->path, name);
    if (said) words_of(said, strlen(said), title);
    if (by_name(title, out, notes)) snprintf(notes->settings, sizeof notes->settings, "modelspec.title: %.80s", said);
    else if (by_name(name, out, notes)) snprintf(notes->settings, sizeof notes->settings, "its name");
    else if (!strcmp(out->family, "SD-Turbo")) {
        take(&ROWS[TURBO], 0, out);
        snprintf(notes->settings, sizeof notes->settings, "its tensors are SD-Turbo's");
    } else if (out->unet.guidance) {
        take(&ROWS[LCM], 0, out);
        snprintf(notes->settings, sizeof notes->settings, "its guidance embedding, LCM's");
    } else by_scheduler(c, out, notes);
}
