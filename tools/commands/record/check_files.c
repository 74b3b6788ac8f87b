#include "check_files.h"

#include "said.h"
#include "weights/files/files_below.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a role's file goes in the arguments; NULL: it is of a list. */
static const char **place_of(PictureArguments *a, RecordRole role) {
    PartOptions *p = &a->open.parts;
    switch (role) {
    case ROLE_MODEL: return &a->model;
    case ROLE_REFINER: return &a->refiner;
    case ROLE_HIRES_MODEL: return &a->hires_model;
    case ROLE_VAE: return &p->vae;
    case ROLE_TEXT_ENCODER: return &p->text_encoder;
    case ROLE_TEXT_ENCODER_2: return &p->text_encoder_2;
    case ROLE_UNET: return &p->unet;
    case ROLE_TAESD: return &p->taesd;
    case ROLE_UPSCALER: return request_enlarger(&a->request);
    case ROLE_IP_ADAPTER: return &a->controls.ip_adapter;
    case ROLE_IMAGE_ENCODER: return &a->controls.image_encoder;
    case ROLE_IMAGE: return &a->image;
    case ROLE_MASK: return &a->mask;
    case ROLE_NOISE: return &a->request.noise;
    default: return NULL;
    }
}

/* What an option names for a role that is no list's; NULL: nothing. */
static const char *named_for(const NamedFiles *n, RecordRole role) {
    const PartOptions *p = &n->open.parts;
    switch (role) {
    case ROLE_MODEL: return n->model;
    case ROLE_REFINER: return n->refiner;
    case ROLE_HIRES_MODEL: return n->hires_model;
    case ROLE_VAE: return p->vae;
    case ROLE_TEXT_ENCODER: return p->text_encoder;
    case ROLE_TEXT_ENCODER_2: return p->text_encoder_2;
    case ROLE_UNET: return p->unet;
    case ROLE_TAESD: return p->taesd;
    case ROLE_UPSCALER: return n->upscaler;
    case ROLE_IP_ADAPTER: return n->controls.ip_adapter;
    case ROLE_IMAGE_ENCODER: return n->controls.image_encoder;
    case ROLE_IMAGE: return n->image;
    case ROLE_MASK: return n->mask;
    case ROLE_NOISE: return n->noise;
    case ROLE_EMBEDDING: return n->open.embedding_dir;
    case ROLE_TAG: return n->lora_dir;
    default: return NULL;
    }
}

static bool is_control(RecordRole role) { return role >= ROLE_CONTROL && role <= ROLE_CONTROL_MASK; }

static bool is_missing(const Record *r, const RecordFile *f, Error *e) {
    return error_set(e, ERR_FORMAT, "%s: needs %s %.100s (SHA-256 %.12s): name it with %s, or its folder with --files",
                     r->file->path,
                     f->role == ROLE_CONTROL_IMAGE || f->role == ROLE_CONTROL_MASK ? "the picture" : "the file",
                     f->name, f->hash, record_option(f->role));
}

/* Another file than the record's may be named: that is what differs. Pictures and noise are compared by content. */
static void warn_of_other(const RecordFile *f, const char *path) {
    char hex[65];
    bool folder;
    uint64_t bytes;
    if (!path || f->role <= ROLE_REFINER || f->role >= ROLE_IMAGE) return;
    bool own = f->role == ROLE_VAE && !strcmp(path, "none");
    if (!own && (!record_hash(path, &folder, &bytes, hex, NULL) || !strcmp(hex, f->hash))) return;
    fprintf(stderr, "sdc: warning: %s: the record's is %.10s %.100s, and this %.*s\n", record_option(f->role), f->hash,
            f->name, own ? 15 : 10, own ? "the model's own" : hex);
}

/* --- lists --- */

