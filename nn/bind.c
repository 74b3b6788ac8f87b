/* In sd/guide/plain.c: find(). */
#include "bind.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weight_list_free(WeightList *l) {
    for (int64_t i = 0; i < l->count; i++) free(l->names[i]);
    free(l->names);
    free(l->w);
    *l = (WeightList){0};
}

size_t bind_enter(WeightList *l, const char *format, ...) {
    size_t mark = strlen(l->path);
    va_list args;
    va_start(args, format);
    vsnprintf(l->path + mark, sizeof l->path - mark, format, args);
    va_end(args);
    return mark;
}

void bind_leave(WeightList *l, size_t mark) { l->path[mark] = 0; }

static bool grow(WeightList *l) {
    int64_t capacity = l->capacity ? 2 * l->capacity : 256;
    Weight **w = realloc(l->w, (size_t)capacity * sizeof *w);
    if (w) l->w = w;
    char **names = w ? realloc(l->names, (size_t)capacity * sizeof *names) : NULL;
    if (names) l->names = names;
    if (!names) return error_set(l->err, ERR_MEMORY, "out of memory for the list of weights");
    l->capacity = capacity;
    return true;
}

void bind_weight(WeightList *l, Weight *w, WeightKind kind, const char *name, int nd, const int64_t *n) {
    size_t a = strlen(l->path), b = strlen(name);
    char *full = malloc(a + b + 1);
    if (!full || (l->count == l->capacity && !grow(l))) {
        error_set(l->err, ERR_MEMORY, "out of memory for the list of weights");
        free(full);
        return;
    }
    memcpy(full, l->path, a);
    memcpy(full + a, name, b + 1);
    *w = (Weight){.name = full, .kind = kind, .keep_f32 = l->keep_f32, .t = tensor_view(NULL, F32, nd, n)};
    l->names[l->count] = full;
    l->w[l->count++] = w;
}
