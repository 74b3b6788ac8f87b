/* files_torch.c: PyTorch's files: the same numbers from each way of saving them; pickles and archives that attack. */
#include "files.h"
#include "made_torch.h"
#include "tests/harness/test.h"
#include "weights/formats.h"

#include <stdlib.h>
#include <string.h>

static WeightFile *open_tight(const char *bytes, size_t size, char **copy, Error *e) {
    *copy = malloc(size ? size : 1); /* of the exact size: AddressSanitizer watches */
    if (!*copy) abort();
    memcpy(*copy, bytes, size);
    return weight_file_open_memory("FILE", *copy, size, e);
}

/* --- the same numbers --- */

static bool same_numbers(const WeightFile *f, const WeightFile *g) {
    bool ok = f->count == g->count;
    for (size_t i = 0; ok && i < f->count; i++) {
        const FileTensor *t = &f->tensors[i], *u = weight_file_find(g, t->name);
        int64_t n = file_tensor_count(t);
        double a[64], b[64];
        ok = u && u->dtype == t->dtype && u->nd == t->nd && !memcmp(u->n, t->n, sizeof t->n) && n <= 64 &&
             file_tensor_f64(f, t, 0, n, a) && file_tensor_f64(g, u, 0, n, b) && !memcmp(a, b, (size_t)n * sizeof *a);
    }
    return ok;
}

static void same(const WeightFile *f) {
    for (int how = 0; how < 8; how++) {
        size_t size;
        char *bytes = made_torch(f, how, &size), *copy;
        Error e = {0};
        WeightFile *g = open_tight(bytes, size, &copy, &e);
        bool ok = g && !strcmp(g->format, how & MADE_OLD ? "PyTorch before 1.6" : "PyTorch zip");
        test_check(ok && same_numbers(f, g), "PyTorch's file, way %d", how);
        test_note("%s", e.text);
        const FileTensor *a = ok ? weight_file_find(g, "a") : NULL;
        float two[2];
        test_check(a && file_tensor_is_plain(a) == !(how & MADE_TURNED) && file_tensor_read(g, a, 2, 2, F32, two) &&
                       two[0] == 2 && two[1] == 3,
                   "PyTorch's file, way %d: a piece of a matrix", how);
        weight_file_close(g);
        free(copy);
        free(bytes);
    }
}

/* Every cut is refused; every changed bit is refused, or leaves a list within the file. */
static void broken(const WeightFile *f, int how) {
    size_t size, kept = 0;
    char *bytes = made_torch(f, how | MADE_NESTED, &size), *copy;
    for (size_t n = 0; n < size; n++) {
        Error e = {0};
        WeightFile *g = open_tight(bytes, n, &copy, &e);
        if (g || e.code != ERR_FORMAT || !strchr(e.text, ';')) test_check(false, "way %d, cut to %zu", how, n);
        weight_file_close(g);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        Error e = {0};
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        WeightFile *g = open_tight(bytes, size, &copy, &e);
        bool ok = g ? !e.code : e.code == ERR_FORMAT;
        for (size_t i = 0; g && i < g->count; i++) {
            const FileTensor *t = &g->tensors[i];
            double x;
            ok = ok && t->begin <= t->end && t->end <= size;
            for (int64_t k = 0; ok && k < file_tensor_count(t); k++) file_tensor_f64(g, t, k, 1, &x);
        }
        if (!ok) test_check(false, "way %d, bit %zu: %s", how, bit, e.text);
        kept += g != NULL;
        weight_file_close(g);
        free(copy);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    test_check(kept > 0 && kept < 8 * size, "way %d: %zu of %zu changed bits are noticed", how, 8 * size - kept,
               8 * size);
    free(bytes);
}

/* --- pickles that attack --- */

#define T(text) text, sizeof(text) - 1
#define STORAGE(type, key, count) "(X\7\0\0\0storagectorch\n" type "Storage\nX\1\0\0\0" key "X\3\0\0\0cpu" count "tQ"
#define REBUILD(storage, offset, size, stride)                                                                         \
    "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset size stride "\x89}tR"
#define ALONE(tensor) "\x80\2}X\1\0\0\0w" tensor "s."
#define FLOATS STORAGE("Float", "0", "K\4")
#define HUGE_ "\x8a\x08\0\0\0\0\0\0\0\x10"

