/* convert_layout.c: a model written as other programs have it, a tensor at a time. */
#include "convert_internal.h"

#include "sd/text/tokenizer.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"
#include "weights/formats/file_range.h"
#include "weights/files/file_read.h"
#include "weights/formats/gguf.h"
#include "weights/files/new_folder.h"
#include "weights/files/path.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16 };

static DType type_of(const NewFile *p, const StateTensor *t) { return convert_type(p, t->name, t->nd, t->n, t->type); }

/* A file of either format. */
typedef struct {
    StWriter *st;
    GgufWriter *gguf;
} Writer;

static bool write_data(const Writer *w, const void *bytes, size_t size, Error *e) {
    return w->st ? st_write_data(w->st, bytes, size, e) : gguf_write_data(w->gguf, bytes, size, e);
}

static bool write_tensor(const NewFile *p, const StateTensor *t, const Writer *w, char *in, char *out, Error *e) {
    DType to = type_of(p, t);
    bool clamp = false;
    for (int i = 0; i < t->count; i++)
        if (!(i && t->pieces[i].from.tensor == t->pieces[i - 1].from.tensor) &&
            !convert_check_range(p, t->pieces[i].from, to, &clamp, e))
            return false;
    float most = clamp ? (float)dtype_largest(to) : INFINITY;
    int64_t total = state_elements(t), n;
    for (int64_t at = 0; at < total; at += n) {
        n = total - at < PIECE ? total - at : PIECE;
        if (!state_read(t, at, n, in, e)) return false;
        bool same = to == t->type && !clamp;
        if (!same) convert_narrow(out, to, in, t->type, n, most);
        if (!write_data(w, same ? in : out, dtype_bytes(to, n), e)) return false;
    }
    state_drop(t);
    return true;
}

/* The tensors of one part ("": of a single file) to one file; alphas: with the noise levels. */
static bool write_file(const NewFile *p, const StateDict *s, const char *part, const char *path, const FileMeta *meta,
                       size_t metas, bool alphas, Error *e) {
    static const size_t WIDEST = 8;
    FileTensor *list = calloc(s->count + 2, sizeof *list);
    const StateTensor **from = calloc(s->count + 2, sizeof *from);
    char *in = malloc(2 * PIECE * WIDEST);
    size_t count = 0;
    bool ok = (list && from && in) || error_set(e, ERR_MEMORY, "%s: out of memory for converting", path);
    for (int pass = 0; ok && pass < 2; pass++) /* first what keeps the next one aligned */
        for (size_t i = 0; i < s->count; i++) {
            const StateTensor *t = &s->at[i];
            bool even = dtype_bytes(type_of(p, t), state_elements(t)) % 64 == 0;
            if (strcmp(t->part, part) || even != !pass) continue;
            from[count] = t;
            list[count] = (FileTensor){.name = t->name, .dtype = type_of(p, t), .nd = t->nd};
            memcpy(list[count++].n, t->n, sizeof t->n);
        }
    size_t networks = count;
    if (ok && alphas) list[count++] = (FileTensor){.name = "alphas_cumprod", .dtype = F32, .nd = 1, .n = {TRAIN_STEPS}};
    Writer w = {0};
    if (ok && p->gguf) w.gguf = gguf_write_begin(path, list, count, meta, metas, e);
    else if (ok) w.st = st_write_begin(path, list, count, meta, metas, e);
    ok = w.st || w.gguf;
    for (size_t i = 0; ok && i < networks; i++) ok = write_tensor(p, from[i], &w, in, in + PIECE * WIDEST, e);
    if (ok && alphas) ok = write_data(&w, p->m->noise_levels.alphas, sizeof p->m->noise_levels.alphas, e);
    if (ok) ok = w.st ? st_write_end(w.st, e) : gguf_write_end(w.gguf, e);
    else st_write_abort(w.st), gguf_write_abort(w.gguf);
    free(in);
    free(from);
    free(list);
    return ok;
}

bool convert_to_single(const NewFile *p, const char *out, const FileMeta *meta, size_t count, Error *e) {
    StateDict s = {.wide = p->dtype >= 0};
    bool ok = state_of_model(&s, p->m, STATE_SINGLE, e) && write_file(p, &s, "", out, meta, count, p->m->own_levels, e);
    state_free(&s);
    return ok;
}

/* --- a folder --- */

