#include "record_files.h"

#include "said.h"
#include "sd/info/info_writer.h"
#include "sd/info/infotext_read.h"
#include "sd/info/infotext_request.h"
#include "sd/info/params.h"
#include "sd/load/model_hash.h"
#include "tools/cli/picture_start.h"
#include "weights/files/file_open.h"
#include "weights/files/files_below.h"
#include "weights/files/sha256.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_LISTED = 1000 }; /* in a record, at most */

static const struct {
    const char *name, *option;
} ROLES[ROLE_COUNT] = {[ROLE_MODEL] = {"model", "-m"},
                       [ROLE_REFINER] = {"refiner", "--refiner"},
                       [ROLE_HIRES_MODEL] = {"hires_model", "--hires-checkpoint"},
                       [ROLE_VAE] = {"vae", "--vae"},
                       [ROLE_TEXT_ENCODER] = {"text_encoder", "--text-encoder"},
                       [ROLE_TEXT_ENCODER_2] = {"text_encoder_2", "--text-encoder-2"},
                       [ROLE_UNET] = {"unet", "--unet"},
                       [ROLE_TAESD] = {"taesd", "--taesd"},
                       [ROLE_UPSCALER] = {"upscaler", "--upscaler"},
                       [ROLE_CONTROL] = {"control", "--control"},
                       [ROLE_CONTROL_IMAGE] = {"control_image", "--control or --image-prompt"},
                       [ROLE_CONTROL_MASK] = {"control_mask", "--control"},
                       [ROLE_IP_ADAPTER] = {"ip_adapter", "--ip-adapter"},
                       [ROLE_IMAGE_ENCODER] = {"image_encoder", "--image-encoder"},
                       [ROLE_IMAGE] = {"image", "-i"},
                       [ROLE_MASK] = {"mask", "--mask"},
                       [ROLE_NOISE] = {"noise", "--noise"},
                       [ROLE_LORA] = {"lora", "--lora-dir"},
                       [ROLE_TAG] = {"tag", "--lora-dir"},
                       [ROLE_EMBEDDING] = {"embedding", "--embedding-dir"}};

const char *record_option(RecordRole role) { return ROLES[role].option; }

/* --- hashes --- */

typedef struct {
    const char *folder;
    Sha256 sha;
} Listing;

bool record_has_ending(const char *name) {
    static const char *const ENDINGS[] = {".safetensors", ".json", ".bin", ".pt", ".pth", ".ckpt", ".gguf"};
    const char *end = strrchr(name, '.');
    for (size_t i = 0; end && i < sizeof ENDINGS / sizeof *ENDINGS; i++)
        if (!strcmp(end, ENDINGS[i])) return true;
    return false;
}

bool record_marks_folder(const char *name, bool parts) {
    static const char *const MARKS[] = {"model_index.json",          "config.json",       "adapter_config.json",
                                        "taesd_decoder.safetensors", "taesd_decoder.pth", "taesdxl_decoder.safetensors",
                                        "taesdxl_decoder.pth"};
    for (size_t i = 0; i < (parts ? sizeof MARKS / sizeof *MARKS : 1); i++)
        if (!strcmp(name, MARKS[i])) return true;
    return false;
}

static bool add_to_listing(void *user, const char *path, const char *name, Error *e) {
    Listing *l = user;
    char hex[65];
    if (!record_has_ending(name)) return true;
    if (!cached_sha256(path, hex, e)) return false;
    const char *below = path + strlen(l->folder);
    while (*below == '/') below++;
    sha256_update(&l->sha, hex, 64);
    sha256_update(&l->sha, "  ", 2);
    sha256_update(&l->sha, below, strlen(below));
    sha256_update(&l->sha, "\n", 1);
    return true;
}

bool record_hash(const char *path, bool *folder, uint64_t *bytes, char hex[65], Error *e) {
    enum { SMALL = 1 << 24 }; /* not worth remembering */
    OsInfo info;
    Listing l = {.folder = path};
    unsigned char digest[32];
    if (!os_info(path, &info))
        return error_set(e, ERR_FILE, "%.300s: cannot be read: %s; check its name", path, strerror(errno));
    *folder = info.kind == OS_DIRECTORY;
    *bytes = *folder ? 0 : info.size;
    if (!*folder) return info.size < SMALL ? sha256_file(path, hex, e) : cached_sha256(path, hex, e);
    sha256_init(&l.sha);
    if (!files_below(path, "a folder", add_to_listing, &l, e)) return false;
    sha256_final(&l.sha, digest);
    sha256_hex(digest, hex);
    return true;
}

/* --- writing --- */

