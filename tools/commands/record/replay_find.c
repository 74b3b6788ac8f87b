#include "replay_find.h"

#include "record_files.h"
#include "sd/info/infotext_control.h"
#include "sd/info/infotext_request.h"
#include "sd/load/model_hash.h"
#include "weights/files/file_open.h"
#include "weights/files/files_below.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ReplayPart REPLAY_PART[REPLAY_PARTS] = {
    {"VAE", "--vae", offsetof(PartOptions, vae), GIVEN_VAE},
    {"Text encoder", "--text-encoder", offsetof(PartOptions, text_encoder), GIVEN_TEXT},
    {"Text encoder 2", "--text-encoder-2", offsetof(PartOptions, text_encoder_2), GIVEN_TEXT_2},
    {"U-Net", "--unet", offsetof(PartOptions, unet), GIVEN_UNET},
    {"TAESD", "--taesd", offsetof(PartOptions, taesd), GIVEN_TAESD_DECODER}};

/* What a text says of a file. */
typedef struct {
    char name[280];
    char hash[65]; /* its first digits, "": unknown */
    bool legacy;   /* the webui's old hash */
} Said;

typedef struct {
    const Said *said;
    bool by_name; /* only what is called so */
    char *found;
} Search;

static bool has_hash(const Said *said, const char *path) {
    char hex[65];
    Error own = {0};
    if (!*said->hash) return true;
    if (!said->legacy) return cached_sha256(path, hex, &own) && !strncmp(hex, said->hash, strlen(said->hash));
    WeightFile *f = weight_file_open(path, &own);
    if (!f) return false;
    legacy_hash(f, hex);
    weight_file_close(f);
    return !strcmp(hex, said->hash);
}

/* With or without its ending, as texts have it. */
static bool is_called(const Said *said, const char *name) {
    size_t n = strlen(said->name);
    return !strcmp(name, said->name) || (!strncmp(name, said->name, n) && name[n] == '.' && !strchr(name + n + 1, '.'));
}

static bool look(void *user, const char *path, const char *name, Error *e) {
    Search *s = user;
    if (s->found || !record_has_ending(name) || is_called(s->said, name) != s->by_name || !has_hash(s->said, path))
        return true;
    s->found = text_copy(path, strlen(path));
    return s->found || error_set(e, ERR_MEMORY, "out of memory for a path");
}

/* NAME [HASH], or NAME. */
static void split(const char *text, Said *out) {
    const char *at = strrchr(text, '[');
    size_t n = at ? (size_t)(at - text) : strlen(text), digits = at ? strspn(at + 1, "0123456789abcdef") : 0;
    while (n && text[n - 1] == ' ') n--;
    snprintf(out->name, sizeof out->name, "%.*s", (int)(n < 279 ? n : 279), text);
    snprintf(out->hash, sizeof out->hash, "%.*s", (int)(digits < 64 ? digits : 64), at ? at + 1 : "");
}

/* --- all of them --- */

typedef struct {
    const char *folder;
    ReplayFound *found;
    char missing[400]; /* "" : nothing */
    Error *e;
} Finding;

static void miss(Finding *f, const char *what, const Said *said, const char *option) {
    size_t n = strlen(f->missing);
    snprintf(f->missing + n, sizeof f->missing - n, "%s%s %.60s%s%.10s%s (%s)", n ? ", " : "", what, said->name,
             *said->hash ? " [" : "", said->hash, *said->hash ? "]" : "", option);
}

/* The file that is so called, or has the hash; else it is missing. */
static const char *find(Finding *f, const char *what, const Said *said, const char *option) {
    ReplayFound *all = f->found;
    Search s = {said, true, NULL};
    if (f->e->code || all->count == (int)(sizeof all->paths / sizeof *all->paths)) return NULL;
    bool ok = files_below(f->folder, "a folder of the picture's files", look, &s, f->e);
    s.by_name = false;
    if (ok && !s.found && *said->hash) ok = files_below(f->folder, "a folder of the picture's files", look, &s, f->e);
    if (!s.found) return ok && option ? (miss(f, what, said, option), NULL) : NULL;
    return all->paths[all->count++] = s.found;
}

static void find_said(Finding *f, const char *what, const char *text, const char *option, const char **to) {
    Said said = {.name = ""};
    if (*to || !text) return;
    split(text, &said);
    *to = find(f, what, &said, option);
}

/* "Model" and "Model hash"; what is not found may be the built-in one. */
static void find_model(Finding *f, const InfoRead *text, NamedFiles *n) {
    const char *name = infotext_get(text, "Model"), *hash = infotext_get(text, "Model hash");
    Said said = {.name = ""};
    if (n->model || (!name && !hash)) return;
    snprintf(said.name, sizeof said.name, "%.279s", name ? name : "");
    if (hash && strlen(hash) >= 10) snprintf(said.hash, sizeof said.hash, "%.64s", hash);
    const bool builtin = name && !strcmp(name, "sd.c-nano");
    n->model = find(f, "the model", &said, builtin ? NULL : "-m");
}

static void find_parts(Finding *f, const InfoRead *text, NamedFiles *n) {
    for (int i = 0; i < REPLAY_PARTS; i++) {
        const char *hash, *name = infotext_part(text, REPLAY_PART[i].key, &hash);
        const char **to = (const char **)(void *)((char *)&n->open.parts + REPLAY_PART[i].at);
        Said said = {.name = ""};
        if (*to || !name) continue;
        snprintf(said.name, sizeof said.name, "%.279s", name);
        if (hash) snprintf(said.hash, sizeof said.hash, "%.*s", (int)strspn(hash, "0123456789abcdef"), hash);
        *to = find(f, REPLAY_PART[i].key, &said, REPLAY_PART[i].option);
    }
}

static void find_controls(Finding *f, const InfoRead *text, NamedFiles *n) {
    for (int i = 0; i < n->controls.count && i < infotext_controls(text); i++) {
        ControlArgument *a = &n->controls.at[i];
        SdControl how = {0};
        char model[280];
        bool prompt;
        Said said = {.name = "", .legacy = true};
        if (a->prompt || *a->file || !infotext_control(text, i, &how, model, &prompt, f->e)) continue;
        split(model, &said);
        const char *path = find(f, "the ControlNet", &said, "--control");
        if (path) path_make(a->file, f->e, "%s", path);
    }
}

bool replay_find(const InfoRead *text, const char *upscaler, const char *folder, NamedFiles *n, ReplayFound *found,
                 Error *e) {
    Finding f = {.folder = folder, .found = found, .e = e};
    find_model(&f, text, n);
    find_parts(&f, text, n);
    find_said(&f, "the refiner", infotext_refiner(text), "--refiner", &n->refiner);
    find_said(&f, "hires fix's model", infotext_hires_model(text), "--hires-checkpoint", &n->hires_model);
    find_said(&f, "the upscaler", upscaler, "--upscaler", &n->upscaler);
    find_controls(&f, text, n);
    if (!n->lora_dir && infotext_get(text, "Lora hashes")) n->lora_dir = folder;
    if (!n->open.embedding_dir && infotext_get(text, "TI hashes")) n->open.embedding_dir = folder;
    if (e->code) return false;
    return !*f.missing || error_set(e, ERR_FILE, "%.300s: lacks %s", folder, f.missing);
}

void replay_found_free(ReplayFound *found) {
    for (int i = 0; i < found->count; i++) free(found->paths[i]);
    found->count = 0;
}
