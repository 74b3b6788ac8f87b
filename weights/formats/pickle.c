#include "pickle.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again"

enum {
    MOST_VALUES = 1 << 19,
    MOST_CELLS = 1 << 20,
    MOST_STACK = 1 << 18,
    MOST_MARKS = 1 << 10,
    MOST_MEMO = 1 << 19,
};

typedef struct {
    Pickle *p;
    const uint8_t *bytes;
    size_t size, at;
    size_t begun; /* where the opcode stands */
    PickleId *stack, *memo;
    size_t depth, stack_room, memo_room, memo_next;
    size_t marks[MOST_MARKS]; /* depths of the stack */
    size_t mark_count;
    bool ended;
    bool cut; /* there are more bytes than are read */
    Error *e;
} Machine;

/* --- memory --- */

static bool refuse(const Machine *m, const char *why) {
    return error_set(m->e, ERR_FORMAT, "%s: its pickle %s (byte %zu); " AGAIN, m->p->path, why, m->begun);
}

static bool too_much(const Machine *m, const char *what) {
    return error_set(m->e, ERR_FORMAT, "%s: its pickle has %s, more than any model's; use another copy", m->p->path,
                     what);
}

/* Room for `wanted` things; new ones are zero. */
static bool grow(const Machine *m, void *array, size_t *room, size_t wanted, size_t each, size_t most,
                 const char *what) {
    void *now, *more;
    if (wanted <= *room) return true;
    if (wanted > most) return too_much(m, what);
    size_t next = *room ? *room : 256;
    while (next < wanted) next *= 2;
    memcpy(&now, array, sizeof now);
    if (!(more = realloc(now, next * each)))
        return error_set(m->e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again",
                         m->p->path);
    memset((char *)more + *room * each, 0, (next - *room) * each);
    *room = next;
    memcpy(array, &more, sizeof more);
    return true;
}

static PickleId new_value(Machine *m, PickleType type) {
    Pickle *p = m->p;
    if (!grow(m, &p->values, &p->value_room, (size_t)p->value_count + 1, sizeof *p->values, MOST_VALUES,
              "over 500,000 values"))
        return 0;
    p->values[p->value_count] = (PickleValue){.type = type};
    return p->value_count++;
}

/* Appends to a tuple, list or dictionary. */
static bool add(Machine *m, PickleId to, PickleId key, PickleId value) {
    Pickle *p = m->p;
    if (!grow(m, &p->cells, &p->cell_room, (size_t)p->cell_count + 1, sizeof *p->cells, MOST_CELLS,
              "over a million items"))
        return false;
    uint32_t cell = p->cell_count++;
    PickleValue *v = &p->values[to];
    p->cells[cell] = (PickleCell){.key = key, .value = value};
    if (v->count++) p->cells[v->items.last].next = cell;
    else v->items.first = cell;
    v->items.last = cell;
    return true;
}

/* --- the stack --- */

static bool push(Machine *m, PickleId id) {
    if (!id || !grow(m, &m->stack, &m->stack_room, m->depth + 1, sizeof *m->stack, MOST_STACK, "a stack over 262,144"))
        return false;
    m->stack[m->depth++] = id;
    return true;
}

/* How much of the stack is above the last mark. */
static size_t above(const Machine *m) { return m->depth - (m->mark_count ? m->marks[m->mark_count - 1] : 0); }

/* The value on top, taken away; 0 with an error where there is none. */
static PickleId pop(Machine *m) {
    if (!above(m)) return refuse(m, "takes a value from an empty stack"), 0;
    return m->stack[--m->depth];
}

static PickleValue *top(const Machine *m) {
    if (!above(m)) return refuse(m, "changes a value that is not there"), NULL;
    return &m->p->values[m->stack[m->depth - 1]];
}

/* The first of the values above the last mark, which is taken away. */
static bool pop_mark(Machine *m, size_t *first) {
    if (!m->mark_count) return refuse(m, "has no mark where it needs one");
    *first = m->marks[--m->mark_count];
    return true;
}