bool record_base_name(const char *path, char out[OS_PATH_SIZE], Error *e) {
    char real[OS_PATH_SIZE];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    size_t at = n;
    while (at && path[at - 1] != '/') at--;
    snprintf(out, OS_PATH_SIZE, "%.*s", (int)(n - at), path + at);
    if ((!*out || !strcmp(out, ".") || !strcmp(out, "..")) && os_real_path(path, real))
        snprintf(out, OS_PATH_SIZE, "%s", strrchr(real, '/') ? strrchr(real, '/') + 1 : real);
    for (const char *p = out; *p; p++)
        if ((unsigned char)*p < ' ')
            return error_set(e, ERR_ARGUMENT, "%.300s: a record cannot hold such a name; rename it", path);
    return *out || error_set(e, ERR_ARGUMENT, "%.300s: has no name that a record could hold; move it", path);
}

/* more: what follows the role. */
static bool add(InfoWriter *t, RecordRole role, const char *more, const char *path, Error *e) {
    char name[OS_PATH_SIZE], hex[65], bytes[24];
    bool folder;
    uint64_t size;
    if (!path) return true;
    if (!record_base_name(path, name, e) || !record_hash(path, &folder, &size, hex, e)) return false;
    snprintf(bytes, sizeof bytes, "%" PRIu64, size);
    const char *const words[] = {
        t->p ? "\n" : "", hex, " ", folder ? "folder" : bytes, " ", ROLES[role].name, more, " ", name};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) info_add(t, words[i]);
    return true;
}

static bool add_parts(InfoWriter *t, const PartOptions *p, Error *e) {
    return add(t, ROLE_VAE, "", p->vae && strcmp(p->vae, "none") ? p->vae : NULL, e) &&
           add(t, ROLE_TEXT_ENCODER, "", p->text_encoder, e) && add(t, ROLE_TEXT_ENCODER_2, "", p->text_encoder_2, e) &&
           add(t, ROLE_UNET, "", p->unet, e) && add(t, ROLE_TAESD, "", p->taesd, e);
}

/* A picture that a ControlNet is shown, unless it is the request's. */
static bool add_shown(InfoWriter *t, RecordRole role, const char *path, Error *e) {
    if (!*path) return true;
    if (os_kind(path) != OS_REGULAR)
        return error_set(e, ERR_ARGUMENT, "%.300s: is no file, which a record could name; save it first", path);
    return add(t, role, "", path, e);
}

static bool add_controls(InfoWriter *t, const ControlOptions *c, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < c->count; i++)
        ok = (c->at[i].prompt || add(t, ROLE_CONTROL, "", c->at[i].file, e)) &&
             add_shown(t, ROLE_CONTROL_IMAGE, c->at[i].image, e) && add_shown(t, ROLE_CONTROL_MASK, c->at[i].mask, e);
    return ok && add(t, ROLE_IP_ADAPTER, "", c->ip_adapter, e) && add(t, ROLE_IMAGE_ENCODER, "", c->image_encoder, e);
}

/* A stream is not read again; its pixels are told beside. */
static const char *unless_stream(const char *path) { return path && os_kind(path) == OS_REGULAR ? path : NULL; }

static bool add_pictures(InfoWriter *t, const PictureArguments *a, Error *e) {
    uint32_t color = IMAGE_WHITE;
    char more[16] = "";
    if (a->background && picture_color(a->background, &color)) snprintf(more, sizeof more, ":%06" PRIx32, color);
    return add(t, ROLE_IMAGE, more, unless_stream(a->image), e) && add(t, ROLE_MASK, "", unless_stream(a->mask), e) &&
           add(t, ROLE_NOISE, "", a->request.noise, e);
}

static bool add_networks(InfoWriter *t, const SdModel *m, const SdRequest *r, Error *e) {
    SdNetworks all;
    if (!sd_networks(m, r, &all, e)) return false;
    bool ok = true;
    for (int i = 0; ok && i < all.count; i++) {
        char more[2 * INFO_NUMBER + 2] = "", text[INFO_NUMBER], unet[INFO_NUMBER];
        bool given = i < r->network_count, again = false;
        for (int k = r->network_count; !given && k < i; k++) again = again || !strcmp(all.at[k].path, all.at[i].path);
        if (again) continue;
        info_number(all.at[i].text, text), info_number(all.at[i].unet, unet);
        if (given) snprintf(more, sizeof more, ":%s:%s", text, unet);
        ok = add(t, given ? ROLE_LORA : ROLE_TAG, more, all.at[i].path, e);
    }
    sd_networks_free(&all);
    return ok;
}