/* ControlNets and image prompts: all are named, or all are found. */
static bool take_controls(const Record *r, const NamedFiles *n, CheckFiles *out, Error *e) {
    ControlOptions *c = &out->a.controls;
    int next = 0, image = 0;
    c->at = calloc((size_t)r->control_count + 1, sizeof *c->at);
    if (!c->at) return error_set(e, ERR_MEMORY, "%s: out of memory", r->file->path);
    c->count = r->control_count;
    for (int i = 0; i < c->count; i++) {
        if (n->controls.count) c->at[i] = n->controls.at[i];
        if (n->controls.count && c->at[i].prompt != r->controls[i].prompt)
            return error_set(e, ERR_ARGUMENT, "%s: number %d is %s; name it with %s", r->file->path, i,
                             r->controls[i].prompt ? "an image prompt" : "a ControlNet",
                             r->controls[i].prompt ? "--image-prompt" : "--control");
        c->at[i].prompt = r->controls[i].prompt;
        c->at[i].control = r->controls[i].how;
    }
    for (size_t i = 0; i < r->file_count; i++) {
        const RecordFile *f = &r->files[i];
        if (!is_control(f->role)) continue;
        while (f->role == ROLE_CONTROL && next < c->count && c->at[next].prompt) next++;
        while (f->role == ROLE_CONTROL_IMAGE && image < c->count && r->controls[image].of_request) image++;
        int at = f->role == ROLE_CONTROL ? next++ : f->role == ROLE_CONTROL_IMAGE ? image++ : image - 1;
        if (at < 0 || at >= c->count)
            return error_set(e, ERR_FORMAT, "%s: names more ControlNets than it has", r->file->path);
        char *to = f->role == ROLE_CONTROL         ? c->at[at].file
                   : f->role == ROLE_CONTROL_IMAGE ? c->at[at].image
                                                   : c->at[at].mask;
        if (n->controls.count) {
            if (f->role == ROLE_CONTROL) warn_of_other(f, to);
            continue;
        }
        if (!out->found.paths[i]) return is_missing(r, f, e);
        if (!path_make(to, e, "%s", out->found.paths[i])) return false;
    }
    for (int i = 0; i < c->count; i++)
        if ((!*c->at[i].image && !r->controls[i].of_request) || (!c->at[i].prompt && !*c->at[i].file))
            return error_set(e, ERR_FORMAT, "%s: does not name the files of number %d of its ControlNets",
                             r->file->path, i);
    return true;
}

/* The request's own networks, by the files that were found. */
static bool take_networks(const Record *r, CheckFiles *out, Error *e) {
    NetworkOptions *n = &out->a.networks;
    for (size_t i = 0; i < r->file_count; i++) {
        const RecordFile *f = &r->files[i];
        if (f->role != ROLE_LORA) continue;
        if (!out->found.paths[i]) return is_missing(r, f, e);
        if (n->lora.count == OPTION_LIST_MOST)
            return error_set(e, ERR_FORMAT, "%s: names more than %d networks", r->file->path, OPTION_LIST_MOST);
        n->networks[n->lora.count++] = (SdNetwork){.path = out->found.paths[i], .text = f->text, .unet = f->unet};
    }
    return true;
}

/* Files that prompts name are looked for in one place: the file itself, if there is one; where it lies; or, if others
 * lie elsewhere, all of --files. */
static bool place_for(const Record *r, const char *files, const CheckFiles *out, RecordRole role, bool file,
                      char place[OS_PATH_SIZE], Error *e) {
    int count = 0;
    for (size_t i = 0; i < r->file_count; i++) {
        const char *path = out->found.paths[i], *slash = path ? strrchr(path, '/') : NULL;
        size_t size = slash ? (size_t)(slash - path) : 1;
        if (r->files[i].role != role || !path) continue;
        bool same = count && strlen(place) == size && !memcmp(place, slash ? path : ".", size);
        if (count++ && !same && files) return path_make(place, e, "%s", files);
        if (!path_make(place, e, "%.*s", (int)size, slash ? path : ".")) return false;
    }
    for (size_t i = 0; file && count == 1 && i < r->file_count; i++)
        if (r->files[i].role == role && out->found.paths[i]) return path_make(place, e, "%s", out->found.paths[i]);
    return true;
}

static bool take_folders(const Record *r, const char *files, CheckFiles *out, Error *e) {
    bool some = false;
    PictureArguments *a = &out->a;
    if (!place_for(r, files, out, ROLE_EMBEDDING, true, out->folder, e) ||
        !place_for(r, files, out, ROLE_TAG, false, out->loras, e))
        return false;
    for (size_t i = 0; i < r->file_count; i++) {
        const RecordFile *f = &r->files[i];
        const char *path = out->found.paths[i];
        if (f->role != ROLE_EMBEDDING) continue;
        some = true;
        if (!a->open.embedding_dir && !path) return is_missing(r, f, e);
        const char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path;
        size_t stem = file_stem(f->name);
        if (path && (file_stem(name) != stem || memcmp(name, f->name, stem)))
            return error_set(e, ERR_FORMAT, "%s: is the record's %.100s, by whose name the prompt calls it; rename it",
                             path, f->name);
    }
    if (!a->open.embedding_dir && some) a->open.embedding_dir = out->folder;
    if (!a->request.lora_dir && *out->loras) a->request.lora_dir = out->loras;
    return true;
}