static bool push_items(Machine *m, PickleType type, size_t first) {
    PickleId id = new_value(m, type);
    if (!id) return false;
    for (size_t i = first; i < m->depth; i++)
        if (!add(m, id, 0, m->stack[i])) return false;
    m->depth = first;
    return push(m, id);
}

/* Values above `first` as items or, in pairs, entries of what lies below. */
static bool put_in(Machine *m, size_t first, bool pairs) {
    bool half = pairs && (m->depth - first) % 2;
    size_t bottom = m->mark_count ? m->marks[m->mark_count - 1] : 0;
    if (first == bottom || half) return refuse(m, "fills a container that is not there");
    PickleId to = m->stack[first - 1];
    PickleType type = m->p->values[to].type;
    if (type != PICKLE_OBJECT && type != (pairs ? PICKLE_DICT : PICKLE_LIST))
        return refuse(m, "fills what is not a container");
    for (size_t i = first; type != PICKLE_OBJECT && i < m->depth; i += pairs ? 2 : 1)
        if (!add(m, to, pairs ? m->stack[i] : 0, m->stack[pairs ? i + 1 : i])) return false;
    m->depth = first;
    return true;
}

/* --- what the bytes hold --- */

static bool breaks_off(const Machine *m) { return m->cut ? too_much(m, "over 16 MiB") : refuse(m, "breaks off"); }

static bool take(Machine *m, size_t n, const uint8_t **out) {
    if (n > m->size - m->at) return breaks_off(m);
    *out = m->bytes + m->at;
    m->at += n;
    return true;
}

static bool take_number(Machine *m, int bytes, uint64_t *out) {
    const uint8_t *p = NULL;
    if (!take(m, (size_t)bytes, &p)) return false;
    *out = 0;
    for (int i = 0; i < bytes; i++) *out |= (uint64_t)p[i] << (8 * i);
    return true;
}

static bool take_line(Machine *m, const char **out, size_t *size) {
    const uint8_t *from = m->bytes + m->at, *end = memchr(from, '\n', m->size - m->at);
    if (!end) return breaks_off(m);
    *out = (const char *)from;
    *size = (size_t)(end - from);
    m->at += *size + 1;
    return true;
}

static bool push_number(Machine *m, PickleType type, int64_t x) {
    PickleId id = new_value(m, type);
    if (!id) return false;
    m->p->values[id].number = x;
    return push(m, id);
}

/* Text or bytes after a length of so many bytes. */
static bool push_bytes(Machine *m, PickleType type, int length) {
    uint64_t n = 0;
    const uint8_t *from = NULL;
    if (!take_number(m, length, &n)) return false;
    if (n > m->size - m->at) return breaks_off(m);
    PickleId id = take(m, (size_t)n, &from) ? new_value(m, type) : 0;
    if (!id) return false;
    m->p->values[id].count = (uint32_t)n; /* a pickle is shorter than 2^32 bytes */
    m->p->values[id].bytes = from;
    return push(m, id);
}

/* A whole number in two's complement; one of at most 64 bits becomes PICKLE_INT. */
static bool push_long(Machine *m, int length) {
    if (!push_bytes(m, PICKLE_BYTES, length)) return false;
    PickleValue *v = top(m);
    if (v->count > 8) return true;
    uint64_t x = v->count && v->bytes[v->count - 1] >> 7 ? UINT64_MAX : 0;
    for (uint32_t i = v->count; i-- > 0;) x = x << 8 | v->bytes[i];
    *v = (PickleValue){.type = PICKLE_INT, .number = (int64_t)x};
    return true;
}

static bool push_real(Machine *m) {
    const uint8_t *p = NULL;
    uint64_t bits = 0;
    if (!take(m, 8, &p)) return false;
    for (int i = 0; i < 8; i++) bits = bits << 8 | p[i];
    PickleId id = new_value(m, PICKLE_REAL);
    if (!id) return false;
    memcpy(&m->p->values[id].real, &bits, sizeof bits);
    return push(m, id);
}

