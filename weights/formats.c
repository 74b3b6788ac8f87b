#include "formats.h"

#include "safetensors.h"

#include <ctype.h>
#include <string.h>

#define CONVERT "convert it to safetensors"
#define DOWNLOAD "download the model file itself"
#define BYTES(text) .magic = text, .magic_size = sizeof(text) - 1

enum { LOOK = 4096 }; /* bytes that tell text from other content */

/* --- content without a signature --- */

static size_t look(size_t size) { return size < LOOK ? size : LOOK; }

static size_t after_spaces(const uint8_t *p, size_t n) {
    size_t at = 0;
    while (at < n && p[at] && strchr(" \t\r\n", p[at])) at++;
    return at;
}

static bool is_text(const uint8_t *p, size_t size) {
    size_t n = look(size), at = 0;
    while (at < n && (p[at] >= 32 || (p[at] && strchr("\t\r\n", p[at])))) at++;
    return n && at == n;
}

static bool is_json(const uint8_t *p, size_t size) {
    size_t n = look(size), at = after_spaces(p, n);
    return at < n && p[at] == '{' && is_text(p, size);
}

static bool is_html(const uint8_t *p, size_t size) {
    size_t n = look(size), at = after_spaces(p, n), k = 0;
    char word[5];
    for (; k < sizeof word && at < n; k++) word[k] = (char)tolower(p[at++]);
    return k == sizeof word && (!memcmp(word, "<!doc", 5) || !memcmp(word, "<html", 5) || !memcmp(word, "<?xml", 5));
}

static bool is_zeros(const uint8_t *p, size_t size) {
    size_t n = look(size), at = 0;
    while (at < n && !p[at]) at++;
    return n >= 64 && at == n;
}

static bool is_pickle(const uint8_t *p, size_t size) { return size >= 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5; }

static bool is_empty(const uint8_t *p, size_t size) { return (void)p, !size; }

static bool is_anything(const uint8_t *p, size_t size) { return (void)p, (void)size, true; }

/* --- the table --- */

/* safetensors comes first, since its first eight bytes, a length, may look like any other's signature. */
static const WeightFormat FORMATS[] = {
    {"safetensors", .sniff = safetensors_sniff, .read = safetensors_read},
    {"empty", .sniff = is_empty, .refusal = "empty; download it again"},
    {"zip", BYTES("PK\3\4"), .refusal = "a zip archive, as .ckpt, .pt and .bin files are; " CONVERT},
    {"empty zip", BYTES("PK\5\6"), .refusal = "an empty zip archive; download it again"},
    {"pickle", .sniff = is_pickle, .refusal = "a Python pickle, as old .ckpt and .pt files are; " CONVERT},
    {"GGUF", BYTES("GGUF"), .refusal = "a GGUF file; get the model as safetensors"},
    {"git LFS", BYTES("version https://git-lfs"),
     .refusal = "a git-LFS pointer, not the file that it stands for; run git lfs pull"},
    {"HDF5", BYTES("\x89HDF"), .refusal = "an HDF5 file; get the model as safetensors"},
    {"NumPy", BYTES("\x93NUMPY"), .refusal = "a NumPy array; get the model as safetensors"},
    {"gzip", BYTES("\x1f\x8b"), .refusal = "gzip-compressed; unpack it first"},
    {"7z", BYTES("7z\xbc\xaf"), .refusal = "a 7z archive; unpack it first"},
    {"RAR", BYTES("Rar!"), .refusal = "a RAR archive; unpack it first"},
    {"PNG", BYTES("\x89PNG"), .refusal = "a PNG picture; name a model file"},
    {"JPEG", BYTES("\xff\xd8\xff"), .refusal = "a JPEG picture; name a model file"},
    {"PDF", BYTES("%PDF"), .refusal = "a PDF document; " DOWNLOAD},
    {"HTML", .sniff = is_html, .refusal = "a web page (HTML), not a model: the link led to a page; " DOWNLOAD},
    {"JSON", .sniff = is_json, .refusal = "JSON text, not a model; " DOWNLOAD},
    {"text", .sniff = is_text, .refusal = "a text file, not a model; " DOWNLOAD},
    {"zeros", .sniff = is_zeros,
     .refusal = "filled with zeros, as an interrupted download leaves it; download it again"},
    /* the reader then says which rule of safetensors the file breaks */
    {"unknown", .sniff = is_anything, .read = safetensors_read},
};
enum { FORMAT_COUNT = sizeof FORMATS / sizeof *FORMATS };

const WeightFormat *weight_format_row(int i) { return i >= 0 && i < FORMAT_COUNT ? &FORMATS[i] : NULL; }

const WeightFormat *weight_format(const uint8_t *bytes, size_t size) {
    const WeightFormat *f = FORMATS;
    while (f->sniff ? !f->sniff(bytes, size) : size < f->magic_size || memcmp(bytes, f->magic, f->magic_size)) f++;
    return f;
}