static bool add_embeddings(InfoWriter *t, const SdModel *m, const char *parameters, Error *e) {
    char *list = NULL, *networks = NULL, name[INFOTEXT_NAME], hash[INFOTEXT_HASH];
    bool ok = said_value(parameters, "TI hashes", &list, e) && said_value(parameters, "Lora hashes", &networks, e);
    for (int i = 0; ok && infotext_hash(list, i, name, hash); i++) {
        SdEmbedding x;
        int at = 0;
        if (infotext_brought(list, i, networks)) continue;
        while (sd_embedding(m, at, &x) && (x.skipped || !infotext_listed(x.name, name))) at++;
        if (sd_embedding(m, at, &x)) ok = add(t, ROLE_EMBEDDING, "", x.path, e);
    }
    free(list);
    free(networks);
    return ok;
}

char *record_files_text(const PictureArguments *a, const SdModel *m, const SdRequest *r, const char *parameters,
                        Error *e) {
    InfoWriter t = {.p = NULL};
    SdRequest own = a->request;
    bool ok = add(&t, ROLE_MODEL, "", a->model, e) && add(&t, ROLE_REFINER, "", a->refiner, e) &&
              add(&t, ROLE_HIRES_MODEL, "", a->hires_model, e) && add_parts(&t, &a->open.parts, e) &&
              add(&t, ROLE_UPSCALER, "", request_enlarges_by_file(&own) ? *request_enlarger(&own) : NULL, e) &&
              add_controls(&t, &a->controls, e) && add_pictures(&t, a, e) && add_networks(&t, m, r, e) &&
              add_embeddings(&t, m, parameters, e);
    if (ok) info_add(&t, "");
    if (ok && t.failed) ok = error_set(e, ERR_MEMORY, "out of memory for a list of files");
    if (ok && !t.p && !(t.p = text_copy("", 0))) ok = error_set(e, ERR_MEMORY, "out of memory for a list of files");
    if (!ok) free(t.p), t.p = NULL;
    return t.p;
}

/* --- reading --- */

/* The word at *at, which ends at a space; *at moves past it. NULL: there is none. */
static char *next_word(char **at) {
    char *word = *at, *end = strchr(word, ' ');
    if (!end || end == word) return NULL;
    *end = 0;
    *at = end + 1;
    return word;
}

/* ":0.8:0.5" */
static bool take_multipliers(const char *more, RecordFile *f) {
    char first[INFO_NUMBER];
    const char *second = strchr(more + 1, ':');
    if (!second || (size_t)(second - more) > sizeof first) return false;
    snprintf(first, sizeof first, "%.*s", (int)(second - more - 1), more + 1);
    return infotext_double(first, &f->text) && infotext_double(second + 1, &f->unet);
}

static bool take_role(char *word, RecordFile *f) {
    uint32_t color;
    size_t n = strcspn(word, ":");
    const char *more = word + n;
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (strlen(ROLES[i].name) != n || memcmp(ROLES[i].name, word, n)) continue;
        f->role = (RecordRole)i;
        if (i == ROLE_LORA) return *more && take_multipliers(more, f);
        if (i != ROLE_IMAGE || !*more) return !*more;
        return f->background = more + 1, picture_color(more + 1, &color);
    }
    return false;
}

static bool take_bytes(const char *word, RecordFile *f) {
    int64_t bytes;
    if (!strcmp(word, "folder")) return f->folder = true;
    if (!infotext_int(word, &bytes) || bytes < 0) return false;
    f->bytes = (uint64_t)bytes;
    return true;
}

static bool take_line(char *line, RecordFile *f) {
    char *hash = next_word(&line), *bytes = hash ? next_word(&line) : NULL, *role = bytes ? next_word(&line) : NULL;
    if (!role || strspn(hash, "0123456789abcdef") != 64 || hash[64] || !take_bytes(bytes, f) || !take_role(role, f))
        return false;
    f->hash = hash, f->name = line;
    return *line && !strchr(line, '/') && strcmp(line, ".") && strcmp(line, "..") && strlen(line) < OS_NAME_SIZE;
}

/* Whether a run reads several files in this role. */
static bool is_list(RecordRole role) {
    return role == ROLE_CONTROL || role == ROLE_CONTROL_IMAGE || role == ROLE_LORA || role == ROLE_TAG ||
           role == ROLE_EMBEDDING;
}

bool record_files_read(char *text, RecordFile **out, size_t *count, Error *e) {
    size_t lines = 1;
    *out = NULL, *count = 0;
    if (!*text) return true;
    for (const char *p = text; *p; p++) lines += *p == '\n';
    if (lines > FILES_LISTED) return false;
    *out = calloc(lines, sizeof **out);
    if (!*out) return error_set(e, ERR_MEMORY, "out of memory for a list of files");
    bool seen[ROLE_COUNT] = {false};
    for (char *line = text; line; (*count)++) {
        char *end = strchr(line, '\n');
        RecordFile *f = &(*out)[*count];
        if (end) *end = 0;
        if (!take_line(line, f) || (seen[f->role] && !is_list(f->role))) return false;
        seen[f->role] = true;
        line = end ? end + 1 : NULL;
    }
    return true;
}