static const struct {
    const char *name, *words; /* NULL: opens */
    const char *bytes;
    size_t size;
} PICKLES[] = {
    {"tensor", NULL, T(ALONE(REBUILD(FLOATS, "K\0", "K\4\x85", "K\1\x85")))},
    {"expanded", NULL, T(ALONE(REBUILD(FLOATS, "K\3", "K\5\x85", "K\0\x85")))},
    {"parameter", NULL,
     T(ALONE("ctorch._utils\n_rebuild_parameter\n(" REBUILD(FLOATS, "K\0", "K\4\x85", "K\1\x85") "\x88}tR"))},
    {"calls-system", "posix system|nothing was run", T("\x80\2}X\1\0\0\0xcposix\nsystem\nX\4\0\0\0echo\x85Rs.")},
    {"calls-eval", "builtins eval",
     T("\x80\4}\x8c\1x\x8c\x08"
       "builtins\x8c\4eval\x93\x8c\1"
       "1\x85Rs.")},
    {"calls-getattr", "__builtin__ getattr", T("\x80\2c__builtin__\ngetattr\n.")},
    {"calls-load", "torch.storage _load_from_bytes", T("\x80\2ctorch.storage\n_load_from_bytes\n.")},
    {"like-an-allowed-name", "torch.optimizer x", T("\x80\2ctorch.optimizer\nx\n.")},
    {"calls-a-storage", "calls 'torch FloatStorage'", T("\x80\2}X\1\0\0\0wctorch\nFloatStorage\n)Rs.")},
    {"calls-a-text", "calls what is no function", T("\x80\2X\1\0\0\0x)R.")},
    {"odd-bytes-in-a-name", "'o?s a'", T("\x80\2co\x1bs\na\n.")},
    {"breaks-off", "breaks off", T("\x80\2}X\xff\xff\xff\xffw")},
    {"no-end", "breaks off", T("\x80\2}")},
    {"long-text", "breaks off", T("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xffw.")},
    {"not-a-pickle", "opcode that no", T("\xff")},
    {"protocol-9", "protocol after 5", T("\x80\x09}.")},
    {"empty-stack", "ends with other than one value", T("\x80\2.")},
    {"two-values", "ends with other than one value", T("\x80\2}}.")},
    {"pops-too-much", "empty stack",
     T("\x80\2"
       "00.")},
    {"no-mark", "no mark", T("\x80\2}u.")},
    {"fills-nothing", "container", T("\x80\2(u.")},
    {"half-an-entry", "container", T("\x80\2}(K\1u.")},
    {"fills-a-number", "not a container", T("\x80\2K\1(K\1K\2u.")},
    {"below-a-mark", "container", T("\x80\2}(K\1K\2s.")},
    {"memo-never-kept", "recalls", T("\x80\2h\5.")},
    {"memo-too-far", "memo over", T("\x80\2}r\xff\xff\xff\x7f.")},
    {"state-of-a-number", "gives a state", T("\x80\2K\1}b.")},
    {"holds-itself", NULL, T("\x80\2}q\0X\1\0\0\0xh\0s.")},
    {"a-list-that-holds-itself", "not a dictionary", T("\x80\2]q\0h\0a.")},
    {"not-a-dictionary", "not a dictionary|state_dict", T("\x80\2K\1.")},
    {"no-such-storage", "storage is not in the file",
     T(ALONE(REBUILD(STORAGE("Float", "9", "K\4"), "K\0", "K\4\x85", "K\1\x85")))},
    {"storage-of-another-size", "16 bytes where its pickle says 32",
     T(ALONE(REBUILD(STORAGE("Float", "0", "K\x08"), "K\0", "K\4\x85", "K\1\x85")))},
    {"storage-of-2^60", "no storage", T(ALONE(REBUILD(STORAGE("Float", "0", HUGE_), "K\0", "K\4\x85", "K\1\x85")))},
    {"negative-storage", "no storage",
     T(ALONE(REBUILD(STORAGE("Float", "0", "J\xff\xff\xff\xff"), "K\0", "K\4\x85", "K\1\x85")))},
    {"persistent-number", "no storage", T("\x80\2}X\1\0\0\0wK\1Qs.")},
    {"shape-of-2^60", "overflows 64 bits", T(ALONE(REBUILD(FLOATS, "K\0", HUGE_ "\x85", "K\0\x85")))},
    {"shape-beyond-the-file", "more numbers than the file",
     T(ALONE(REBUILD(FLOATS, "K\0", "M\xff\xff\x85", "K\0\x85")))},
    {"shape-overflow", "overflows 64 bits", T(ALONE(REBUILD(FLOATS, "K\0", HUGE_ HUGE_ "\x86", "K\0K\0\x86")))},
    {"beyond-its-storage", "beyond its storage", T(ALONE(REBUILD(FLOATS, "K\1", "K\4\x85", "K\1\x85")))},
    {"stride-beyond", "beyond its storage", T(ALONE(REBUILD(FLOATS, "K\0", "K\2\x85", "K\4\x85")))},
    {"stride-of-2^60", "beyond its storage", T(ALONE(REBUILD(FLOATS, "K\0", "K\4\x85", HUGE_ "\x85")))},
    {"offset-of-2^60", "beyond its storage", T(ALONE(REBUILD(FLOATS, HUGE_, "K\1\x85", "K\1\x85")))},
    {"negative-stride", "not negative", T(ALONE(REBUILD(FLOATS, "K\3", "K\4\x85", "J\xff\xff\xff\xff\x85")))},
    {"nine-dimensions", "at most 8", T(ALONE(REBUILD(FLOATS, "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "K\1\x85")))},
    {"no-storage", "no view of a storage", T(ALONE(REBUILD("N", "K\0", "K\1\x85", "K\1\x85")))},
    {"no-arguments", "no view of a storage", T(ALONE("ctorch._utils\n_rebuild_tensor_v2\n)R"))},
    {"name-twice", "\"w\": occurs twice",
     T("\x80\2}X\1\0\0\0w" REBUILD(FLOATS, "K\0", "K\4\x85", "K\1\x85") "q\1sX\1\0\0\0wh\1s.")},
    {"name-with-nul", "NUL", T("\x80\2}X\3\0\0\0w\0v" REBUILD(FLOATS, "K\0", "K\4\x85", "K\1\x85") "s.")},
    {"name-not-utf8", "UTF-8", T("\x80\2}U\1\xff" REBUILD(FLOATS, "K\0", "K\4\x85", "K\1\x85") "s.")},
    {"empty-name", "empty", T("\x80\2}X\0\0\0\0" REBUILD(FLOATS, "K\0", "K\4\x85", "K\1\x85") "s.")},
};

static void check_refused(const char *what, const char *bytes, size_t size, const char *words) {
    Error e = {0};
    char *copy;
    double begin = test_seconds();
    WeightFile *f = open_tight(bytes, size, &copy, &e);
    bool ok = words ? !f && e.code == ERR_FORMAT && !strncmp(e.text, "FILE: ", 6) && strchr(e.text, ';') : f != NULL;
    test_check(ok && (!words || holds(e.text, words)) && test_seconds() - begin < 2, "%s", what);
    test_note("%s", f ? "opened" : e.text);
    weight_file_close(f);
    free(copy);
}

/* A pickle of one text many times, between a beginning and an end. */
static void check_many(const char *what, const char *begin, size_t begin_size, const char *text, size_t text_size,
                       size_t times, const char *words) {
    size_t n = begin_size + times * text_size, size;
    char *pickle = malloc(n + 1);
    if (!pickle) abort();
    memcpy(pickle, begin, begin_size);
    for (size_t i = 0; i < times; i++) memcpy(pickle + begin_size + i * text_size, text, text_size);
    pickle[n] = '.';
    char *zip = made_torch_zip(pickle, n + 1, 0, &size);
    check_refused(what, zip, size, words);
    free(zip);
    free(pickle);
}

static void pickles(void) {
    for (size_t i = 0; i < sizeof PICKLES / sizeof *PICKLES; i++) {
        size_t size;
        char *zip = made_torch_zip(PICKLES[i].bytes, PICKLES[i].size, 1, &size);
        check_refused(PICKLES[i].name, zip, size, PICKLES[i].words);
        free(zip);
    }
    check_many("a million values", T("\x80\2"), T("K\1"), 1000000, "over");
    check_many("containers a million deep", T("\x80\2"), T("("), 1000000, "open containers");
    check_many("lists in lists", T("\x80\2]"), T("]a"), 1000000, "values");
    check_many("one list a million times", T("\x80\2]q\0"), T("h\0"), 1000000, "stack over");
    check_many("a long time", T("\x80\2}q\0"),
               T("h\0"
                 "0"),
               6000000, "over 16 MiB");
    /* each dictionary holds the one before twice: 2^n names, if anybody counted them */
    check_many("a dictionary of dictionaries", T("\x80\2}q\0"), T("}(X\1\0\0\0ah\0X\1\0\0\0bh\0uq\0"), 64,
               "other than one value");
}

/* --- archives that attack --- */

typedef struct {
    const char *name, *words;
    const char *mark; /* bytes before the place that is changed, */
    size_t mark_size;
    bool last;      /* their last occurrence, not their first */
    int at;         /* from the end of the mark */
    const char *to; /* and what is written there */
    size_t size;
} Patch;

#define CENTRAL T("PK\1\2")
#define END T("PK\5\6")

static const Patch PATCHES[] = {
    {"compressed", "a/data.pkl|is compressed", CENTRAL, false, 6, T("\x08\0")},
    {"compressed where it stands", "another one where it stands", T("PK\3\4"), false, 4, T("\x08\0")},
    {"encrypted", "is encrypted", CENTRAL, false, 4, T("\1\0")},
    {"smaller than it unpacks to", "is compressed", CENTRAL, false, 20, T("\xff\xff\xff\x7f")},
    {"longer than the file", "longer than the file", CENTRAL, false, 16, T("\xf0\xff\xff\x7f\xf0\xff\xff\x7f")},
    {"ZIP64 without a field", "broken ZIP64", CENTRAL, false, 20, T("\xff\xff\xff\xff")},
    {"beyond the directory", "not where the directory says", CENTRAL, true, 38, T("\xff\xff\xff\x7f")},
    {"two at one place", "another one|overlaps", CENTRAL, true, 38, T("\0\0\0\0")},
    {"a name that climbs", "unsafe name", CENTRAL, true, 42, T("../x/0")},
    {"an absolute name", "unsafe name", CENTRAL, true, 42, T("/")},
    {"another folder", "another one where", CENTRAL, true, 42, T("b")},
    {"more entries than it has", "breaks off|room", END, true, 4, T("\5\0\5\0")},
    {"several volumes", "several volumes", END, true, 0, T("\1\0")},
    {"a directory elsewhere", "directory", END, true, 12, T("\1\0\0\0")},
    {"a directory that claims 4 GiB", "directory", END, true, 8, T("\xf0\xff\xff\xff")},
    {"ZIP64 that is not there", "ZIP64 end is missing", END, true, 4, T("\xff\xff\xff\xff")},
};

static void archives(void) {
    for (size_t i = 0; i < sizeof PATCHES / sizeof *PATCHES; i++) {
        const Patch *p = &PATCHES[i];
        size_t size, found = 0;
        char *zip = made_torch_zip(PICKLES[0].bytes, PICKLES[0].size, 1, &size);
        for (size_t at = 0; at + p->mark_size <= size && !(found && !p->last); at++)
            if (!memcmp(zip + at, p->mark, p->mark_size)) found = at + p->mark_size;
        memcpy(zip + found + p->at, p->to, p->size);
        char words[128];
        bool either = strchr(p->words, '|') && strcmp(p->name, "compressed");
        strcpy(words, p->words);
        if (either) { /* the first reader to notice says it */
            Error e = {0};
            char *copy;
            WeightFile *f = open_tight(zip, size, &copy, &e);
            char *second = strchr(words, '|');
            *second++ = 0;
            test_check(!f && (holds(e.text, words) || holds(e.text, second)), "archive: %s", p->name);
            test_note("%s", e.text);
            weight_file_close(f);
            free(copy);
        } else check_refused(p->name, zip, size, words);
        free(zip);
    }
}

void files_torch(void) {
    Error e = {0};
    WeightFile *f = weight_file_open(test_path("small.safetensors"), &e);
    if (!test_check(f != NULL, "the small file opens")) return;
    same(f);
    broken(f, 0);
    broken(f, MADE_OLD);
    weight_file_close(f);
    pickles();
    archives();
}
