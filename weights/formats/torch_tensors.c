/* torch_tensors.c: from a pickle's values to a list of tensors, each checked against the storage that it is a view of.
 */
#include "torch.h"

#include "formats.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again or save its weights anew"

enum {
    MOST_TENSORS = 1 << 16, /* models with an average and an optimiser have some thousands */
    MOST_STORAGES = 1 << 16,
    MOST_STRINGS = 1 << 23,
    MOST_VISITS = 1 << 20,
    MOST_NAME = 512,
    MOST_DEPTH = 4, /* of dictionaries in dictionaries */
};

static bool no_memory(const char *path, Error *e) {
    return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again", path);
}

/* --- storages --- */

static bool is_whole(const PickleValue *v, int64_t *out) {
    *out = v->number;
    return v->type == PICKLE_INT && v->number >= 0;
}

/* ("storage", type, key, device, elements[, (key, first, elements) or None]) */
static bool read_storage(const Pickle *p, PickleId args, TorchStorage *s) {
    const PickleValue *v[6] = {0};
    uint32_t count = p->values[args].type == PICKLE_TUPLE ? p->values[args].count : 0;
    if (count < 5 || count > 6) return false;
    for (uint32_t i = 0; i < count; i++) v[i] = pickle_value(p, pickle_item(p, args, i));
    if (!pickle_is_text(v[0], "storage") || v[1]->type != PICKLE_GLOBAL || v[2]->type != PICKLE_TEXT) return false;
    GlobalKind kind = v[1]->global->kind;
    *s = (TorchStorage){.key = (const char *)v[2]->bytes, .key_size = v[2]->count, .dtype = v[1]->global->dtype};
    s->untyped = kind == GLOBAL_BYTE_STORAGE;
    if ((kind != GLOBAL_STORAGE && !s->untyped) || !is_whole(v[4], &s->count)) return false;
    s->used = s->count;
    if (!v[5] || v[5]->type == PICKLE_NONE) return true;
    PickleId view = pickle_item(p, args, 5), first = pickle_item(p, view, 1), used = pickle_item(p, view, 2);
    return first && used && is_whole(pickle_value(p, first), &s->first) && is_whole(pickle_value(p, used), &s->used) &&
           s->first <= s->count && s->used <= s->count - s->first;
}

bool torch_storages(TorchStorages *s, Pickle *p, Error *e) {
    size_t count = 0;
    for (uint32_t i = 1; i < p->value_count; i++) count += p->values[i].type == PICKLE_PERSISTENT;
    if (count > MOST_STORAGES)
        return error_set(e, ERR_FORMAT, "%s: its pickle refers to more than %d storages; use another copy", p->path,
                         MOST_STORAGES);
    s->list = malloc((count + 1) * sizeof *s->list);
    if (!s->list) return no_memory(p->path, e);
    for (uint32_t i = 1; i < p->value_count; i++) {
        PickleValue *v = &p->values[i];
        if (v->type != PICKLE_PERSISTENT) continue;
        TorchStorage *to = &s->list[s->count];
        int64_t bytes;
        if (!read_storage(p, v->args, to) || !dtype_count(to->dtype, 1, &to->count, &bytes))
            return error_set(e, ERR_FORMAT, "%s: its pickle refers to what is no storage; " AGAIN, p->path);
        v->count = (uint32_t)s->count++;
    }
    return true;
}

/* --- tensors --- */

typedef struct {
    WeightFile *f;
    const Pickle *p;
    const TorchStorages *storages;
    Error *e;
    bool fill; /* the second pass */
    size_t tensors, strings, strides, visits;
    char name[MOST_NAME + 1];
} Walk;

static bool refuse(const Walk *w, const char *why) {
    return error_set(w->e, ERR_FORMAT, "%s: tensor \"%.*s\": %s; " AGAIN, w->f->path, (int)utf8_whole(w->name, 100),
                     w->name, why);
}

/* The arguments of the call that makes a tensor, if the value is one; else 0. */
static PickleId tensor_call(const Pickle *p, PickleId id, const PickleGlobal **how) {
    for (int i = 0; i < 4; i++) {
        const PickleValue *v = pickle_value(p, id);
        if (v->type != PICKLE_CALL) return 0;
        *how = v->global;
        if (v->global->kind == GLOBAL_PARAMETER) id = pickle_item(p, v->args, 0);
        else if (v->global->kind == GLOBAL_OF_TYPE) {
            PickleId function = pickle_item(p, v->args, 0), args = pickle_item(p, v->args, 2);
            if (!function || !args || p->values[function].type != PICKLE_GLOBAL) return 0;
            *how = p->values[function].global;
            return (*how)->kind >= GLOBAL_TENSOR && (*how)->kind <= GLOBAL_TENSOR_DTYPE ? args : 0;
        } else return v->args;
    }
    return 0;
}

