/* pickle.h: the data of a Python pickle, of which nothing is ever run (CPython's Lib/pickletools.py has the opcodes).
 *
 * A pickle is a program for a small stack machine. Here it makes values: numbers, texts, tuples, lists, dictionaries.
 * What it would import and call must stand in a list (pickle_globals.c), whose rows say what a call means: a tensor
 * stays a call with its arguments, anything that is not about weights an object of which nothing is known. A name that
 * is in no row is refused. Stack, memo, marks and values are limited, and nothing is recursive. */
#ifndef SD_WEIGHTS_FORMATS_PICKLE_H
#define SD_WEIGHTS_FORMATS_PICKLE_H

#include "tensor/error.h"
#include "tensor/tensor.h"

typedef enum {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_REAL,
    PICKLE_TEXT,  /* count bytes at `bytes`, in the pickle */
    PICKLE_BYTES, /* likewise; also whole numbers beyond 64 bits, little-endian */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,     /* a name that was imported */
    PICKLE_PERSISTENT, /* a reference to what is stored outside: `args` */
    PICKLE_CALL,       /* `global` called with the tuple `args` */
    PICKLE_OBJECT      /* something that is not about weights */
} PickleType;

typedef enum {
    GLOBAL_OBJECT, /* makes an object that does not matter */
    GLOBAL_DICT,
    GLOBAL_SIZE,         /* of a tuple: the tuple */
    GLOBAL_STORAGE,      /* a type of storages, which holds `dtype` */
    GLOBAL_BYTE_STORAGE, /* one whose type the tensor says */
    GLOBAL_DTYPE,        /* torch.float16 */
    GLOBAL_TENSOR,       /* storage, offset, size, stride, ... */
    GLOBAL_TENSOR_DTYPE, /* storage, offset, size, stride, requires_grad, hooks, dtype, ... */
    GLOBAL_PARAMETER,    /* tensor, ... */
    GLOBAL_OF_TYPE       /* function, type, its arguments, state */
} GlobalKind;

typedef struct {
    const char *module, *name; /* name NULL: all of that module; a module that ends in '.': and of those in it */
    GlobalKind kind;
    DType dtype;
} PickleGlobal;

/* The row of a name; NULL: none. */
const PickleGlobal *pickle_global(const char *module, size_t module_size, const char *name, size_t name_size);

typedef uint32_t PickleId; /* of a value; 0 is none */

typedef struct {
    PickleType type;
    uint32_t count; /* items, entries, bytes */
    union {
        int64_t number;
        double real;
        const uint8_t *bytes;
        const PickleGlobal *global;
        struct {
            uint32_t first, last; /* cells */
        } items;
    };
    PickleId args;
} PickleValue;

typedef struct {
    PickleId key, value; /* key 0: an item */
    uint32_t next;       /* 0: the last */
} PickleCell;

typedef struct {
    const char *path; /* for messages */
    PickleValue *values;
    PickleCell *cells;
    uint32_t value_count, cell_count;
    size_t value_room, cell_room;
} Pickle;

enum { PICKLE_MOST_BYTES = 16 << 20 }; /* of one pickle; a model's has about 200 bytes a tensor */

void pickle_begin(Pickle *p, const char *path);
void pickle_free(Pickle *p);
/* Reads the pickle at bytes[0..size), which must outlive p; its value is *root, its length *used. Values of earlier
 * ones stay. False with a line in e. */
bool pickle_read(Pickle *p, const uint8_t *bytes, size_t size, PickleId *root, size_t *used, Error *e);

static inline const PickleValue *pickle_value(const Pickle *p, PickleId id) { return &p->values[id]; }
/* Item i of a tuple or list; 0 past the last. Linear. */
PickleId pickle_item(const Pickle *p, PickleId id, uint32_t i);
/* The value of a text key of a dictionary, the last one of that key; 0: none. */
PickleId pickle_get(const Pickle *p, PickleId id, const char *key);
bool pickle_is_text(const PickleValue *v, const char *text);

#endif
