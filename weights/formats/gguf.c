/* gguf.c: the header is read twice, once to check and count and once to fill, as safetensors' is. */
#include "gguf.h"
#include "file_meta.h"
#include "formats.h"
#include "other_names.h"
#include "weights/files/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN "download it again"

enum {
    MOST_HEADER = 32 << 20, /* a language model's, with its vocabulary, has 8 MB */
    MOST_TENSORS = 1 << 16,
    MOST_META = 1 << 12,
    MOST_STRINGS = 1 << 23,
    MOST_NAME = 512,
};

/* Types of values. */
enum { U8_, I8_, U16_, I16_, U32_, I32_, F32_, BOOL_, STRING_, ARRAY_, U64_, I64_, F64_, VALUE_TYPES };
static const uint8_t VALUE_BYTES[VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* Types of tensors: the number, ours (-1: not read), its name in ggml. */
static const struct {
    int number, dtype;
    const char *name;
} TYPES[] = {
    {0, F32, ""},        {1, F16, ""},       {2, Q4_0, ""},       {3, Q4_1, ""},     {6, Q5_0, ""},
    {7, Q5_1, ""},       {8, Q8_0, ""},      {10, Q2_K, ""},      {11, Q3_K, ""},    {12, Q4_K, ""},
    {13, Q5_K, ""},      {14, Q6_K, ""},     {24, I8, ""},        {25, I16, ""},     {26, I32, ""},
    {27, I64, ""},       {28, F64, ""},      {30, BF16, ""},      {9, -1, "Q8_1"},   {15, -1, "Q8_K"},
    {16, -1, "IQ2_XXS"}, {17, -1, "IQ2_XS"}, {18, -1, "IQ3_XXS"}, {19, -1, "IQ1_S"}, {20, -1, "IQ4_NL"},
    {21, -1, "IQ3_S"},   {22, -1, "IQ2_S"},  {23, -1, "IQ4_XS"},  {29, -1, "IQ1_M"}, {34, -1, "TQ1_0"},
    {35, -1, "TQ2_0"},   {39, -1, "MXFP4"},
};

int gguf_type(DType t) {
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (TYPES[i].dtype == (int)t) return TYPES[i].number;
    return -1;
}

typedef struct {
    WeightFile *f;
    Error *e;
    size_t at, end; /* of the header: what was read; where to stop */
    uint64_t version, tensors, pairs, alignment;
    bool fill;
    size_t meta, strings;
    size_t meta_room, strings_room; /* what the first pass has counted */
} Header;

typedef struct {
    const char *p;
    size_t size;
} Text;

static bool refuse(const Header *h, const char *why) {
    return error_set(h->e, ERR_FORMAT, "%s: GGUF: %s; " AGAIN, h->f->path, why);
}

static bool refuse_tensor(const Header *h, Text name, const char *why) {
    size_t n = name.size < 100 ? name.size : utf8_whole(name.p, 100);
    return error_set(h->e, ERR_FORMAT, "%s: tensor \"%.*s\": %s; " AGAIN, h->f->path, (int)n, name.p, why);
}

static bool skip(Header *h, uint64_t n) {
    if (n <= h->end - h->at) return h->at += (size_t)n, true;
    return h->end < h->f->size
               ? error_set(h->e, ERR_FORMAT, "%s: GGUF: its header is over 32 MiB; use another file", h->f->path)
               : refuse(h, "truncated: it ends inside its header");
}

static bool take(Header *h, int bytes, uint64_t *out) {
    const uint8_t *p = h->f->map + h->at;
    *out = 0;
    if (!skip(h, (uint64_t)bytes)) return false;
    for (int i = 0; i < bytes; i++) *out |= (uint64_t)p[i] << (8 * i);
    return true;
}

static bool take_text(Header *h, Text *out) {
    uint64_t n = 0;
    if (!take(h, 8, &n)) return false;
    *out = (Text){(const char *)h->f->map + h->at, (size_t)n};
    return skip(h, n);
}

/* The second pass may meet more than the first has counted where another program writes to the file. */
static bool changed(const Header *h) {
    return error_set(h->e, ERR_FILE, "%s: was changed while it was read; try again", h->f->path);
}

/* A copy in the pool, if this is the second pass. */
static bool keep(Header *h, Text t, const char **out) {
    char *to = h->fill ? h->f->pool + h->strings : NULL;
    if (to && t.size >= h->strings_room - h->strings) return changed(h);
    h->strings += t.size + 1;
    if (!to) return true;
    memcpy(to, t.p, t.size);
    to[t.size] = 0;
    *out = to;
    return true;
}

static bool is_string(Text t) { return !memchr(t.p, 0, t.size) && utf8_is_valid(t.p, t.size); }

static bool is(Text t, const char *text) { return t.size == strlen(text) && !memcmp(t.p, text, t.size); }

static bool skip_array(Header *h) {
    uint64_t type = 0, count = 0;
    Text text;
    if (!take(h, 4, &type) || !take(h, 8, &count)) return false;
    if (type >= VALUE_TYPES || type == ARRAY_) return refuse(h, "an array of what is no value");
    if (type != STRING_)
        return count > h->f->size ? refuse(h, "an array longer than the file") : skip(h, count * VALUE_BYTES[type]);
    while (count--)
        if (!take_text(h, &text)) return false;
    return true;
}

static bool keep_pair(Header *h, Text key, Text value) {
    FileMeta kept = {NULL, NULL};
    if (h->fill && h->meta == h->meta_room) return changed(h);
    if (!keep(h, key, &kept.key) || !keep(h, value, &kept.value)) return false;
    if (h->fill) h->f->meta[h->meta] = kept;
    h->meta++;
    return true;
}

/* A shape, as "320,4,3,3"; other arrays are for other programs. */
static bool read_array(Header *h, Text key) {
    uint64_t type = 0, count = 0, size = 0;
    size_t start = h->at, n = 0;
    char text[FILE_MAX_DIMS * 24];
    bool shape = is_string(key) && key.size > strlen(SHAPE_KEY) && !memcmp(key.p, SHAPE_KEY, strlen(SHAPE_KEY));
    if (!take(h, 4, &type) || !take(h, 8, &count)) return false;
    int bytes = type < VALUE_TYPES ? VALUE_BYTES[type] : 0;
    if (!shape || count > FILE_MAX_DIMS || bytes < 4) return h->at = start, skip_array(h);
    for (uint64_t i = 0; i < count; i++) {
        if (!take(h, bytes, &size)) return false;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu", i ? "," : "", (unsigned long long)size);
    }
    return keep_pair(h, key, (Text){text, n});
}

static bool read_pair(Header *h) {
    Text key, text;
    uint64_t type = 0, value = 0;
    if (!take_text(h, &key) || !take(h, 4, &type)) return false;
    if (type >= VALUE_TYPES) return refuse(h, "a value of no known type");
    if (type == ARRAY_) return read_array(h, key);
    if (type != STRING_) {
        if (!take(h, VALUE_BYTES[type], &value)) return false;
        if (!is(key, "general.alignment")) return true;
        h->alignment = value;
        bool power = value && !(value & (value - 1));
        return (type == U32_ && power && value <= 1 << 16) || refuse(h, "its alignment is no power of two up to 65536");
    }
    if (!take_text(h, &text)) return false;
    if (!is_string(key) || !is_string(text)) return true; /* for other programs */
    return keep_pair(h, key, text);
}

static bool read_type(const Header *h, Text name, uint64_t number, DType *out) {
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if ((uint64_t)TYPES[i].number != number) continue;
        if (TYPES[i].dtype >= 0) return *out = (DType)TYPES[i].dtype, true;
        return error_set(h->e, ERR_FORMAT,
                         "%s: tensor \"%.*s\": its type is %s, which is not read; use F16, Q8_0 or another of Q4_0 to "
                         "Q6_K",
                         h->f->path, (int)(name.size < 100 ? name.size : utf8_whole(name.p, 100)), name.p,
                         TYPES[i].name);
    }
    return refuse_tensor(h, name, "its type is none of GGUF's");
}