/* What the source's folder has, as it is; *there false: it has none. */
static bool copy_file(const NewFile *p, const char *out, const char *name, bool *there, Error *e) {
    static const FileWanted WANTED = {.most = 8 << 20, .advice = "a diffusers folder has short files there"};
    char from[OS_PATH_SIZE], to[OS_PATH_SIZE];
    size_t size;
    *there = false;
    if (p->m->checkpoint->layout != CHECKPOINT_DIFFUSERS) return true;
    if (!path_make(from, e, "%s/%s", p->m->checkpoint->path, name) || !path_make(to, e, "%s/%s", out, name))
        return false;
    FilePresence is = file_presence(from, e);
    if (is != FILE_PRESENT) return is == FILE_ABSENT;
    *there = true;
    char *bytes = file_read(from, &WANTED, &size, e);
    bool ok = bytes && atomic_write_one_of_many(to, bytes, size, e);
    free(bytes);
    return ok;
}

static bool write_text(const char *out, const char *name, JsonText *t, Error *e) {
    char path[OS_PATH_SIZE];
    bool ok = !t->failed || error_set(e, ERR_MEMORY, "%s/%s: out of memory", out, name);
    ok = ok && path_make(path, e, "%s/%s", out, name) && atomic_write_one_of_many(path, t->p, t->size, e);
    free(t->p);
    return ok;
}

/* A configuration: the source's own, or one that is made. */
static bool write_config(const NewFile *p, const char *out, const char *part, const char *file, Error *e) {
    char name[64];
    bool there;
    JsonText t = {0};
    snprintf(name, sizeof name, "%s%s%s", part, *part ? "/" : "", file);
    if (!copy_file(p, out, name, &there, e)) return false;
    if (there) return true;
    folder_json(&t, p->m, part);
    return write_text(out, name, &t, e);
}

static bool write_tokenizer(const NewFile *p, const char *out, const char *folder, int encoder, Error *e) {
    char path[OS_PATH_SIZE], name[64];
    bool there;
    if (!path_make(path, e, "%s/%s", out, folder) || !new_folder_make(path, e)) return false;
    snprintf(name, sizeof name, "%s/added_tokens.json", folder);
    if (!copy_file(p, out, name, &there, e)) return false;
    for (int i = 0; i < TOKENIZER_FILES; i++) {
        JsonText t = {0};
        snprintf(name, sizeof name, "%s/%s", folder, TOKENIZER[i].name);
        if (!copy_file(p, out, name, &there, e)) return false;
        if (there) continue;
        TOKENIZER[i].write(&t, p->m, encoder);
        if (!write_text(out, name, &t, e)) return false;
    }
    return true;
}

static bool write_part(const NewFile *p, const StateDict *s, const char *out, const char *part, Error *e) {
    const FileMeta meta = {"format", "pt"};
    const char *file = strncmp(part, "text", 4) ? "diffusion_pytorch_model" : "model";
    char path[OS_PATH_SIZE];
    return path_make(path, e, "%s/%s", out, part) && new_folder_make(path, e) &&
           write_config(p, out, part, "config.json", e) &&
           path_make(path, e, "%s/%s/%s.safetensors", out, part, file) &&
           write_file(p, s, part, path, &meta, 1, false, e);
}

/* The index comes last: a folder without it is not taken for a model. */
bool convert_to_folder(const NewFile *p, const char *out, Error *e) {
    static const char *const PARTS[] = {"unet", "vae", "text_encoder", "text_encoder_2"};
    const SdConfig *k = &p->m->config;
    char path[OS_PATH_SIZE];
    StateDict s = {.wide = p->dtype >= 0};
    for (int i = 0; i < k->encoders; i++)
        if (k->clip[i].vocabulary != TOKEN_COUNT)
            return error_set(e, ERR_FORMAT, "%s: its token table has %d rows, and a folder needs all %d; keep the file",
                             p->m->checkpoint->path, k->clip[i].vocabulary, (int)TOKEN_COUNT);
    bool ok = new_folder_make(out, e) && state_of_model(&s, p->m, STATE_DIFFUSERS, e);
    for (size_t i = 0; ok && i < sizeof PARTS / sizeof *PARTS; i++) {
        bool has = false;
        for (size_t j = 0; j < s.count && !has; j++) has = !strcmp(s.at[j].part, PARTS[i]);
        if (has) ok = write_part(p, &s, out, PARTS[i], e);
        if (has && i == 2) ok = ok && write_tokenizer(p, out, "tokenizer", 0, e);
        if (has && i == 3) ok = ok && write_tokenizer(p, out, "tokenizer_2", k->encoders - 1, e);
    }
    state_free(&s);
    for (int low = 0; ok && low <= (config_input(k) == INPUT_UPSCALING); low++) {
        const char *const part = low ? "low_res_scheduler" : "scheduler";
        ok = path_make(path, e, "%s/%s", out, part) && new_folder_make(path, e) &&
             write_config(p, out, part, "scheduler_config.json", e);
    }
    return ok && write_config(p, out, "", "model_index.json", e);
}
