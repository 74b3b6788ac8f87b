#include "replay_find.h"

#include "record_files.h"
#include "sd/info/infotext_control.h"
#include "sd/info/infotext_request.h"
#include "sd/load/control.h"
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
    bool control;  /* a ControlNet or, with `image`, an IP-Adapter, whose hash is the webui's old one */
    bool image;
    bool model; /* a whole one: a converted one's name and hash are its source's */
} Said;

typedef struct {
    const Said *said;
    bool by_name; /* only what is called so */
    char *found;
    char *converted;     /* another file that was made of the same model */
    const char *adapter; /* looked for is the vision encoder that fits this one */
} Search;

/* What `sdc convert` wrote of its source: "" where a file has nothing of it. */
typedef struct {
    char name[280], hash[65];
} Source;

static Source source_of(const char *path) {
    Error own = {0};
    Source s = {.name = ""};
    WeightFile *f = weight_file_open(path, &own);
    const char *name = f ? weight_file_meta(f, "sdc.source_name") : NULL,
               *hash = f ? weight_file_meta(f, "sdc.source_sha256") : NULL;
    snprintf(s.name, sizeof s.name, "%.279s", name ? name : "");
    snprintf(s.hash, sizeof s.hash, "%.64s", hash ? hash : "");
    weight_file_close(f);
    return s;
}

static bool has_hash(const Said *said, const char *path) {
    char hex[65];
    Error own = {0};
    if (!*said->hash) return true;
    Source source = said->model ? source_of(path) : (Source){.name = ""};
    if (*source.hash) return !strncmp(source.hash, said->hash, strlen(said->hash));
    if (!said->control) return cached_sha256(path, hex, &own) && !strncmp(hex, said->hash, strlen(said->hash));
    WeightFile *f = weight_file_open(path, &own);
    if (!f) return false;
    legacy_hash(f, hex);
    weight_file_close(f);
    return !strcmp(hex, said->hash) && control_file_is(path, said->image); /* short files have one hash */
}

/* With or without its ending, as texts have it. */
static bool is_called(const Said *said, const char *name) {
    size_t n = strlen(said->name);
    return !strcmp(name, said->name) || (!strncmp(name, said->name, n) && name[n] == '.' && !strchr(name + n + 1, '.'));
}

static bool keep(char **to, const char *path, size_t size, Error *e) {
    *to = text_copy(path, size);
    return *to || error_set(e, ERR_MEMORY, "out of memory for a path");
}

static bool look(void *user, const char *path, const char *name, Error *e) {
    Search *s = user;
    const Said *said = s->said;
    char folder[OS_PATH_SIZE], called[OS_PATH_SIZE];
    size_t above = strlen(path) - strlen(name) - 1;
    if (!record_has_ending(name)) return true;
    if (s->found) {
        bool another = said->model && *said->hash && !s->converted && *source_of(path).hash && has_hash(said, path);
        return !another || keep(&s->converted, path, strlen(path), e);
    }
    if (s->by_name && !*said->hash && record_marks_folder(name, !said->model) &&
        path_make(folder, NULL, "%.*s", (int)above, path) && record_base_name(folder, called, NULL) &&
        !strcmp(called, said->name))
        return keep(&s->found, folder, strlen(folder), e);
    bool is = is_called(said, name);
    if (!is && said->model && !*said->hash) is = !strcmp(source_of(path).name, said->name);
    return is != s->by_name || !has_hash(said, path) || keep(&s->found, path, strlen(path), e);
}