/* --- names and calls --- */

static bool push_global(Machine *m, const char *module, size_t module_size, const char *name, size_t name_size) {
    const PickleGlobal *g = pickle_global(module, module_size, name, name_size);
    if (!g) {
        char shown[96];
        size_t n = 0;
        for (size_t i = 0; i < module_size + 1 + name_size && n < sizeof shown - 1; i++) {
            char c = i < module_size ? module[i] : i == module_size ? ' ' : name[i - module_size - 1];
            shown[n++] = c >= 32 && c < 127 ? c : '?';
        }
        shown[n] = 0;
        return error_set(m->e, ERR_FORMAT,
                         "%s: its pickle uses '%s', which is no part of weights and might run a program in Python; "
                         "nothing was run; get the model as safetensors",
                         m->p->path, shown);
    }
    PickleId id = new_value(m, PICKLE_GLOBAL);
    if (!id) return false;
    m->p->values[id].global = g;
    return push(m, id);
}

static bool push_global_of_stack(Machine *m) {
    PickleId name = pop(m), module = name ? pop(m) : 0;
    if (!module) return false;
    const PickleValue *n = pickle_value(m->p, name), *k = pickle_value(m->p, module);
    if (n->type != PICKLE_TEXT || k->type != PICKLE_TEXT) return refuse(m, "imports what is not a name");
    return push_global(m, (const char *)k->bytes, k->count, (const char *)n->bytes, n->count);
}

/* A dictionary of the pairs that a call gives. */
static bool push_dict(Machine *m, PickleId args) {
    PickleId id = new_value(m, PICKLE_DICT), list = pickle_item(m->p, args, 0);
    if (!id) return false;
    if (list && m->p->values[list].type == PICKLE_LIST)
        for (uint32_t c = m->p->values[list].items.first, n = m->p->values[list].count; n; n--) {
            PickleId pair = m->p->cells[c].value, key = pickle_item(m->p, pair, 0), value = pickle_item(m->p, pair, 1);
            if (!key || !value) return refuse(m, "makes a dictionary of what are no pairs");
            c = m->p->cells[c].next;
            if (!add(m, id, key, value)) return false;
        }
    return push(m, id);
}

/* Calls what lies below the arguments: in words only. */
static bool call(Machine *m) {
    PickleId args = pop(m), what = args ? pop(m) : 0;
    if (!what) return false;
    PickleValue f = *pickle_value(m->p, what);
    if (m->p->values[args].type != PICKLE_TUPLE) return refuse(m, "calls with what are no arguments");
    if (f.type != PICKLE_GLOBAL) return refuse(m, "calls what is no function");
    if (f.global->kind == GLOBAL_DICT) return push_dict(m, args);
    if (f.global->kind == GLOBAL_SIZE && m->p->values[args].count == 1) return push(m, pickle_item(m->p, args, 0));
    bool object = f.global->kind == GLOBAL_OBJECT;
    if (!object && f.global->kind < GLOBAL_TENSOR)
        return error_set(m->e, ERR_FORMAT, "%s: its pickle calls '%s %s', which no checkpoint does; " AGAIN, m->p->path,
                         f.global->module, f.global->name);
    PickleId id = new_value(m, object ? PICKLE_OBJECT : PICKLE_CALL);
    if (!id) return false;
    m->p->values[id].global = f.global;
    m->p->values[id].args = args;
    return push(m, id);
}

/* The state of an object, which does not matter, but for a ParameterDict's: it holds the entries
 * (torch/nn/modules/container.py). */
static bool build(Machine *m) {
    PickleId state = pop(m);
    PickleValue *v = state ? top(m) : NULL;
    if (!v) return false;
    PickleId entries = pickle_value(m->p, state)->type == PICKLE_DICT ? pickle_get(m->p, state, "_parameters") : 0;
    if (v->type == PICKLE_DICT && !v->count && entries && m->p->values[entries].type == PICKLE_DICT)
        v->items = m->p->values[entries].items, v->count = m->p->values[entries].count;
    return v->type == PICKLE_DICT || v->type == PICKLE_OBJECT || v->type == PICKLE_CALL ||
           refuse(m, "gives a state to what has none");
}

