#include "state_dict.h"

#include <stdlib.h>
#include <string.h>

void state_free(StateDict *s) {
    for (size_t i = 0; i < s->count; i++) free(s->at[i].name);
    free(s->at);
    free(s->index);
    *s = (StateDict){0};
}

int64_t state_elements(const StateTensor *t) {
    int64_t count = 1;
    for (int i = 0; i < t->nd; i++) count *= t->n[i];
    return count;
}

static int by_name(const void *a, const void *b) {
    const StateTensor *x = *(const StateTensor *const *)a, *y = *(const StateTensor *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : x < y ? -1 : x > y;
}

bool state_index(StateDict *s, Error *e) {
    free(s->index);
    s->index = malloc((s->count + 1) * sizeof *s->index);
    if (!s->index) return error_set(e, ERR_MEMORY, "out of memory for a list of tensors");
    for (size_t i = 0; i < s->count; i++) s->index[i] = &s->at[i];
    qsort(s->index, s->count, sizeof *s->index, by_name);
    return true;
}

const StateTensor *state_find(const StateDict *s, const char *name) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->index[middle]->name, name) < 0) low = middle + 1;
        else high = middle;
    }
    return low < s->count && !strcmp(s->index[low]->name, name) ? s->index[low] : NULL;
}

void state_drop(const StateTensor *t) {
    for (int i = 0; i < t->count; i++) file_tensor_drop(t->pieces[i].from.file, t->pieces[i].from.tensor);
}

/* --- reading --- */

/* Elements [first, first + count) of a convolution's row in torch's order, [I,kh,kw], from the file's [kh,kw,I]. */
static void permute(char *out, const char *row, int64_t channels, int64_t taps, int64_t first, int64_t count,
                    size_t width) {
    for (int64_t k = 0; k < count; k++) {
        int64_t i = (first + k) / taps, t = (first + k) % taps;
        memcpy(out + (size_t)k * width, row + (size_t)(t * channels + i) * width, width);
    }
}

static bool read_rows(const StateTensor *t, const StatePiece *p, int64_t first, int64_t count, char *out, Error *e) {
    const FileTensor *f = p->from.tensor; /* [O,kh,kw,I] */
    int64_t taps = f->n[1] * f->n[2], each = taps * f->n[3];
    size_t width = dtype_bytes(t->type, 1);
    char *row = malloc((size_t)each * width);
    if (!row) return error_set(e, ERR_MEMORY, "%s: out of memory", p->from.file->path);
    bool ok = true;
    for (int64_t n; ok && count > 0; first += n, count -= n, out += (size_t)n * width) {
        n = each - first % each < count ? each - first % each : count;
        ok = file_tensor_read(p->from.file, f, first / each * each, each, t->type, row);
        permute(out, row, f->n[3], taps, first % each, n, width);
    }
    free(row);
    return ok;
}

static bool read_transposed(const StateTensor *t, const StatePiece *p, int64_t first, int64_t count, char *out) {
    const FileTensor *f = p->from.tensor; /* [A,B] */
    size_t width = dtype_bytes(t->type, 1);
    bool ok = true;
    for (int64_t k = first; ok && k < first + count; k++, out += width)
        ok = file_tensor_read(p->from.file, f, k % f->n[0] * f->n[1] + k / f->n[0], 1, t->type, out);
    return ok;
}

static bool read_piece(const StateTensor *t, const StatePiece *p, int64_t first, int64_t count, char *out, Error *e) {
    first += p->first;
    bool ok = p->channels_last ? read_rows(t, p, first, count, out, e)
              : p->transposed  ? read_transposed(t, p, first, count, out)
                               : file_tensor_read(p->from.file, p->from.tensor, first, count, t->type, out);
    return ok || error_set(e, ERR_FORMAT, "%s: %s is %s, which cannot be converted; use another model",
                           p->from.file->path, p->from.tensor->name, dtype_name(p->from.tensor->dtype));
}

bool state_read(const StateTensor *t, int64_t first, int64_t count, void *to, Error *e) {
    char *out = to;
    for (int i = 0; i < t->count && count > 0; i++) {
        const StatePiece *p = &t->pieces[i];
        int64_t n = p->count - first < count ? p->count - first : count;
        if (n > 0) {
            if (!read_piece(t, p, first, n, out, e)) return false;
            out += dtype_bytes(t->type, n), count -= n, first += n;
        }
        first -= p->count;
    }
    return true;
}
