/* hostile.c: the catalogue. Most entries are a header and a number of data bytes; some change the length field; the
 * rest are whole files of other kinds. */
#include "hostile.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAME UINT64_MAX        /* the length field tells the truth */
#define WHOLE (UINT64_MAX - 1) /* the text is the file */
#define T(text) text, sizeof(text) - 1

/* One tensor "a" of given dtype, shape and offsets, each as JSON. */
#define ONE(dtype, shape, offsets) "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define ENTRY(name, shape, offsets) "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define GOOD ONE("\"F32\"", "[2]", "[0,8]")

static const struct {
    const char *name, *words, *text;
    size_t text_size;
    size_t data;
    uint64_t length;
} CASES[] = {
    /* legal, though odd */
    {"one-tensor", NULL, T(GOOD), 8, SAME},
    {"no-tensors", NULL, T("{}"), 0, SAME},
    {"rank-0", NULL, T(ONE("\"F32\"", "[]", "[0,4]")), 4, SAME},
    {"empty-tensor", NULL, T(ONE("\"F32\"", "[3,0,2]", "[0,0]")), 0, SAME},
    {"padded", NULL, T(GOOD "       "), 8, SAME},
    {"spaces-everywhere", NULL,
     T("{ \"a\" : { \"dtype\" : \"U8\" ,\n\"shape\" :\t[ 1 ] , \"data_offsets\" : [ 0 , 1 ] } }"), 1, SAME},
    {"metadata", NULL, T("{\"__metadata__\":{\"k\":\"v\",\"\":\"\"}," ENTRY("a", "[1]", "[0,1]") "}"), 1, SAME},
    {"header-out-of-order", NULL, T("{" ENTRY("b", "[1]", "[2,3]") "," ENTRY("a", "[2]", "[0,2]") "}"), 3, SAME},
    {"empty-between", NULL,
     T("{" ENTRY("a", "[2]", "[0,2]") "," ENTRY("b", "[0]", "[2,2]") "," ENTRY("c", "[1]", "[2,3]") "}"), 3, SAME},
    {"unicode-name", NULL, T("{" ENTRY("\\u00e9\\ud83d\\ude00\xc3\xa9", "[1]", "[0,1]") "}"), 1, SAME},
    {"empty-name", NULL, T("{" ENTRY("", "[1]", "[0,1]") "}"), 1, SAME},
    {"sub-byte", NULL, T(ONE("\"F4\"", "[4]", "[0,2]")), 2, SAME},
    /* lengths */
    {"length-zero", "header is too short", T(""), 8, 0},
    {"length-one", "header is too short", T("{"), 8, SAME},
    {"length-past-end", "truncated|header", T(GOOD), 0, 4096},
    {"length-past-end-by-one", "truncated|header", T("{}"), 0, 3},
    {"length-100MB-and-one", "100 MB", T(GOOD), 8, 100000001},
    {"length-2-63", "100 MB", T(GOOD), 8, (uint64_t)1 << 63},
    {"length-all-ones", "100 MB", T(GOOD), 8, UINT64_MAX - 2},
    {"length-too-small", "JSON", T(GOOD), 8, 20},
    {"length-into-data", "JSON|more text", T(GOOD), 8, sizeof(GOOD) + 3},
    {"starts-with-space", "begin with {", T(" {}"), 0, SAME},
    {"starts-with-array", "begin with {", T("[]"), 0, SAME},
    /* JSON */
    {"unclosed", "JSON|ends", T("{\"a\":{"), 0, SAME},
    {"trailing-comma", "JSON|key", T("{" ENTRY("a", "[1]", "[0,1]") ",}"), 1, SAME},
    {"two-values", "JSON|more text", T("{}{}"), 0, SAME},
    {"single-quotes", "JSON|key", T("{'a':1}"), 0, SAME},
    {"bad-utf8", "UTF-8", T("{\"\xff\":{}}"), 0, SAME},
    {"overlong-utf8", "UTF-8", T("{\"\xc0\xaf\":{}}"), 0, SAME},
    {"utf8-surrogate", "UTF-8", T("{\"\xed\xa0\x80\":{}}"), 0, SAME},
    {"utf8-cut", "UTF-8", T("{\"\xe2\x82\":{}}"), 0, SAME},
    {"utf16-bom", "begin with {", T("\xff\xfe{}"), 0, SAME},
    {"lone-surrogate", "surrogate", T("{\"\\ud800\":{}}"), 0, SAME},
    {"nul-in-name", "u0000", T("{\"a\\u0000b\":{}}"), 0, SAME},
    {"raw-nul-in-name", "control", T("{\"a\0b\":{}}"), 0, SAME},
    {"newline-in-name", "control", T("{\"a\nb\":{}}"), 0, SAME},
    {"comment", "JSON", T("{/**/}"), 0, SAME},
    {"nan", "JSON", T(ONE("\"F32\"", "[NaN]", "[0,4]")), 4, SAME},
    /* wrong types */
    {"entry-number", "\"a\"|not an object", T("{\"a\":1}"), 0, SAME},
    {"entry-null", "\"a\"|not an object", T("{\"a\":null}"), 0, SAME},
    {"entry-array", "\"a\"|not an object", T("{\"a\":[]}"), 0, SAME},
    {"entry-empty", "\"a\"|dtype is missing", T("{\"a\":{}}"), 0, SAME},
    {"dtype-number", "\"a\"|dtype is not a string", T(ONE("1", "[2]", "[0,8]")), 8, SAME},
    {"dtype-null", "\"a\"|dtype is not a string", T(ONE("null", "[2]", "[0,8]")), 8, SAME},
    {"dtype-unknown", "\"a\"|unknown dtype \"F31\"", T(ONE("\"F31\"", "[2]", "[0,8]")), 8, SAME},
    {"dtype-lower-case", "unknown dtype", T(ONE("\"f32\"", "[2]", "[0,8]")), 8, SAME},
    {"dtype-empty", "unknown dtype", T(ONE("\"\"", "[2]", "[0,8]")), 8, SAME},
    {"dtype-format", "unknown dtype", T(ONE("\"%s%n%x\"", "[2]", "[0,8]")), 8, SAME},
    {"shape-number", "\"a\"|shape", T(ONE("\"F32\"", "2", "[0,8]")), 8, SAME},
    {"shape-string", "\"a\"|shape", T(ONE("\"F32\"", "[\"2\"]", "[0,8]")), 8, SAME},
    {"shape-nested", "\"a\"|shape", T(ONE("\"F32\"", "[[2]]", "[0,8]")), 8, SAME},
    {"shape-negative", "\"a\"|shape", T(ONE("\"F32\"", "[-2]", "[0,8]")), 8, SAME},
    {"shape-fraction", "\"a\"|shape", T(ONE("\"F32\"", "[2.0]", "[0,8]")), 8, SAME},
    {"shape-exponent", "\"a\"|shape", T(ONE("\"F32\"", "[2e0]", "[0,8]")), 8, SAME},
    {"shape-nine", "\"a\"|at most 8", T(ONE("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]")), 1, SAME},
    {"shape-leading-zero", "JSON|leading zero", T(ONE("\"F32\"", "[02]", "[0,8]")), 8, SAME},
    {"shape-overflow", "\"a\"|overflow", T(ONE("\"F32\"", "[4294967296,4294967296]", "[0,0]")), 0, SAME},
    {"shape-overflow-bits", "\"a\"|overflow", T(ONE("\"F64\"", "[2305843009213693952]", "[0,0]")), 0, SAME},
    {"shape-overflow-empty", "\"a\"|overflow", T(ONE("\"U8\"", "[0,9223372036854775807,9]", "[0,0]")), 0, SAME},
    {"shape-2-63", "\"a\"|overflow", T(ONE("\"U8\"", "[9223372036854775808]", "[0,1]")), 1, SAME},
    {"shape-beyond-64-bits", "\"a\"|shape", T(ONE("\"U8\"", "[18446744073709551617]", "[0,1]")), 1, SAME},
    {"shape-missing", "\"a\"|shape is missing", T("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}"), 1, SAME},
    {"offsets-missing", "\"a\"|data_offsets are missing", T("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}"), 1, SAME},
    {"offsets-one", "\"a\"|data_offsets", T(ONE("\"F32\"", "[2]", "[8]")), 8, SAME},
    {"offsets-three", "\"a\"|data_offsets", T(ONE("\"F32\"", "[2]", "[0,8,8]")), 8, SAME},
    {"offsets-object", "\"a\"|data_offsets", T(ONE("\"F32\"", "[2]", "{\"begin\":0}")), 8, SAME},
    {"offsets-negative", "\"a\"|data_offsets", T(ONE("\"F32\"", "[2]", "[-8,0]")), 8, SAME},
    {"offsets-minus-zero", "\"a\"|data_offsets", T(ONE("\"F32\"", "[2]", "[-0,8]")), 8, SAME},
    {"offsets-reversed", "\"a\"|end before they begin", T(ONE("\"F32\"", "[2]", "[8,0]")), 8, SAME},
    {"offsets-short", "\"a\"|not as long", T(ONE("\"F32\"", "[2]", "[0,4]")), 4, SAME},
    {"offsets-long", "\"a\"|not as long", T(ONE("\"F32\"", "[2]", "[0,12]")), 12, SAME},
    {"offsets-huge", "\"a\"|not as long", T(ONE("\"F32\"", "[2]", "[18446744073709551607,18446744073709551614]")), 8,
     SAME},
    {"offsets-past-2-64", "\"a\"|data_offsets", T(ONE("\"F32\"", "[2]", "[0,18446744073709551624]")), 8, SAME},
    {"half-byte", "\"a\"|whole bytes", T(ONE("\"F4\"", "[3]", "[0,2]")), 2, SAME},
    {"unknown-key", "\"a\"|a key other than",
     T("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"strides\":[1]}}"), 1, SAME},
    /* places */
    {"starts-after-0", "\"a\"|hole", T("{" ENTRY("a", "[2]", "[1,3]") "}"), 3, SAME},
    {"hole", "\"b\"|hole", T("{" ENTRY("a", "[2]", "[0,2]") "," ENTRY("b", "[1]", "[3,4]") "}"), 4, SAME},
    {"overlap", "\"b\"|overlap", T("{" ENTRY("a", "[2]", "[0,2]") "," ENTRY("b", "[2]", "[1,3]") "}"), 3, SAME},
    {"same-place", "\"b\"|overlap", T("{" ENTRY("a", "[2]", "[0,2]") "," ENTRY("b", "[2]", "[0,2]") "}"), 2, SAME},
    {"empty-inside", "overlap", T("{" ENTRY("a", "[2]", "[0,2]") "," ENTRY("b", "[0]", "[1,1]") "}"), 2, SAME},
    {"empty-beyond", "hole", T("{" ENTRY("a", "[2]", "[0,2]") "," ENTRY("b", "[0]", "[9,9]") "}"), 2, SAME},
    {"data-short", "truncated|8 bytes|has 7", T(GOOD), 7, SAME},
    {"data-none", "truncated|8 bytes|has 0", T(GOOD), 0, SAME},
    {"data-2-62", "truncated", T(ONE("\"U8\"", "[1099511627776]", "[0,1099511627776]")), 8, SAME},
    {"data-long", "1 bytes after the last", T(GOOD), 9, SAME},
    {"data-unclaimed", "4 bytes after the last", T("{}"), 4, SAME},
    /* twice */
    {"name-twice", "\"a\"|twice", T("{" ENTRY("a", "[1]", "[0,1]") "," ENTRY("a", "[1]", "[1,2]") "}"), 2, SAME},
    {"name-twice-escaped", "\"a\"|twice", T("{" ENTRY("a", "[1]", "[0,1]") "," ENTRY("\\u0061", "[1]", "[1,2]") "}"), 2,
     SAME},
    {"dtype-twice", "\"a\"|twice",
     T("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"), 1, SAME},
    {"metadata-twice", "__metadata__|twice", T("{\"__metadata__\":{},\"__metadata__\":{}}"), 0, SAME},
    {"metadata-key-twice", "__metadata__|\"k\"|twice", T("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), 0, SAME},
    {"metadata-array", "__metadata__|not an object", T("{\"__metadata__\":[]}"), 0, SAME},
    {"metadata-null", "__metadata__|not an object", T("{\"__metadata__\":null}"), 0, SAME},
    {"metadata-number", "__metadata__|\"k\"|not a string", T("{\"__metadata__\":{\"k\":1}}"), 0, SAME},
    {"metadata-nested", "__metadata__|\"k\"|not a string", T("{\"__metadata__\":{\"k\":{}}}"), 0, SAME},
    /* other files */
    {"empty", "is empty", T(""), 0, WHOLE},
    {"three-bytes", "too short", T("\1\2\3"), 0, WHOLE},
    {"zip", "zip archive|cut short|download", T("PK\3\4\0\0\0\0\0\0archive/data.pkl"), 0, WHOLE},
    {"pickle", "pickle", T("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3."), 0, WHOLE},
    {"gguf", "GGUF", T("GGUF\3\0\0\0\1\0\0\0\0\0\0\0"), 0, WHOLE},
    {"html", "web page", T("\r\n<!DOCTYPE html><html><title>404</title>"), 0, WHOLE},
    {"lfs-pointer", "git-LFS", T("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n"), 0, WHOLE},
    {"json-error", "JSON text", T("{\"error\":\"Invalid username or password.\"}"), 0, WHOLE},
    {"text", "text file", T("Access to this model is restricted.\n"), 0, WHOLE},
    {"png", "PNG", T("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), 0, WHOLE},
    {"gzip", "gzip", T("\x1f\x8b\x08\0\0\0\0\0\0\3\0"), 0, WHOLE},
    {"zeros", "zeros", T(""), 4096, WHOLE},
};

enum { LISTED = sizeof CASES / sizeof *CASES, MADE = 5 };

static void put_length(char *p, uint64_t n) {
    for (int i = 0; i < 8; i++) p[i] = (char)(n >> (8 * i));
}

/* Those that are too long to write down: a piece repeated `count` times between a head and a tail. */
static bool make_long(Hostile *h, const char *name, const char *words, const char *head, const char *piece,
                      size_t count, const char *tail) {
    size_t a = strlen(head), b = strlen(piece), c = strlen(tail), n = a + b * count + c;
    h->name = name;
    h->words = words;
    h->size = 8 + n;
    h->bytes = malloc(h->size);
    if (!h->bytes) return false;
    char *p = h->bytes + 8;
    put_length(h->bytes, n);
    memcpy(p, head, a);
    for (size_t i = 0; i < count; i++) memcpy(p + a + b * i, piece, b);
    memcpy(p + a + b * count, tail, c);
    return true;
}

size_t hostile_count(void) { return LISTED + MADE; }

bool hostile_make(size_t i, Hostile *h) {
    switch ((int)i - LISTED) {
    case 0: return make_long(h, "deep-arrays", "nested deeper", "{\"a\":{\"shape\":", "[", 1000000, "");
    case 1: return make_long(h, "deep-objects", "nested deeper", "", "{\"a\":", 300000, "");
    case 2: return make_long(h, "long-name", "not an object", "{\"", "x", 10000000, "\":1}");
    case 3: return make_long(h, "long-number", "shape", "{\"a\":{\"dtype\":\"U8\",\"shape\":[", "9", 5000000, "]}}");
    case 4: return make_long(h, "many-names", "more than", "{", "\"a\":{},", 300000, "\"b\":{}}");
    default: break;
    }
    uint64_t length = CASES[i].length;
    size_t head = length == WHOLE ? 0 : 8, n = CASES[i].text_size;
    h->name = CASES[i].name;
    h->words = CASES[i].words;
    h->size = head + n + CASES[i].data;
    h->bytes = calloc(h->size + 1, 1);
    if (!h->bytes) return false;
    if (head) put_length(h->bytes, length == SAME ? n : length);
    memcpy(h->bytes + head, CASES[i].text, n);
    return true;
}

bool hostile_write(const char *dir) {
    bool ok = true;
    for (size_t i = 0; i < hostile_count() && ok; i++) {
        Hostile h;
        char path[1024];
        if (!hostile_make(i, &h)) return false;
        snprintf(path, sizeof path, "%s/%s%s.safetensors", dir, h.words ? "" : "ok-", h.name);
        FILE *f = fopen(path, "wb");
        ok = f && fwrite(h.bytes, 1, h.size, f) == h.size;
        if (f && fclose(f)) ok = false;
        free(h.bytes);
    }
    return ok;
}