/* A reference to a storage; or, before torch 1.6, ("module", class, source file, source): the class. */
static bool push_persistent(Machine *m) {
    PickleId args = pop(m), kind = args ? pickle_item(m->p, args, 0) : 0, class = args ? pickle_item(m->p, args, 1) : 0;
    if (!args) return false;
    if (kind && class && pickle_is_text(pickle_value(m->p, kind), "module") &&
        pickle_value(m->p, class)->type == PICKLE_GLOBAL)
        return push(m, class);
    PickleId id = new_value(m, PICKLE_PERSISTENT);
    if (!id) return false;
    m->p->values[id].args = args;
    return push(m, id);
}

/* --- the memo --- */

static bool memorise(Machine *m, uint64_t at) {
    if (!top(m)) return false;
    if (at >= MOST_MEMO) return too_much(m, "a memo over 524,288");
    if (!grow(m, &m->memo, &m->memo_room, (size_t)at + 1, sizeof *m->memo, MOST_MEMO, "a memo over 524,288"))
        return false;
    m->memo[at] = m->stack[m->depth - 1];
    m->memo_next = m->memo_next > at ? m->memo_next : (size_t)at + 1;
    return true;
}

static bool memorise_at(Machine *m, int bytes) {
    uint64_t at = 0;
    return take_number(m, bytes, &at) && memorise(m, at);
}

static bool recall(Machine *m, int bytes) {
    uint64_t at = 0;
    if (!take_number(m, bytes, &at)) return false;
    if (at >= m->memo_room || !m->memo[at]) return refuse(m, "recalls what it never kept");
    return push(m, m->memo[at]);
}

/* --- opcodes --- */

static bool step_mark(Machine *m, uint8_t code) {
    size_t first = 0;
    if (code == '(') {
        if (m->mark_count == MOST_MARKS) return too_much(m, "over 1,024 open containers");
        m->marks[m->mark_count++] = m->depth;
        return true;
    }
    if (!pop_mark(m, &first)) return false;
    switch (code) {
    case 't': return push_items(m, PICKLE_TUPLE, first);
    case 'l': return push_items(m, PICKLE_LIST, first);
    case 0x91: /* FROZENSET */ m->depth = first; return push(m, new_value(m, PICKLE_OBJECT));
    case '1': m->depth = first; return true;
    case 'd': {
        size_t count = m->depth - first;
        PickleId id = new_value(m, PICKLE_DICT);
        if (!id || !push(m, id)) return false;
        memmove(m->stack + first + 1, m->stack + first, count * sizeof *m->stack);
        m->stack[first] = id;
        return put_in(m, first + 1, true);
    }
    case 'e':
    case 0x90: /* ADDITEMS */ return put_in(m, first, false);
    default: return put_in(m, first, true); /* 'u' */
    }
}

static bool step_data(Machine *m, uint8_t code) {
    uint64_t n = 0;
    switch (code) {
    case 'N': return push(m, new_value(m, PICKLE_NONE));
    case 0x88: return push_number(m, PICKLE_BOOL, 1);
    case 0x89: return push_number(m, PICKLE_BOOL, 0);
    case 'J': return take_number(m, 4, &n) && push_number(m, PICKLE_INT, (int32_t)(uint32_t)n);
    case 'K': return take_number(m, 1, &n) && push_number(m, PICKLE_INT, (int64_t)n);
    case 'M': return take_number(m, 2, &n) && push_number(m, PICKLE_INT, (int64_t)n);
    case 0x8a: return push_long(m, 1);
    case 0x8b: return push_long(m, 4);
    case 'G': return push_real(m);
    case 'X': return push_bytes(m, PICKLE_TEXT, 4);
    case 0x8c: return push_bytes(m, PICKLE_TEXT, 1);
    case 0x8d: return push_bytes(m, PICKLE_TEXT, 8);
    case 'U': return push_bytes(m, PICKLE_TEXT, 1); /* texts of Python 2 */
    case 'T': return push_bytes(m, PICKLE_TEXT, 4);
    case 'B': return push_bytes(m, PICKLE_BYTES, 4);
    case 'C': return push_bytes(m, PICKLE_BYTES, 1);
    case 0x8e:
    case 0x96: return push_bytes(m, PICKLE_BYTES, 8);
    case ']': return push(m, new_value(m, PICKLE_LIST));
    case '}': return push(m, new_value(m, PICKLE_DICT));
    case ')': return push(m, new_value(m, PICKLE_TUPLE));
    case 0x8f: /* EMPTY_SET */ return push(m, new_value(m, PICKLE_OBJECT));
    default: return refuse(m, "holds an opcode that no checkpoint has");
    }
}