/* A tuple of whole numbers; how many, or -1. */
static int read_sizes(const Pickle *p, PickleId id, int64_t out[FILE_MAX_DIMS]) {
    const PickleValue *v = pickle_value(p, id);
    if (!id || v->type != PICKLE_TUPLE || v->count > FILE_MAX_DIMS) return -1;
    for (uint32_t i = 0; i < v->count; i++)
        if (!is_whole(pickle_value(p, pickle_item(p, id, i)), &out[i])) return -1;
    return (int)v->count;
}

static bool is_dense(const FileTensor *t, const int64_t *strides) {
    int64_t dense = 1;
    for (int i = t->nd - 1; i >= 0; i--) {
        if (t->n[i] != 1 && strides[i] != dense) return false;
        dense *= t->n[i];
    }
    return true;
}

/* Fills all but the name and t->strides. */
static bool read_view(Walk *w, PickleId args, const PickleGlobal *how, FileTensor *t, int64_t strides[FILE_MAX_DIMS]) {
    const Pickle *p = w->p;
    PickleId storage = pickle_item(p, args, 0), offset = pickle_item(p, args, 1), type = pickle_item(p, args, 6);
    int64_t first, count;
    if (!storage || p->values[storage].type != PICKLE_PERSISTENT || !offset ||
        !is_whole(pickle_value(p, offset), &first))
        return refuse(w, "is no view of a storage");
    const TorchStorage *s = &w->storages->list[p->values[storage].count];
    t->dtype = s->dtype;
    if (how->kind == GLOBAL_TENSOR_DTYPE) {
        if (!type || p->values[type].type != PICKLE_GLOBAL || p->values[type].global->kind != GLOBAL_DTYPE)
            return refuse(w, "is of no known type");
        t->dtype = p->values[type].global->dtype;
    }
    int64_t room = s->untyped ? s->used / (int64_t)dtype_bytes(t->dtype, 1) : s->used;
    if (!s->placed) return refuse(w, "its storage is not in the file");
    if (!s->untyped && t->dtype != s->dtype) return refuse(w, "its type is not its storage's");
    t->nd = read_sizes(p, pickle_item(p, args, 2), t->n);
    if (t->nd < 0 || read_sizes(p, pickle_item(p, args, 3), strides) != t->nd)
        return refuse(w, "its shape and strides are not as many sizes, at most 8, whole and not negative");
    if (!dtype_count(t->dtype, t->nd, t->n, &count)) return refuse(w, "its shape overflows 64 bits");
    if (dtype_bytes(t->dtype, count) > w->f->size) return refuse(w, "it has more numbers than the file");
    int64_t last = first; /* the last element that it reaches */
    if (first > room || (count && first == room)) return refuse(w, "it reaches beyond its storage");
    for (int i = 0; count && i < t->nd; i++) {
        if (strides[i] && t->n[i] - 1 > (room - 1 - last) / strides[i])
            return refuse(w, "it reaches beyond its storage");
        last += (t->n[i] - 1) * strides[i];
    }
    t->begin = s->begin + dtype_bytes(s->dtype, s->first) + dtype_bytes(t->dtype, first);
    t->end = t->begin + (count ? dtype_bytes(t->dtype, last + 1 - first) : 0);
    return true;
}

static bool take_tensor(Walk *w, size_t name_size, PickleId args, const PickleGlobal *how) {
    FileTensor t = {0};
    int64_t strides[FILE_MAX_DIMS];
    if (!read_view(w, args, how, &t, strides)) return false;
    bool dense = is_dense(&t, strides) || !file_tensor_count(&t);
    if (w->fill) {
        char *name = memcpy(w->f->pool + w->strings, w->name, name_size + 1);
        t.name = name;
        if (!dense) t.strides = memcpy(w->f->strides + w->strides, strides, (size_t)t.nd * sizeof *strides);
        w->f->tensors[w->tensors] = t;
    }
    w->tensors++;
    w->strings += name_size + 1;
    w->strides += dense ? 0 : (size_t)t.nd;
    return (w->tensors <= MOST_TENSORS && w->strings <= MOST_STRINGS) ||
           error_set(w->e, ERR_FORMAT, "%s: more than %d tensors, or %d bytes of names; save the weights alone",
                     w->f->path, MOST_TENSORS, MOST_STRINGS);
}

/* Puts a key after the first `at` bytes of the name; the name's size, or 0. */
static size_t name_key(Walk *w, size_t at, const PickleValue *key) {
    char digits[24];
    const char *text = (const char *)key->bytes;
    size_t n = key->count;
    if (key->type == PICKLE_INT) {
        n = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)key->number);
        text = digits;
    } else if (key->type != PICKLE_TEXT) return refuse(w, "its key is neither a text nor a number"), 0;
    if (n > MOST_NAME - at || !n || memchr(text, 0, n) || !utf8_is_valid(text, n))
        return refuse(w, "its name is empty, too long, holds a NUL or is not UTF-8"), 0;
    memcpy(w->name + at, text, n);
    w->name[at + n] = 0;
    return at + n;
}