/* Offsets are checked once it is known where the data begin. */
static bool read_tensor(Header *h, FileTensor *t) {
    Text name;
    uint64_t dimensions = 0, size = 0, type = 0;
    int64_t count;
    if (!take_text(h, &name)) return false;
    if (!name.size || name.size > MOST_NAME || !is_string(name))
        return refuse(h, "a tensor's name is empty, too long, holds a NUL or is not UTF-8");
    if (!take(h, 4, &dimensions)) return false;
    if (dimensions > FILE_MAX_DIMS) return refuse_tensor(h, name, "it has more than 8 dimensions");
    t->nd = (int)dimensions;
    for (int i = t->nd - 1; i >= 0; i--) {
        if (!take(h, 8, &size)) return false;
        if (size > INT64_MAX) return refuse_tensor(h, name, "its shape overflows 64 bits");
        t->n[i] = (int64_t)size;
    }
    if (!take(h, 4, &type) || !read_type(h, name, type, &t->dtype) || !take(h, 8, &t->begin)) return false;
    if (!dtype_count(t->dtype, t->nd, t->n, &count)) return refuse_tensor(h, name, "its shape overflows 64 bits");
    int64_t row = t->nd ? t->n[t->nd - 1] : 1;
    if (row % dtype_block(t->dtype)) return refuse_tensor(h, name, "its rows are not whole blocks");
    uint64_t bytes = dtype_bytes(t->dtype, count);
    if (t->begin % h->alignment) return refuse_tensor(h, name, "its data are not aligned");
    if (t->begin > h->f->size || bytes > h->f->size - t->begin)
        return refuse_tensor(h, name, "truncated: its data reach beyond the file");
    t->end = t->begin + bytes;
    return keep(h, name, &t->name);
}