/* A vision encoder's file, or the folder of one. */
static bool look_fitting(void *user, const char *path, const char *name, Error *e) {
    Search *s = user;
    size_t size = strlen(path);
    char folder[OS_PATH_SIZE];
    if (s->found || !record_has_ending(name)) return true;
    if (!strcmp(name, "config.json")) size -= strlen(name) + 1;
    if (!path_make(folder, NULL, "%.*s", (int)size, path) || !control_vision_fits(s->adapter, folder)) return true;
    return keep(&s->found, folder, size, e);
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

static bool walk(Finding *f, bool (*each)(void *user, const char *path, const char *name, Error *e), Search *s) {
    return files_below(f->folder, "a folder of the picture's files", each, s, f->e);
}

/* The file that is so called, or has the hash; or the encoder that fits `adapter` (NULL: none is looked for). Else it
 * is missing. */
static const char *find(Finding *f, const char *what, const Said *said, const char *option, const char *adapter) {
    ReplayFound *all = f->found;
    Search s = {.said = said, .by_name = true, .adapter = adapter};
    if (f->e->code || all->count == (int)(sizeof all->paths / sizeof *all->paths)) return NULL;
    bool ok = walk(f, adapter ? look_fitting : look, &s);
    s.by_name = false;
    if (ok && !s.found && !adapter && *said->hash) ok = walk(f, look, &s);
    if (s.converted && !all->converted[1]) {
        all->converted[0] = s.found, all->converted[1] = s.converted;
        s.converted = NULL;
    }
    free(s.converted);
    if (!s.found) return ok && option ? (miss(f, what, said, option), NULL) : NULL;
    return all->paths[all->count++] = s.found;
}

/* model: a whole one. */
static void find_said(Finding *f, const char *what, const char *text, const char *option, bool model, const char **to) {
    Said said = {.name = "", .model = model};
    if (*to || !text) return;
    split(text, &said);
    *to = find(f, what, &said, option, NULL);
}

/* "Model" and "Model hash"; what is not found may be the built-in one. */
static void find_model(Finding *f, const InfoRead *text, NamedFiles *n) {
    const char *name = infotext_get(text, "Model"), *hash = infotext_get(text, "Model hash");
    Said said = {.name = "", .model = true};
    if (n->model || (!name && !hash)) return;
    snprintf(said.name, sizeof said.name, "%.279s", name ? name : "");
    if (hash && strlen(hash) >= 10) snprintf(said.hash, sizeof said.hash, "%.64s", hash);
    const bool builtin = name && !strcmp(name, "sd.c-nano");
    n->model = find(f, "the model", &said, builtin ? NULL : "-m", NULL);
}

/* What the text says of a part; false: nothing. */
static bool said_part(const InfoRead *text, const char *key, Said *out) {
    const char *hash, *name = infotext_part(text, key, &hash);
    *out = (Said){.name = ""};
    if (!name) return false;
    split(name, out);
    if (hash) snprintf(out->hash, sizeof out->hash, "%.*s", (int)strspn(hash, "0123456789abcdef"), hash);
    return true;
}

static void find_parts(Finding *f, const InfoRead *text, NamedFiles *n) {
    for (int i = 0; i < REPLAY_PARTS; i++) {
        const char **to = (const char **)(void *)((char *)&n->open.parts + REPLAY_PART[i].at);
        Said said;
        if (!*to && said_part(text, REPLAY_PART[i].key, &said))
            *to = find(f, REPLAY_PART[i].key, &said, REPLAY_PART[i].option, NULL);
    }
}

/* What looks at the adapter's pictures: the webui's texts do not name it. */
static void find_vision(Finding *f, const InfoRead *text, ControlOptions *c) {
    Said said;
    if (c->image_encoder || !c->ip_adapter || f->e->code) return;
    bool named = said_part(text, "Image encoder", &said);
    if (!named) snprintf(said.name, sizeof said.name, "that fits the IP-Adapter");
    c->image_encoder = find(f, "the vision encoder", &said, "--image-encoder", named ? NULL : c->ip_adapter);
    if (c->image_encoder && !named)
        fprintf(stderr, "sdc: note: --image-encoder: %s, the first that fits; the text names none\n", c->image_encoder);
}

static void find_controls(Finding *f, const InfoRead *text, NamedFiles *n) {
    for (int i = 0; i < n->controls.count && i < infotext_controls(text); i++) {
        ControlArgument *a = &n->controls.at[i];
        SdControl how = {0};
        char model[280];
        bool prompt;
        Said said = {.name = "", .control = true, .image = a->prompt};
        bool given = a->prompt ? n->controls.ip_adapter != NULL : *a->file != 0;
        if (given || !infotext_control(text, i, &how, model, &prompt, f->e) || prompt != a->prompt) continue;
        split(model, &said);
        const char *path =
            find(f, prompt ? "the IP-Adapter" : "the ControlNet", &said, prompt ? "--ip-adapter" : "--control", NULL);
        if (prompt) n->controls.ip_adapter = path;
        else if (path) path_make(a->file, f->e, "%s", path);
        if (prompt && !path) break; /* all have the one adapter */
    }
    if (n->controls.image_prompt.count) find_vision(f, text, &n->controls);
}

bool replay_find(const InfoRead *text, const char *upscaler, const char *folder, NamedFiles *n, ReplayFound *found,
                 Error *e) {
    Finding f = {.folder = folder, .found = found, .e = e};
    find_model(&f, text, n);
    find_parts(&f, text, n);
    find_said(&f, "the refiner", infotext_refiner(text), "--refiner", true, &n->refiner);
    find_said(&f, "hires fix's model", infotext_hires_model(text), "--hires-checkpoint", true, &n->hires_model);
    find_said(&f, "the upscaler", upscaler, "--upscaler", false, &n->upscaler);
    find_controls(&f, text, n);
    if (!n->lora_dir && infotext_get(text, "Lora hashes")) n->lora_dir = folder;
    if (!n->open.embedding_dir && infotext_get(text, "TI hashes")) n->open.embedding_dir = folder;
    if (e->code) return false;
    return !*f.missing || error_set(e, ERR_FILE, "%.300s: lacks %s", folder, f.missing);
}

void replay_found_free(ReplayFound *found) {
    for (int i = 0; i < found->count; i++) free(found->paths[i]);
    free(found->converted[1]);
    *found = (ReplayFound){.count = 0};
}
