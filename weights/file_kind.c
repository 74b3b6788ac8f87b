/* file_kind.c: a table of first bytes. */
#include "file_kind.h"

#include <string.h>
#include <strings.h>

#define CHECKPOINT "give it a name that ends in .ckpt, or convert it to safetensors"
#define DOWNLOAD "download the model file itself"

static const struct {
    const char *magic;
    size_t size;
    const char *kind;
} KINDS[] = {
    {"PK\3\4", 4, "a zip archive, as .ckpt, .pt and .bin files are; " CHECKPOINT},
    {"PK\5\6", 4, "an empty zip archive; download it again"},
    {"\x80\2", 2, "a Python pickle, as old .ckpt and .pt files are; " CHECKPOINT},
    {"\x80\3", 2, "a Python pickle; " CHECKPOINT},
    {"\x80\4", 2, "a Python pickle; " CHECKPOINT},
    {"\x80\5", 2, "a Python pickle; " CHECKPOINT},
    {"GGUF", 4, "a GGUF file; get the model as safetensors"},
    {"version https://git-lfs", 23, "a git-LFS pointer, not the file it stands for; run git lfs pull"},
    {"\x89HDF", 4, "an HDF5 file; get the model as safetensors"},
    {"\x93NUMPY", 6, "a NumPy array; get the model as safetensors"},
    {"\x1f\x8b", 2, "gzip-compressed; unpack it first"},
    {"7z\xbc\xaf", 4, "a 7z archive; unpack it first"},
    {"Rar!", 4, "a RAR archive; unpack it first"},
    {"\x89PNG", 4, "a PNG picture; name a model file"},
    {"\xff\xd8\xff", 3, "a JPEG picture; name a model file"},
    {"%PDF", 4, "a PDF document; " DOWNLOAD},
};

const char *file_kind(const void *bytes, size_t size) {
    const char *p = bytes;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (size >= KINDS[i].size && !memcmp(p, KINDS[i].magic, KINDS[i].size)) return KINDS[i].kind;

    size_t n = size < 4096 ? size : 4096, printable = 0, start = 0;
    while (start < n && strchr(" \t\r\n", p[start]) && p[start]) start++;
    if (n - start >= 5 && (!strncasecmp(p + start, "<!doc", 5) || !strncasecmp(p + start, "<html", 5) ||
                           !strncasecmp(p + start, "<?xml", 5)))
        return "a web page (HTML), not a model; the download link was that of a page: " DOWNLOAD;
    while (printable < n && ((unsigned char)p[printable] >= 32 || strchr("\t\r\n", p[printable])) && p[printable])
        printable++;
    if (n - start && p[start] == '{' && printable == n) return "JSON text, not a model; " DOWNLOAD;
    if (n && printable == n) return "a text file, not a model; " DOWNLOAD;
    size_t zeros = 0;
    while (zeros < n && !p[zeros]) zeros++;
    if (n >= 64 && zeros == n) return "filled with zeros, as an interrupted download leaves it; download it again";
    return NULL;
}
