/* files_formats.c: the table of weight formats: a small file reaches each row, and no row above takes it. */
#include "files.h"
#include "tests/harness/test.h"
#include "weights/formats/formats.h"

#include <stdlib.h>
#include <string.h>

#define T(text) text, sizeof(text) - 1
/* A zip's first entry, and the end of its directory. */
#define LOCAL(length, name) "PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" length "\0\0\0" name
#define DIRECTORY "PK\5\6\0\0\0\0\1\0\1\0\0\0\0\0\0\0\0\0\0\0"

#define ZEROS_64                                                                                                       \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                 \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct {
    const char *row, *words; /* of the refusal; NULL: opens */
    const char *bytes;
    size_t size;
} SAMPLES[] = {
    {"safetensors", NULL, T("\2\0\0\0\0\0\0\0{}")},
    {"safetensors", NULL, T("\x1f\x8b\0\0\0\0\0\0{}")}, /* its length reads like gzip's signature; padded below */
    {"empty", "is empty", T("")},
    {"cut zip", "is a zip archive|cut short|download it again",
     T("PK\3\4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
    {"cut zip", "cut short", T("PK\3\4")},
    {"cut zip", "cut short", T(LOCAL("\x10", "archive/data.pkl") "PK\5\6")},
    {"PyTorch zip", "damaged zip archive", T(LOCAL("\x10", "archive/data.pkl") DIRECTORY)},
    {"PyTorch before 1.6", "breaks off|download", T("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.")},
    {"npz", "NumPy arrays", T(LOCAL("\5", "a.npy") DIRECTORY)},
    {"zip", "zip archive|unpack", T(LOCAL("\x11", "model.safetensors") DIRECTORY)},
    {"empty zip", "is an empty zip", T("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    {"pickle", "is a Python pickle|torch.save", T("\x80\2}q\0.")},
    {"pickle", "is a Python pickle", T("\x80\5}.")},
    {"GGUF", "GGUF: truncated|header", T("GGUF\3\0\0\0\0\0\0\0\0\0\0\0")},
    {"tar", "is a tar archive|unpack",
     T("model.safetensors" ZEROS_64 ZEROS_64 ZEROS_64 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0ustar")},
    {"GGML", "is a GGML file", T("lmgg\1\0\0\0\0\0")},
    {"GGML", "is a GGML file", T("tjgg\3\0\0\0\0\0")},
    {"TensorRT", "is a TensorRT engine", T("ftrt\0\0\0\0\1\0")},
    {"TensorRT", "is a TensorRT engine", T("ptrt\0\0\0\0\1\0")},
    {"WebP", "is a WebP", T("RIFF\x24\0\0\0WEBPVP8L")},
    {"GIF", "is a GIF", T("GIF89a\1\0\1\0")},
    {"video", "is a video",
     T("\0\0\0\x20"
       "ftypisom")},
    {"bzip2", "is bzip2", T("BZh91AY&SY")},
    {"xz", "is xz",
     T("\xfd"
       "7zXZ\0\0\4")},
    {"Zstandard", "is Zstandard", T("\x28\xb5\x2f\xfd\4\0")},
    {"program", "program for Windows", T("MZ\x90\0\3\0\0\0")},
    {"program", "is a program",
     T("\x7f"
       "ELF\2\1\1\0")},
    {"SQLite", "SQLite", T("SQLite format 3\0")},
    {"AppleDouble", "macOS|without ._", T("\0\5\26\7\0\2\0\0Mac OS X")},
    {"ONNX", "is an ONNX model", T("\x08\x07\x12\x07pytorch\x1a\5")},
    {"text", "text file (UTF-16)", T("\xff\xfeN\0o\0")},
    {"HTML", "is a web page", T("<!-- saved from --><html>")},
    {"git LFS", "git lfs pull", T("version https://git-lfs.github.com/spec/v1\n")},
    {"HDF5", "is an HDF5", T("\x89HDF\r\n\x1a\n")},
    {"NumPy", "is a NumPy", T("\x93NUMPY\1\0")},
    {"gzip", "is gzip-compressed", T("\x1f\x8b\x08\0\0\0\0\0\0\3\0")},
    {"7z", "is a 7z", T("7z\xbc\xaf\x27\x1c")},
    {"RAR", "is a RAR", T("Rar!\x1a\7\0")},
    {"PNG", "is a PNG", T("\x89PNG\r\n\x1a\n")},
    {"JPEG", "is a JPEG", T("\xff\xd8\xff\xe0")},
    {"PDF", "is a PDF", T("%PDF-1.4\n")},
    {"HTML", "is a web page", T("\r\n <hTmL><title>404</title>")},
    {"HTML", "is a web page", T("<?xml version='1.0'?>")},
    {"JSON", "is JSON text", T(" {\"error\":\"no such model\"}")},
    {"text", "is a text file", T("no such model\n")},
    {"zeros", "filled with zeros",
     T("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    {"unknown", "not a safetensors file|download", T("\1\2\3\4\5\6\7\x08\x09\x0a")},
    {"unknown", "too short", T("\1\2\3")},
};

static void sample(size_t i, int *row_reached) {
    size_t size = SAMPLES[i].size, header = 0;
    for (int k = 0; k < 8 && !SAMPLES[i].words; k++) header |= (size_t)(unsigned char)SAMPLES[i].bytes[k] << (8 * k);
    if (header) size = 8 + header;
    uint8_t *p = malloc(size ? size : 1); /* no byte more: AddressSanitizer watches */
    if (!p) return;
    memset(p, ' ', size);
    memcpy(p, SAMPLES[i].bytes, SAMPLES[i].size);
    Error e = {0};
    const WeightFormat *format = weight_format(p, size);
    WeightFile *f = weight_file_open_memory("x", p, size, &e);
    bool ok = !strcmp(format->name, SAMPLES[i].row);
    if (SAMPLES[i].words) ok = ok && !f && e.code == ERR_FORMAT && holds(e.text, SAMPLES[i].words);
    else ok = ok && f && !strcmp(f->format, SAMPLES[i].row);
    test_check(ok, "format %s, sample %zu", SAMPLES[i].row, i);
    test_note("%s, %s", format->name, e.text);
    for (int row = 0; weight_format_row(row); row++) row_reached[row] |= weight_format_row(row) == format;
    weight_file_close(f);
    free(p);
}

void files_formats(void) {
    int reached[64] = {0}, rows = 0;
    while (weight_format_row(rows)) rows++;
    test_check(rows > 1 && rows < 64 && !weight_format_row(-1), "%d formats", rows);
    for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++) sample(i, reached);
    for (int row = 0; row < rows; row++) {
        const WeightFormat *f = weight_format_row(row);
        test_check(reached[row], "format %s is reached", f->name);
        test_check(!f->read == !!f->refusal && (f->sniff || f->magic_size), "format %s is read or refused", f->name);
    }
}
