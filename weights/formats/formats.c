#include "formats.h"

#include "gguf.h"
#include "safetensors.h"
#include "torch.h"

#include <ctype.h>
#include <string.h>

#define CONVERT "save its weights with torch.save or Python's safetensors"
#define SAFETENSORS "get the model as safetensors"
#define UNPACK "unpack it and name the .safetensors file in it"
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
    static const char *const BEGINS[] = {"<!doc", "<html", "<?xml", "<head", "<!--", "<body"};
    for (size_t i = 0; i < sizeof BEGINS / sizeof *BEGINS; i++)
        if (k == sizeof word && !memcmp(word, BEGINS[i], strlen(BEGINS[i]))) return true;
    return false;
}

static bool has(const uint8_t *p, size_t size, size_t at, const char *text) {
    size_t n = strlen(text);
    return size >= at + n && !memcmp(p + at, text, n);
}

/* --- zip archives: by the name of the first entry, and by the directory at the end --- */

static bool is_zip(const uint8_t *p, size_t size) { return has(p, size, 0, "PK\3\4"); }

/* An archive that is cut has lost its directory, whose end is within the last 64 KiB. */
static bool is_cut_zip(const uint8_t *p, size_t size) {
    if (!is_zip(p, size)) return false;
    size_t last = size > (1 << 16) + 22 ? size - (1 << 16) - 22 : 0;
    for (size_t at = size - 4; at > last; at--)
        if (has(p, size, at, "PK\5\6")) return size - at < 22;
    return true;
}

/* Whether the first entry's name contains this. */
static bool first_entry(const uint8_t *p, size_t size, const char *piece) {
    if (!is_zip(p, size) || size < 30) return false;
    size_t n = (size_t)(p[26] | p[27] << 8), m = strlen(piece);
    for (size_t at = 30; at + m <= size && at + m <= 30 + n; at++)
        if (!memcmp(p + at, piece, m)) return true;
    return false;
}

static bool is_npz(const uint8_t *p, size_t size) { return first_entry(p, size, ".npy"); }

static bool is_tar(const uint8_t *p, size_t size) { return has(p, size, 257, "ustar"); }

/* A protobuf whose first fields are ONNX's: the version, then the producer or the graph. */
static bool is_onnx(const uint8_t *p, size_t size) {
    return size >= 4 && p[0] == 8 && p[1] && p[1] < 32 && (p[2] == 0x12 || p[2] == 0x3a);
}

static bool is_webp(const uint8_t *p, size_t size) { return has(p, size, 0, "RIFF") && has(p, size, 8, "WEBP"); }

static bool is_mp4(const uint8_t *p, size_t size) { return has(p, size, 4, "ftyp"); }

static bool is_wide_text(const uint8_t *p, size_t size) {
    return size >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff));
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
    {"cut zip", .sniff = is_cut_zip,
     .refusal = "a zip archive that is cut short or damaged (its directory is missing); download it again"},
    {"PyTorch zip", .sniff = torch_zip_sniff, .read = torch_zip_read},
    {"PyTorch before 1.6", .sniff = torch_old_sniff, .read = torch_old_read},
    {"npz", .sniff = is_npz, .refusal = "an archive of NumPy arrays (.npz); " SAFETENSORS},
    {"zip", .sniff = is_zip, .refusal = "a zip archive, but of no PyTorch checkpoint; " UNPACK},
    {"empty zip", BYTES("PK\5\6"), .refusal = "an empty zip archive; download it again"},
    {"pickle", .sniff = is_pickle, .refusal = "a Python pickle, but not one of torch.save; " CONVERT},
    {"tar", .sniff = is_tar, .refusal = "a tar archive; " UNPACK},
    {"GGUF", BYTES("GGUF"), .read = gguf_read},
    {"GGML", BYTES("lmgg"), .refusal = "a GGML file; " SAFETENSORS},
    {"GGML", BYTES("tjgg"), .refusal = "a GGML file; " SAFETENSORS},
    {"TensorRT", BYTES("ftrt"), .refusal = "a TensorRT engine, made for one GPU; " SAFETENSORS},
    {"TensorRT", BYTES("ptrt"), .refusal = "a TensorRT engine, made for one GPU; " SAFETENSORS},
    {"git LFS", BYTES("version https://git-lfs"),
     .refusal = "a git-LFS pointer, not the file that it stands for; run git lfs pull"},
    {"HDF5", BYTES("\x89HDF"), .refusal = "an HDF5 file; " SAFETENSORS},
    {"NumPy", BYTES("\x93NUMPY"), .refusal = "a NumPy array; " SAFETENSORS},
    {"gzip", BYTES("\x1f\x8b"), .refusal = "gzip-compressed; " UNPACK},
    {"7z", BYTES("7z\xbc\xaf"), .refusal = "a 7z archive; " UNPACK},
    {"RAR", BYTES("Rar!"), .refusal = "a RAR archive; " UNPACK},
    {"PNG", BYTES("\x89PNG"), .refusal = "a PNG picture; name a model file"},
    {"JPEG", BYTES("\xff\xd8\xff"), .refusal = "a JPEG picture; name a model file"},
    {"WebP", .sniff = is_webp, .refusal = "a WebP picture; name a model file"},
    {"GIF", BYTES("GIF8"), .refusal = "a GIF picture; name a model file"},
    {"video", .sniff = is_mp4, .refusal = "a video; name a model file"},
    {"bzip2", BYTES("BZh"), .refusal = "bzip2-compressed; " UNPACK},
    {"xz",
     BYTES("\xfd"
           "7zXZ"),
     .refusal = "xz-compressed; " UNPACK},
    {"Zstandard", BYTES("\x28\xb5\x2f\xfd"), .refusal = "Zstandard-compressed; " UNPACK},
    {"program", BYTES("MZ"), .refusal = "a program for Windows, not a model; delete it, and " DOWNLOAD},
    {"program",
     BYTES("\x7f"
           "ELF"),
     .refusal = "a program, not a model; " DOWNLOAD},
    {"SQLite", BYTES("SQLite format 3"), .refusal = "a SQLite database, not a model; name a model file"},
    {"AppleDouble", BYTES("\0\5\26\7"),
     .refusal = "what macOS keeps beside a file (AppleDouble), not a model; name the file without ._ in front"},
    {"PDF", BYTES("%PDF"), .refusal = "a PDF document; " DOWNLOAD},
    {"HTML", .sniff = is_html, .refusal = "a web page (HTML), not a model: the link led to a page; " DOWNLOAD},
    {"JSON", .sniff = is_json, .refusal = "JSON text, not a model; " DOWNLOAD},
    {"text", .sniff = is_wide_text, .refusal = "a text file (UTF-16), not a model; " DOWNLOAD},
    {"text", .sniff = is_text, .refusal = "a text file, not a model; " DOWNLOAD},
    {"ONNX", .sniff = is_onnx, .refusal = "an ONNX model; " SAFETENSORS},
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