static bool step(Machine *m, uint8_t code) {
    const char *module = NULL, *name = NULL;
    const uint8_t *skipped = NULL;
    size_t module_size = 0, name_size = 0;
    switch (code) {
    case 0x80: return take(m, 1, &skipped) && (*skipped <= 5 || refuse(m, "is of a protocol after 5"));
    case 0x95: return take(m, 8, &skipped); /* FRAME: how much to read at once */
    case '.': m->ended = true; return true;
    case '0': return pop(m) != 0;
    case '2': return top(m) && push(m, m->stack[m->depth - 1]);
    case '(':
    case 't':
    case 'l':
    case 'd':
    case 'e':
    case 'u':
    case '1':
    case 0x90:
    case 0x91: return step_mark(m, code);
    case 0x85:
    case 0x86:
    case 0x87:
        return above(m) < (size_t)code - 0x84 ? refuse(m, "takes a value from an empty stack")
                                              : push_items(m, PICKLE_TUPLE, m->depth - (code - 0x84u));
    case 'a': return above(m) ? put_in(m, m->depth - 1, false) : refuse(m, "fills a container that is not there");
    case 's': return above(m) > 1 ? put_in(m, m->depth - 2, true) : refuse(m, "fills a container that is not there");
    case 'c':
        return take_line(m, &module, &module_size) && take_line(m, &name, &name_size) &&
               push_global(m, module, module_size, name, name_size);
    case 0x93: return push_global_of_stack(m);
    case 'R':
    case 0x81: return call(m);
    case 0x92: return pop(m) && call(m); /* NEWOBJ_EX: named arguments on top */
    case 'b': return build(m);
    case 'Q': return push_persistent(m);
    case 'q': return memorise_at(m, 1);
    case 'r': return memorise_at(m, 4);
    case 0x94: return memorise(m, m->memo_next);
    case 'h': return recall(m, 1);
    case 'j': return recall(m, 4);
    default: return step_data(m, code);
    }
}

void pickle_begin(Pickle *p, const char *path) { *p = (Pickle){.path = path, .value_count = 1, .cell_count = 1}; }

void pickle_free(Pickle *p) {
    free(p->values);
    free(p->cells);
    *p = (Pickle){0};
}

bool pickle_read(Pickle *p, const uint8_t *bytes, size_t size, PickleId *root, size_t *used, Error *e) {
    Machine *m = calloc(1, sizeof *m);
    if (!m)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again", p->path);
    *m = (Machine){.p = p, .bytes = bytes, .size = size < PICKLE_MOST_BYTES ? size : PICKLE_MOST_BYTES, .e = e};
    m->cut = m->size < size;
    bool ok = true;
    while (ok && !m->ended) {
        m->begun = m->at;
        if (m->at == m->size) ok = breaks_off(m);
        else ok = step(m, m->bytes[m->at++]);
    }
    if (ok && (m->mark_count || m->depth != 1)) ok = refuse(m, "ends with other than one value");
    if (ok) *root = m->stack[0], *used = m->at;
    free(m->stack);
    free(m->memo);
    free(m);
    return ok;
}