/* One pass over the header. */
static bool read_header(Header *h) {
    h->at = 24;
    h->alignment = 32;
    h->meta = h->strings = 0;
    for (uint64_t i = 0; i < h->pairs; i++)
        if (!read_pair(h)) return false;
    for (uint64_t i = 0; i < h->tensors; i++) {
        FileTensor t = {0};
        if (!read_tensor(h, &t)) return false;
        if (h->fill) h->f->tensors[i] = t;
    }
    return (h->meta <= MOST_META && h->strings <= MOST_STRINGS) ||
           error_set(h->e, ERR_FORMAT, "%s: GGUF: more than %d texts, or %d bytes of them; use another file",
                     h->f->path, MOST_META, MOST_STRINGS);
}

static int by_place(const void *a, const void *b) {
    const FileTensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static bool check_places(const Header *h) {
    uint64_t at = 0, size = h->f->size - h->f->data;
    for (size_t i = 0; i < h->f->count; i++) {
        const FileTensor *t = &h->f->tensors[i];
        Text name = {t->name, strlen(t->name)};
        if (t->begin < at) return refuse_tensor(h, name, "its data overlap another tensor's");
        if (t->end > size) return refuse_tensor(h, name, "truncated: its data reach beyond the file");
        at = t->end;
    }
    return true;
}

bool gguf_read(WeightFile *f, Error *e) {
    Header h = {.f = f, .e = e, .at = 4, .end = f->size < MOST_HEADER ? f->size : MOST_HEADER};
    if (!take(&h, 4, &h.version)) return false;
    if (h.version != 2 && h.version != 3)
        return error_set(e, ERR_FORMAT, "%s: GGUF version %llu%s; versions 2 and 3 are read", f->path,
                         (unsigned long long)h.version, h.version > 1 << 16 ? ", or big-endian" : "");
    f->format = h.version == 2 ? "GGUF v2" : "GGUF v3";
    if (!take(&h, 8, &h.tensors) || !take(&h, 8, &h.pairs)) return false;
    if (h.tensors > MOST_TENSORS || h.tensors * 24 > f->size || h.pairs > f->size / 13)
        return refuse(&h, "it claims more tensors or pairs than it has room for, or than 65536");
    if (!read_header(&h)) return false;
    f->tensors = calloc((size_t)h.tensors + 1, sizeof *f->tensors);
    f->index = malloc(((size_t)h.tensors + 1) * sizeof *f->index);
    f->meta = malloc((h.meta + 1) * sizeof *f->meta);
    f->pool = malloc(h.strings + 1);
    if (!f->tensors || !f->index || !f->meta || !f->pool)
        return error_set(e, ERR_MEMORY, "%s: cannot allocate memory for its list; free some and try again", f->path);
    h.fill = true;
    h.meta_room = h.meta;
    h.strings_room = h.strings;
    if (!read_header(&h)) return false;
    f->count = (size_t)h.tensors;
    f->meta_count = h.meta;
    f->data = (h.at + (size_t)h.alignment - 1) / (size_t)h.alignment * (size_t)h.alignment;
    if (f->data > f->size) {
        if (f->count) return refuse(&h, "truncated: it ends before its data");
        f->data = f->size;
    }
    qsort(f->tensors, f->count, sizeof *f->tensors, by_place);
    const char *twice = weight_file_index(f);
    if (twice) return refuse_tensor(&h, (Text){twice, strlen(twice)}, "occurs twice");
    return file_meta_check(f, "its metadata", e) && check_places(&h);
}