/* Depth is limited, so that this may be recursive. */
static bool walk(Walk *w, PickleId dict, size_t at, int depth) {
    const Pickle *p = w->p;
    uint32_t cell = p->values[dict].items.first;
    for (uint32_t i = 0; i < p->values[dict].count; i++, cell = p->cells[cell].next) {
        const PickleGlobal *how;
        const PickleCell *c = &p->cells[cell];
        PickleId args = tensor_call(p, c->value, &how);
        bool inner = p->values[c->value].type == PICKLE_DICT && depth < MOST_DEPTH;
        w->name[at] = 0;
        if (++w->visits > MOST_VISITS)
            return error_set(w->e, ERR_FORMAT, "%s: its dictionaries hold more than %d entries; save the weights alone",
                             w->f->path, MOST_VISITS);
        if (!args && !inner) continue; /* settings, counters */
        size_t size = name_key(w, at, &p->values[c->key]);
        if (!size) return false;
        if (args && !take_tensor(w, size, args, how)) return false;
        if (args || size == MOST_NAME) continue;
        w->name[size] = '.';
        if (!walk(w, c->value, size + 1, depth + 1)) return false;
    }
    return true;
}

/* Whether a dictionary holds a tensor itself. */
static bool has_tensor(const Pickle *p, PickleId dict) {
    uint32_t cell = p->values[dict].items.first;
    const PickleGlobal *how;
    for (uint32_t i = 0; i < p->values[dict].count; i++, cell = p->cells[cell].next)
        if (tensor_call(p, p->cells[cell].value, &how)) return true;
    return false;
}

/* Where the weights are: trainers put them under a key, beside their own state. */
static PickleId weights_of(const Pickle *p, PickleId root) {
    static const char *const KEYS[] = {"state_dict", "params_ema", "params", "model", "module"};
    for (int level = 0; level < 3; level++) {
        PickleId found = 0;
        for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS && !found; i++) {
            PickleId k = i && has_tensor(p, root) ? 0 : pickle_get(p, root, KEYS[i]);
            if (k && p->values[k].type == PICKLE_DICT) found = k;
        }
        if (!found) break;
        root = found;
    }
    return root;
}

/* What an embedding of the webui says of itself. */
static const char *const EMBEDDING_META[] = {"name", "step"};
enum { META = sizeof EMBEDDING_META / sizeof *EMBEDDING_META };

/* Puts number i of them at w->name; its size, or 0 where it is not said. */
static size_t embedding_meta(Walk *w, PickleId root, int i) {
    PickleId id = pickle_get(w->p, root, EMBEDDING_META[i]);
    const PickleValue *v = pickle_value(w->p, id);
    if (!id || !pickle_get(w->p, root, "string_to_param")) return 0;
    if (v->type == PICKLE_TEXT && (!v->count || v->count > MOST_NAME || memchr(v->bytes, 0, v->count) ||
                                   !utf8_is_valid((const char *)v->bytes, v->count)))
        return 0;
    return v->type == PICKLE_TEXT || v->type == PICKLE_INT ? name_key(w, 0, v) : 0;
}

static void take_meta(Walk *w, PickleId root) {
    for (int i = 0; i < META; i++) {
        size_t size = embedding_meta(w, root, i);
        if (!size) continue;
        if (w->fill)
            w->f->meta[w->f->meta_count++] =
                (FileMeta){EMBEDDING_META[i], memcpy(w->f->pool + w->strings, w->name, size + 1)};
        w->strings += size + 1;
    }
}

static int by_place(const void *a, const void *b) {
    const FileTensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

bool torch_tensors(WeightFile *f, const Pickle *p, PickleId root, const TorchStorages *s, Error *e) {
    Walk w = {.f = f, .p = p, .storages = s, .e = e};
    if (p->values[root].type != PICKLE_DICT)
        return error_set(e, ERR_FORMAT,
                         "%s: its pickle is not a dictionary of tensors but something that needs its program; save its "
                         "state_dict",
                         f->path);
    PickleId whole = root;
    root = weights_of(p, root);
    if (!walk(&w, root, 0, 0)) return false;
    take_meta(&w, whole);
    f->tensors = calloc(w.tensors + 1, sizeof *f->tensors);
    f->index = malloc((w.tensors + 1) * sizeof *f->index);
    f->pool = malloc(w.strings + 1);
    f->strides = malloc((w.strides + 1) * sizeof *f->strides);
    f->meta = malloc(META * sizeof *f->meta);
    if (!f->tensors || !f->index || !f->pool || !f->strides || !f->meta) return no_memory(f->path, e);
    w = (Walk){.f = f, .p = p, .storages = s, .e = e, .fill = true};
    if (!walk(&w, root, 0, 0)) return false;
    take_meta(&w, whole);
    f->count = w.tensors;
    qsort(f->tensors, f->count, sizeof *f->tensors, by_place);
    const char *twice = weight_file_index(f);
    return !twice || error_set(e, ERR_FORMAT, "%s: tensor \"%.*s\": occurs twice; " AGAIN, f->path,
                               (int)utf8_whole(twice, 100), twice);
}
