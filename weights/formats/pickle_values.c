/* pickle_values.c: looking into the values of a pickle. */
#include "pickle.h"

#include <string.h>

PickleId pickle_item(const Pickle *p, PickleId id, uint32_t i) {
    const PickleValue *v = &p->values[id];
    if ((v->type != PICKLE_TUPLE && v->type != PICKLE_LIST) || i >= v->count) return 0;
    uint32_t cell = v->items.first;
    while (i--) cell = p->cells[cell].next;
    return p->cells[cell].value;
}

bool pickle_is_text(const PickleValue *v, const char *text) {
    size_t n = strlen(text);
    return v->type == PICKLE_TEXT && v->count == n && !memcmp(v->bytes, text, n);
}

PickleId pickle_get(const Pickle *p, PickleId id, const char *key) {
    const PickleValue *v = &p->values[id];
    PickleId found = 0;
    uint32_t cell = v->items.first;
    for (uint32_t i = 0; v->type == PICKLE_DICT && i < v->count; i++, cell = p->cells[cell].next)
        if (p->cells[cell].key && pickle_is_text(&p->values[p->cells[cell].key], key)) found = p->cells[cell].value;
    return found;
}
