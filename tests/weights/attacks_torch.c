/* attacks_torch.c: PyTorch's files that attack: each says the words of its refusal. */
#include "attacks.h"
#include "made_torch.h"

#include <stdlib.h>
#include <string.h>

/* --- pickles --- */

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

/* --- and long ones: one text many times, between a beginning and an end --- */

static const struct {
    const char *name, *words;
    const char *begin;
    size_t begin_size;
    const char *text;
    size_t text_size, times;
} LONG[] = {
    {"a million values", "over", T("\x80\2"), T("K\1"), 1000000},
    {"containers a million deep", "open containers", T("\x80\2"), T("("), 1000000},
    {"lists in lists", "values", T("\x80\2]"), T("]a"), 1000000},
    {"one list a million times", "stack over", T("\x80\2]q\0"), T("h\0"), 1000000},
    {"a long time", "over 16 MiB", T("\x80\2}q\0"),
     T("h\0"
       "0"),
     6000000},
    {"a long text", "over 16 MiB", T("\x80\2}X\0\0\0\1"), T("x"), 17000000},
    /* each dictionary holds the one before twice: 2^n names, if anybody counted them */
    {"a dictionary of dictionaries", "other than one value", T("\x80\2}q\0"), T("}(X\1\0\0\0ah\0X\1\0\0\0bh\0uq\0"),
     64},
    {"a dictionary of dictionaries, alone", NULL, T("\x80\2}q\0"), T("0}(X\1\0\0\0ah\0X\1\0\0\0bh\0uq\0"), 64},
};

/* --- archives: changes of one that is whole --- */

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
    {"one inside another", "overlaps another", CENTRAL, false, 16, T("\xb8\0\0\0\xb8\0\0\0")},
    {"longer than the file", "longer than the file", CENTRAL, false, 16, T("\xf0\xff\xff\x7f\xf0\xff\xff\x7f")},
    {"ZIP64 without a field", "broken ZIP64", CENTRAL, false, 20, T("\xff\xff\xff\xff")},
    {"beyond the directory", "not where the directory says", CENTRAL, true, 38, T("\xff\xff\xff\x7f")},
    {"two at one place", "another one where it stands", CENTRAL, true, 38, T("\0\0\0\0")},
    {"a name that climbs", "unsafe name", CENTRAL, true, 42, T("../x/0")},
    {"an absolute name", "unsafe name", CENTRAL, true, 42, T("/")},
    {"another folder", "another one where", CENTRAL, true, 42, T("b")},
    {"more entries than it has", "more entries than it has room for", END, true, 4, T("\5\0\5\0")},
    {"several volumes", "several volumes", END, true, 0, T("\1\0")},
    {"a directory elsewhere", "directory", END, true, 12, T("\1\0\0\0")},
    {"a directory that claims 4 GiB", "directory", END, true, 8, T("\xf0\xff\xff\xff")},
    {"ZIP64 that is not there", "ZIP64 end is missing", END, true, 4, T("\xff\xff\xff\xff")},
};

enum {
    PICKLE_COUNT = sizeof PICKLES / sizeof *PICKLES,
    LONG_COUNT = sizeof LONG / sizeof *LONG,
    PATCH_COUNT = sizeof PATCHES / sizeof *PATCHES
};

static char *long_one(size_t i, size_t *size) {
    size_t at = LONG[i].begin_size, n = at + LONG[i].times * LONG[i].text_size;
    char *pickle = malloc(n + 1);
    if (!pickle) abort();
    memcpy(pickle, LONG[i].begin, at);
    for (; at < n; at += LONG[i].text_size) memcpy(pickle + at, LONG[i].text, LONG[i].text_size);
    pickle[n] = '.';
    char *zip = made_torch_zip(pickle, n + 1, 0, size);
    free(pickle);
    return zip;
}

static char *patched(const Patch *p, size_t *size) {
    size_t found = 0;
    char *zip = made_torch_zip(PICKLES[0].bytes, PICKLES[0].size, 1, size);
    for (size_t at = 0; at + p->mark_size <= *size && !(found && !p->last); at++)
        if (!memcmp(zip + at, p->mark, p->mark_size)) found = at + p->mark_size;
    memcpy(zip + found + p->at, p->to, p->size);
    return zip;
}

/* An archive whose storage is called as a program of TorchScript is. */
static char *program(size_t *size) {
    static const char STORAGE[] = "a/data/0", PROGRAM[] = "a/code/0";
    char *zip = made_torch_zip(PICKLES[0].bytes, PICKLES[0].size, 1, size);
    for (size_t at = 0; at + sizeof STORAGE - 1 <= *size; at++)
        if (!memcmp(zip + at, STORAGE, sizeof STORAGE - 1)) memcpy(zip + at, PROGRAM, sizeof PROGRAM - 1);
    return zip;
}

bool attack_torch(size_t i, Attack *a) {
    *a = (Attack){.name = NULL};
    if (i < PICKLE_COUNT) {
        *a = (Attack){.name = PICKLES[i].name, .words = PICKLES[i].words};
        a->bytes = made_torch_zip(PICKLES[i].bytes, PICKLES[i].size, 1, &a->size);
    } else if ((i -= PICKLE_COUNT) < LONG_COUNT) {
        *a = (Attack){.name = LONG[i].name, .words = LONG[i].words};
        a->bytes = long_one(i, &a->size);
    } else if ((i -= LONG_COUNT) < PATCH_COUNT) {
        *a = (Attack){.name = PATCHES[i].name, .words = PATCHES[i].words};
        a->bytes = patched(&PATCHES[i], &a->size);
    } else if (i == PATCH_COUNT) {
        *a = (Attack){.name = "a program", .words = "makes it a TorchScript program, which is not run"};
        a->bytes = program(&a->size);
    }
    return a->name != NULL;
}