/* --- all --- */

/* Roles that are to be found: those that no option names. */
static void choose(const NamedFiles *n, bool wanted[ROLE_COUNT]) {
    for (int i = 0; i < ROLE_COUNT; i++) {
        RecordRole role = (RecordRole)i;
        wanted[i] = is_control(role) ? !n->controls.count : !named_for(n, role);
    }
}

static bool take_single(const Record *r, const NamedFiles *n, CheckFiles *out, size_t i, Error *e) {
    const RecordFile *f = &r->files[i];
    const char *named = named_for(n, f->role), **to = place_of(&out->a, f->role);
    if (!to) return true;
    *to = named ? named : out->found.paths[i];
    if (f->role == ROLE_IMAGE) out->a.background = n->background ? n->background : named ? NULL : f->background;
    warn_of_other(f, named);
    return *to || is_missing(r, f, e);
}

/* What options name of which the record says nothing: a record that names no files, or files that are too many. */
static void take_named(const NamedFiles *n, PictureArguments *a) {
    for (int i = 0; i < ROLE_COUNT; i++) {
        const char *named = named_for(n, (RecordRole)i), **to = place_of(a, (RecordRole)i);
        if (named && to) *to = named;
    }
    a->background = n->background;
    a->request.lora_dir = n->lora_dir;
}

static bool names(const Record *r, RecordRole role) {
    bool any = false;
    for (size_t i = 0; i < r->file_count; i++) any = any || r->files[i].role == role;
    return any;
}

/* A record that names its files has no others. */
static void warn_of_more(const Record *r, const NamedFiles *n) {
    for (int role = ROLE_VAE; role <= ROLE_TAESD; role++) {
        const char *named = named_for(n, (RecordRole)role);
        if (!names(r, (RecordRole)role) && r->file_count && named && strcmp(named, "none"))
            fprintf(stderr, "sdc: warning: %s: the record has the model's own\n", record_option((RecordRole)role));
    }
}

/* ERR_ARGUMENT where more is named than the record has, or less than all. */
static bool check_named(const Record *r, const NamedFiles *n, Error *e) {
    SdRequest own = r->request;
    if (n->upscaler && !request_enlarges_by_file(&own))
        return error_set(e, ERR_ARGUMENT, "%s: was made without an upscaler's file; leave --upscaler out",
                         r->file->path);
    if (n->hires_model && !names(r, ROLE_HIRES_MODEL))
        return error_set(e, ERR_ARGUMENT,
                         "%s: was made without a second model in hires fix; leave --hires-checkpoint out",
                         r->file->path);
    return !n->controls.count || n->controls.count == r->control_count ||
           error_set(e, ERR_ARGUMENT, "%s: has %d ControlNets and image prompts, and %d are named; name all or none",
                     r->file->path, r->control_count, n->controls.count);
}

bool check_files(const Record *r, const NamedFiles *n, const char *files, CheckFiles *out, Error *e) {
    bool wanted[ROLE_COUNT];
    PictureArguments *a = &out->a;
    *out = (CheckFiles){.a = picture_defaults(OF_RECORD)};
    a->open = n->open;
    a->request = r->request;
    a->request.image = a->request.mask = NULL; /* the record has only their sizes */
    choose(n, wanted);
    if (!check_named(r, n, e)) return false;
    take_named(n, a);
    warn_of_more(r, n);
    a->controls.ip_adapter = n->controls.ip_adapter, a->controls.image_encoder = n->controls.image_encoder;
    bool ok = record_find(r, &(RecordFolders){files, n->lora_dir}, wanted, &out->found, e);
    for (size_t i = 0; ok && i < r->file_count; i++) ok = take_single(r, n, out, i, e);
    ok = ok && take_controls(r, n, out, e) && take_networks(r, out, e) && take_folders(r, files, out, e);
    if (ok && *r->networks) a->request.network_hashes = r->networks;
    return ok && said_folder(r->embeddings, r->networks, a->open.embedding_dir, e);
}

void check_files_free(CheckFiles *f) {
    free(f->a.controls.at);
    record_found_free(&f->found);
    *f = (CheckFiles){0};
}
