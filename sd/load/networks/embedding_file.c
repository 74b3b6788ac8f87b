/* embedding_file.c: vectors from files of weights. */
#include "embedding_file.h"

#include "weights/files/files_below.h"
#include "sd/image/codecs/codecs.h"
#include "sd/image/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void embedding_file_free(EmbeddingFile *f) {
    free(f->name);
    for (int i = 0; i < EMBEDDING_PARTS; i++) free(f->numbers[i]);
    *f = (EmbeddingFile){0};
}

static bool check_numbers(const char *path, const EmbeddingFile *f, Error *e) {
    for (int i = 0; i < f->parts; i++)
        for (int64_t k = 0; k < f->vectors * f->width[i]; k++)
            if (!isfinite(f->numbers[i][k]))
                return error_set(e, ERR_FORMAT, "%s: holds numbers that are not finite; download it again", path);
    return true;
}

/* Tensor t as part i. */
static bool read_part(const WeightFile *f, const FileTensor *t, int i, EmbeddingFile *out, Error *e) {
    int64_t count = file_tensor_count(t), vectors = t->nd == 2 ? t->n[0] : 1;
    if (t->nd < 1 || t->nd > 2 || count < 1 || count > EMBEDDING_MOST)
        return error_set(e, ERR_FORMAT, "%s: %.100s is no list of vectors; name an embedding", f->path, t->name);
    if (i && vectors != out->vectors)
        return error_set(e, ERR_FORMAT, "%s: holds %lld vectors for one text encoder and %lld for the other", f->path,
                         (long long)out->vectors, (long long)vectors);
    out->vectors = vectors;
    out->width[i] = count / vectors;
    out->parts = i + 1;
    out->numbers[i] = malloc((size_t)count * sizeof *out->numbers[i]);
    if (!out->numbers[i]) return error_set(e, ERR_MEMORY, "%s: out of memory for an embedding", f->path);
    return file_tensor_f32(f, t, out->numbers[i]) ||
           error_set(e, ERR_FORMAT, "%s: %.100s is %s, of which no vectors are made; save it as F32", f->path, t->name,
                     dtype_name(t->dtype));
}

/* What a tensor is called after a prefix; NULL: it has another. */
static const char *after(const FileTensor *t, const char *prefix) {
    size_t n = strlen(prefix);
    return strncmp(t->name, prefix, n) ? NULL : t->name + n;
}

/* Tensors whose names begin with `prefix`. */
static bool read_tensors(const WeightFile *f, const char *prefix, EmbeddingFile *out, Error *e) {
    const FileTensor *term = NULL, *l = NULL, *g = NULL, *last = NULL;
    size_t terms = 0, count = 0;
    for (size_t i = 0; i < f->count; i++) {
        const FileTensor *t = &f->tensors[i];
        const char *name = after(t, prefix);
        if (!name) continue;
        last = t, count++;
        if (!strncmp(name, "string_to_param.", 16)) term = t, terms++;
        if (!strcmp(name, "clip_l") || !strcmp(name, "text_encoders_0")) l = t; /* diffusers' scripts, once */
        if (!strcmp(name, "clip_g") || !strcmp(name, "text_encoders_1")) g = t;
    }
    if (terms > 1) return error_set(e, ERR_FORMAT, "%s: holds %zu terms; split it into files of one", f->path, terms);
    if (!terms && l && g) return out->marked = true, read_part(f, l, 0, out, e) && read_part(f, g, 1, out, e);
    if (!terms && count != 1)
        return error_set(e, ERR_FORMAT, "%s: holds %zu tensors, where an embedding has one; name an embedding", f->path,
                         count);
    out->marked = terms || !strcmp(last->name, "emb_params");
    return read_part(f, terms ? term : last, 0, out, e);
}

bool embedding_file_from(const WeightFile *f, EmbeddingFile *out, Error *e) {
    *out = (EmbeddingFile){0};
    const char *name = weight_file_meta(f, "name"), *step = weight_file_meta(f, "step");
    if (!read_tensors(f, "", out, e) || !check_numbers(f->path, out, e)) return false;
    if (step) out->step = strtoll(step, NULL, 10);
    if (name && !(out->name = text_copy(name, strlen(name))))
        return error_set(e, ERR_MEMORY, "%s: out of memory for an embedding", f->path);
    return true;
}

bool embedding_file_part(const WeightFile *f, const char *prefix, EmbeddingFile *out, Error *e) {
    *out = (EmbeddingFile){0};
    return read_tensors(f, prefix, out, e) && check_numbers(f->path, out, e);
}

static bool take_file(WeightFile *f, EmbeddingFile *out, Error *e) {
    bool ok = f && embedding_file_from(f, out, e);
    weight_file_close(f);
    return ok;
}

static bool take_picture(const char *name, const void *bytes, size_t size, EmbeddingFile *out, Error *e) {
    out->picture = out->marked = true;
    return embedding_picture_of(name, bytes, size, out, e) && check_numbers(name, out, e);
}

bool embedding_file_of(const char *name, const void *bytes, size_t size, EmbeddingFile *out, Error *e) {
    *out = (EmbeddingFile){0};
    if (e && e->code) return false;
    if (image_has_ending(name, "png")) return take_picture(name, bytes, size, out, e);
    return take_file(weight_file_open_memory(name, bytes, size, e), out, e);
}

bool embedding_file_read(const char *path, EmbeddingFile *out, Error *e) {
    *out = (EmbeddingFile){0};
    if (e && e->code) return false;
    if (!image_has_ending(path, "png")) return take_file(weight_file_open(path, e), out, e);
    FileBytes b = image_bytes(path, e);
    bool ok = b.bytes && take_picture(path, b.bytes, b.size, out, e);
    file_bytes_free(&b);
    return ok;
}
