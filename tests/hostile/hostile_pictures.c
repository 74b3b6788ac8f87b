/* hostile_pictures.c: pictures that are damaged, cut, of a kind that is not read, or larger than they look. */
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"
#include "tests/harness/make_picture.h"
#include "tests/image/test_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PictureFile f;

static void start_from(const char *name, const char *words) {
    HostileCase c = {name, "h.png", (const char *)f.p, f.n, "img2img -i h.png -p x --steps 1 -W 64 -H 64 -o o.png",
                     1,    words};
    hostile_case(&c);
    file_clear(&f);
}

static void say(const char *name, const char *words) {
    HostileCase c = {name, "h.png", (const char *)f.p, f.n, "png-info h.png", 1, words};
    hostile_case(&c);
    file_clear(&f);
}

/* --- PNG --- */

static void png_headers(void) {
    static const struct {
        const char *name;
        uint32_t w, h;
        int bits, colour, interlace;
        const char *words;
    } HEADS[] = {{"png-no-width", 0, 5, 8, 2, 0, "no pixels"},
                 {"png-no-height", 5, 0, 8, 2, 0, "no pixels"},
                 {"png-4-billion", 0xFFFFFFFF, 0xFFFFFFFF, 8, 6, 0, "4294967295 x 4294967295 pixels are too many"},
                 {"png-rows-of-77-mb", 3866628, 4, 8, 2, 0, "3866628 x 4|too many"},
                 {"png-one-row-more", 4096, 4097, 8, 2, 0, "too many|4096 x 4096 at most"},
                 {"png-16-megapixels-of-nothing", 4096, 4096, 16, 6, 0, "fewer pixels"},
                 {"png-3-bits", 1, 1, 3, 0, 0, "header is damaged"},
                 {"png-colour-1", 1, 1, 8, 1, 0, "header is damaged"},
                 {"png-4-bit-colour", 1, 1, 4, 2, 0, "header is damaged"},
                 {"png-interlace-2", 1, 1, 8, 2, 2, "header is damaged"},
                 {"png-adam7-short", 9, 9, 8, 2, 1, "fewer pixels"}};
    for (size_t i = 0; i < sizeof HEADS / sizeof *HEADS; i++) {
        file_png(&f, HEADS[i].w, HEADS[i].h, HEADS[i].bits, HEADS[i].colour, HEADS[i].interlace);
        file_deflated(&f, "IDAT", NULL, 0, "\0\1\2\3", 4);
        file_chunk(&f, "IEND", NULL, 0);
        start_from(HEADS[i].name, HEADS[i].words);
    }
}

/* A PNG of colour type c with one chunk before its pixels, or none. */
static void png_with(int colour, const char *type, const void *data, size_t n, const char *rows, size_t rows_n) {
    file_png(&f, 1, 1, 8, colour, 0);
    if (type) file_chunk(&f, type, data, n);
    file_deflated(&f, "IDAT", NULL, 0, rows, rows_n);
    file_chunk(&f, "IEND", NULL, 0);
}

static void png_chunks(void) {
    static const struct {
        const char *name;
        int colour;
        const char *type, *data;
        size_t n;
        const char *words;
    } CASES[] = {{"png-no-palette", 3, NULL, "", 0, "no palette before its pixels"},
                 {"png-palette-of-4-bytes", 3, "PLTE", "abcd", 4, "palette is damaged"},
                 {"png-empty-palette", 3, "PLTE", "", 0, "palette is damaged"},
                 {"png-clear-colour-short", 2, "tRNS", "ab", 2, "transparency is damaged"},
                 {"png-clear-before-palette", 3, "tRNS", "a", 1, "transparency is damaged"},
                 {"png-needs-what-is-unknown", 2, "ABCD", "", 0, "needs 'ABCD', which is not supported"},
                 {"png-of-apple", 2, "CgBI", "\x50\0\x20\2", 4, "needs 'CgBI'"},
                 {"png-two-headers", 2, "IHDR", "\0\0\0\1\0\0\0\1\10\2\0\0\0", 13, "does not begin with its header"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        png_with(CASES[i].colour, CASES[i].type, CASES[i].data, CASES[i].n, "\0\1\2\3", 4);
        start_from(CASES[i].name, CASES[i].words);
    }
    file_png(&f, 1, 1, 8, 2, 0);
    file_chunk(&f, "IEND", NULL, 0);
    start_from("png-no-pixels", "has no pixels");
    file_png(&f, 1, 1, 8, 2, 0);
    file_deflated(&f, "IDAT", NULL, 0, "\0\1\2\3", 4);
    file_chunk(&f, "PLTE", "abc", 3);
    file_chunk(&f, "IEND", NULL, 0);
    start_from("png-palette-after-pixels", "palette is damaged");
    file_png(&f, 1, 1, 8, 2, 0);
    file_deflated(&f, "IDAT", NULL, 0, "\0\1\2\3", 4);
    file_chunk(&f, "tEXt", "a\0b", 3);
    file_chunk(&f, "IDAT", "", 0);
    file_chunk(&f, "IEND", NULL, 0);
    start_from("png-pixels-in-two-places", "in several places");
    png_with(2, NULL, NULL, 0, "\0\1\2\3", 4);
    f.p[8 + 3] = 12;
    start_from("png-header-of-another-length", "CRC");
    png_with(2, NULL, NULL, 0, "\0\1\2\3", 4);
    f.p[8 + 8 + 13] ^= 1;
    start_from("png-header-crc", "CRC");
    png_with(2, NULL, NULL, 0, "\0\1\2\3", 4);
    f.p[f.n - 14] ^= 1;
    start_from("png-pixels-crc", "CRC");
    png_with(2, NULL, NULL, 0, "\0\1\2\3", 4);
    f.p[8 + 25] = 0x80;
    start_from("png-chunk-of-2-gb", "ends within a chunk");
    png_with(2, NULL, NULL, 0, "\0\1\2\3", 4);
    f.n = 8;
    start_from("png-signature-alone", "ends early");
    png_with(2, NULL, NULL, 0, "\0\1\2\3", 4);
    f.n -= 12 + 4 + 3;
    start_from("png-cut-in-its-pixels", "ends within a chunk");
}

/* IDAT holds these bytes as they are. */
static void png_streams(void) {
    static const struct {
        const char *name, *z;
        size_t n;
        const char *words;
    } STREAMS[] = {
        {"zlib-of-method-7", "\x77\x9c", 2, "compressed data is damaged"},
        {"zlib-header-sum", "\x78\x9d\1\4\0\xfb\xff\0\1\2\3\0\x0e\0\x07", 15, "compressed data is damaged"},
        {"zlib-dictionary", "\x78\xbb\0\0\0\0", 6, "compressed data is damaged"},
        {"zlib-empty", "\x78\x9c", 2, "ends early"},
        {"zlib-half-a-byte", "\x78", 1, "ends early"},
        {"deflate-kind-3", "\x78\x9c\7", 3, "compressed data is damaged"},
        {"deflate-stored-length", "\x78\x9c\1\4\0\4\0\0\1\2\3", 11, "compressed data is damaged"},
        {"deflate-far-beyond-the-start", "\x78\x9c\x03\x02\0", 5, "compressed data is damaged"},
        {"deflate-codes-too-many", "\x78\x9c\x05\xe0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 15,
         "compressed data is damaged"},
        {"zlib-checksum", "\x78\x9c\1\4\0\xfb\xff\0\1\2\3\0\0\0\0", 15, "wrong checksum"},
        {"zlib-checksum-cut", "\x78\x9c\1\4\0\xfb\xff\0\1\2\3\0\x0e", 13, "ends early"},
    };
    for (size_t i = 0; i < sizeof STREAMS / sizeof *STREAMS; i++) {
        file_png(&f, 1, 1, 8, 2, 0);
        file_chunk(&f, "IDAT", STREAMS[i].z, STREAMS[i].n);
        file_chunk(&f, "IEND", NULL, 0);
        start_from(STREAMS[i].name, STREAMS[i].words);
    }
    png_with(2, NULL, NULL, 0, "\5\1\2\3", 4);
    start_from("png-filter-5", "unknown filter");
    png_with(2, NULL, NULL, 0, "\0\1\2", 3);
    start_from("png-a-byte-missing", "fewer pixels");
    png_with(2, NULL, NULL, 0, "\0\1\2\3\0", 5);
    start_from("png-a-byte-more", "more than it should");
}

/* --- texts --- */

static void text_png(const char *type, const void *data, size_t n) {
    file_png(&f, 1, 1, 8, 2, 0);
    file_chunk(&f, type, data, n);
    file_chunk(&f, "IEND", NULL, 0);
}

static void texts(void) {
    enum { LARGE = 12 << 20 };
    char *a = malloc(LARGE);
    if (!a) abort();
    memset(a, 'a', LARGE);
    file_png(&f, 1, 1, 8, 2, 0);
    file_deflated(&f, "zTXt", "parameters\0\0", 12, a, LARGE);
    say("ztxt-that-unfolds", "compressed text 'parameters'|more than 8 MiB");
    file_png(&f, 1, 1, 8, 2, 0);
    file_deflated(&f, "iTXt", "prompt\0\1\0\0\0", 11, a, LARGE);
    say("itxt-that-unfolds", "compressed text 'prompt'|more than 8 MiB");
    text_png("tEXt", memcpy(a, "parameters", 11), LARGE);
    say("text-of-12-mb", "texts are more than 8 MiB");
    file_png(&f, 1, 1, 8, 2, 0);
    memset(a, 'a', LARGE);
    a[1] = 0;
    for (int i = 0; i < 20; i++) file_chunk(&f, "tEXt", a, LARGE / 20);
    say("many-texts", "texts are more than 8 MiB");
    file_png(&f, 1, 1, 8, 2, 0);
    for (int i = 0; i < 200000; i++) file_chunk(&f, "tEXt", "a\0b", 3);
    say("very-many-texts", "texts are more than 8 MiB");
    free(a);
    static const struct {
        const char *name, *type, *data;
        size_t n;
        const char *words;
    } CASES[] = {
        {"ztxt-method", "zTXt", BYTES("parameters\0\1xx"), "unknown method, number 1"},
        {"ztxt-damaged", "zTXt", BYTES("parameters\0\0xx"), "compressed text 'parameters' is not read|damaged"},
        {"ztxt-without-method", "zTXt", BYTES("parameters\0"), "too short"},
        {"ztxt-cut", "zTXt", BYTES("parameters\0\0\x78\x9c"), "ends early"},
        {"itxt-without-language", "iTXt", BYTES("parameters\0\0\0"), "too short"},
        {"itxt-language-without-end", "iTXt", BYTES("parameters\0\0\0en"), "too short"},
        {"text-without-nul", "tEXt", BYTES("parameters"), "too short"},
        {"text-empty", "tEXt", BYTES(""), "too short"},
        {"text-of-nothing", "tEXt", BYTES("parameters\0"), "does not say how it was made"},
        {"comment-in-jis", "eXIf",
         BYTES("MM\0*\0\0\0\10\0\1\x92\x86\0\7\0\0\0\x0a\0\0\0\x1a\0\0\0\0JIS\0\0\0\0\0\x1b$"),
         "JIS, which is not read"},
        {"comment-of-4-gb", "eXIf", BYTES("MM\0*\0\0\0\10\0\1\x92\x86\0\7\xFF\xFF\xFF\xFF\0\0\0\x1a"),
         "does not say how it was made"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        text_png(CASES[i].type, CASES[i].data, CASES[i].n);
        say(CASES[i].name, CASES[i].words);
    }
    text_png("tEXt", "parameters\0a", 12);
    f.p[f.n - 13] ^= 1;
    say("text-crc", "CRC");
}

/* --- JPEG, GIF, BMP --- */

static char *whole(const char *name, size_t *n) {
    char path[64];
    snprintf(path, sizeof path, "images/%s", name);
    char *bytes = image_file(path, n);
    if (!bytes) abort();
    return bytes;
}

static size_t find(const char *p, size_t n, int marker) {
    size_t i = 0;
    while (i + 1 < n && ((uint8_t)p[i] != 0xFF || (uint8_t)p[i + 1] != marker)) i++;
    return i;
}

static void jpegs(void) {
    static const struct {
        const char *name;
        int marker, at, value; /* the byte at that place after the marker */
        const char *words;
    } CHANGES[] = {{"jpeg-12-bit", 0xC0, 4, 12, "not 8-bit"},
                   {"jpeg-lossless", 0xC0, 1, 0xC3, "lossless"},
                   {"jpeg-hierarchical", 0xC0, 1, 0xC5, "hierarchical"},
                   {"jpeg-arithmetic", 0xC0, 1, 0xC9, "arithmetically coded"},
                   {"jpeg-two-components", 0xC0, 9, 2, "wrong length"},
                   {"jpeg-no-height", 0xC0, 6, 0, "no pixels"},
                   {"jpeg-no-sampling", 0xC0, 11, 0, "header is damaged"},
                   {"jpeg-20000-rows", 0xC0, 5, 80, "pixels end early"},
                   {"jpeg-codes-too-many", 0xC4, 5, 255, "Huffman tables are damaged"},
                   {"jpeg-table-9", 0xC4, 4, 9, "Huffman tables are damaged"},
                   {"jpeg-scan-of-nobody", 0xDA, 5, 77, "scans make no sense"},
                   {"jpeg-scan-of-9", 0xDA, 4, 9, "scans make no sense"},
                   {"jpeg-segment-of-1", 0xC4, 3, 1, "damaged"}};
    size_t n;
    char *grey = whole("grey.jpg", &n);
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
        file_add(&f, grey, n);
        size_t at = find(grey, n, CHANGES[i].marker);
        if (CHANGES[i].marker == 0xC4 && CHANGES[i].at == 3) f.p[at + 2] = 0;
        f.p[at + (size_t)CHANGES[i].at] = (uint8_t)CHANGES[i].value;
        start_from(CHANGES[i].name, CHANGES[i].words);
    }
    size_t scan = find(grey, n, 0xDA) + 10;
    file_add(&f, grey, scan + (n - scan) / 2);
    start_from("jpeg-cut-in-its-pixels", "pixels end early");
    file_add(&f, grey, scan + (n - scan) / 2);
    file_add(&f, "\xFF\xD9", 2);
    start_from("jpeg-cut-with-an-end", "pixels end early");
    file_add(&f, grey, scan);
    start_from("jpeg-cut-before-its-pixels", "pixels end early");
    file_add(&f, grey, find(grey, n, 0xDA));
    start_from("jpeg-without-scan", "ends early");
    file_add(&f, grey, 2);
    file_add(&f, "\xFF\xD9", 2);
    start_from("jpeg-of-nothing", "no pixels");
    file_add(&f, grey, scan);
    for (size_t k = 0; k < 40; k++) file_add(&f, "\xFF\xFF\xFF\xFF\xFF\0", 6);
    file_add(&f, "\xFF\xD9", 2);
    start_from("jpeg-codes-that-are-none", "the JPEG is damaged");
    file_add(&f, grey, find(grey, n, 0xDA));
    file_segment(&f, 0xDD, "\0\1", 2);
    file_add(&f, grey + find(grey, n, 0xDA), n - find(grey, n, 0xDA));
    start_from("jpeg-restart-markers-missing", "compressed data is damaged");
    file_add(&f, "\xFF\xD8\xFF\xE1\0", 5);
    say("jpeg-cut-in-a-length", "ends within a segment");
    free(grey);
    grey = whole("progressive.jpg", &n);
    size_t last = n;
    while (last > 1 && ((uint8_t)grey[last - 2] != 0xFF || (uint8_t)grey[last - 1] != 0xDA)) last--;
    file_add(&f, grey, last - 2);
    start_from("progressive-jpeg-without-its-last-scan", "ends early");
    file_add(&f, grey, last + 10);
    start_from("progressive-jpeg-cut-in-its-last-scan", "pixels end early");
    free(grey);
}

#define GIF "GIF89a\2\0\2\0\x80\0\0\0\0\0\xFF\xFF\xFF" /* 2 x 2, two colours */
#define FRAME ",\0\0\0\0\2\0\2\0\0\2"                  /* the whole of it; codes of 3 bits */

static void gifs_and_bmps(void) {
#define TWO "\2\0\0\0"
#define BMP(header, w, h, bits, compression)                                                                           \
    "BM\0\0\0\0\0\0\0\0\x36\0\0\0" header "\0\0\0" w h "\1\0" bits "\0" compression "\0\0\0"                           \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    static const struct {
        const char *name, *bytes;
        size_t n;
        const char *words;
    } CASES[] = {
        {"gif-cut-in-a-block", BYTES(GIF FRAME "\3\x84"), "ends early"},
        {"gif-pixels-end-early", BYTES(GIF FRAME "\2\x84\x0a\0;"), "pixels end early"},
        {"gif-a-code-too-far", BYTES(GIF FRAME "\2\xFC\1\0;"), "GIF is damaged"},
        {"gif-codes-of-12-bits", BYTES(GIF ",\0\0\0\0\2\0\2\0\0\x0C\1\0\0;"), "GIF is damaged"},
        {"gif-without-frame", BYTES(GIF ";"), "no pixels"},
        {"gif-frame-of-nothing", BYTES(GIF ",\0\0\0\0\0\0\2\0\0\2\1\4\0;"), "no pixels"},
        {"gif-frame-outside", BYTES(GIF ",\1\0\0\0\2\0\2\0\0\2\2\x84\x51\0;"), "lies outside"},
        {"gif-without-palette", BYTES("GIF89a\2\0\2\0\0\0\0" FRAME "\2\x84\x51\0;"), "no palette"},
        {"gif-of-4-gigapixels", BYTES("GIF89a\xFF\xFF\xFF\xFF\0\0\0"), "too many"},
        {"gif-of-no-width", BYTES("GIF89a\0\0\2\0\0\0\0"), "no pixels"},
        {"gif-junk", BYTES(GIF "junk"), "GIF is damaged"},
        {"bmp-cut", BYTES("BM\0\0"), "ends early"},
        {"bmp-pixels-cut", BYTES(BMP("\x28", TWO, TWO, "\x18", "\0") "abcdef"), "ends early"},
        {"bmp-2-billion", BYTES(BMP("\x28", "\xFF\xFF\xFF\x7F", "\xFF\xFF\xFF\x7F", "\x18", "\0")), "too many"},
        {"bmp-unknown-header", BYTES(BMP("\x11", TWO, TWO, "\x18", "\0")), "unknown kind"},
        {"bmp-of-a-jpeg", BYTES(BMP("\x28", TWO, TWO, "\x18", "\4")), "compression is not read"},
        {"bmp-run-lengths-of-24-bits", BYTES(BMP("\x28", TWO, TWO, "\x18", "\1")), "compression is not read"},
        {"bmp-of-2-bits", BYTES(BMP("\x28", TWO, TWO, "\2", "\0")), "bit depth is not read"},
        {"bmp-without-masks", BYTES(BMP("\x28", TWO, TWO, "\x20", "\3") "\0\0\0\0\0\0\0\0\0\0\0\0"), "no colours"},
        {"bmp-palette-cut", BYTES(BMP("\x28", TWO, "\1\0\0\0", "\x8", "\0") "abcd"), "ends early"},
        {"webp", BYTES("RIFF\4\0\0\0WEBPVP8 "), "the WebP has no pixels"},
        {"avif",
         BYTES("\0\0\0\x1C"
               "ftypavif\0\0\0\0"),
         "AVIF pictures are not read"},
        {"heic",
         BYTES("\0\0\0\x1C"
               "ftypheic\0\0\0\0"),
         "HEIF pictures are not read"},
        {"jpeg-xl", BYTES("\xFF\x0A\0\0"), "JPEG XL pictures are not read"},
        {"tiff", BYTES("II*\0\10\0\0\0"), "TIFF pictures are not read"},
        {"photoshop", BYTES("8BPS\0\1"), "Photoshop pictures are not read"},
        {"text", BYTES("a lovely cat"), "not a picture"},
        {"nothing", "", 0, "not a picture"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        file_add(&f, CASES[i].bytes, CASES[i].n);
        start_from(CASES[i].name, CASES[i].words);
    }
    file_add(&f, BYTES(GIF "!\xFE\5abc"));
    say("gif-comment-cut", "comment ends early");
    file_add(&f, BYTES("RIFF\x10\0\0\0WEBPEXIF\xFF\xFF\xFF\xFF"));
    say("webp-chunk-of-4-gb", "does not say how it was made");
}

/* Zeros behind the first bytes, up to a size: refused without being read. */
static void zeros_after(const HostileCase *c, size_t count, const char *name, const void *head, size_t n, long size) {
    FILE *file = fopen(cli_path(name), "wb");
    bool ok = file && fwrite(head, 1, n, file) == n && !fseek(file, size, SEEK_SET) && fputc(0, file) == 0;
    ok = file && !fclose(file) && ok;
    test_check(ok, "a large file is there");
    hostile_cases(c, count);
    remove(cli_path(name));
}

static void large(void) {
    enum { MB = 1 << 20 };
    static const HostileCase SIGNATURE[] = {
        {"100-mb", .args = "png-info big.png", .code = 1, .words = "big.png|without a name"},
        {"100-mb-img2img", .args = "img2img -i big.png -p x -o x.png", .code = 1, .words = "big.png"},
        {"100-mb-replay", .args = "replay big.png", .code = 1, .words = "big.png"}};
    static const HostileCase LARGER[] = {
        {"256-mb-and-more", .args = "png-info big.png", .code = 1, .words = "big.png: is larger than 256 MiB"}};
    static const HostileCase TEXT[] = {
        {"text-of-100-mb", .args = "png-info big.png", .code = 1, .words = "texts are more than 8 MiB"}};
    static const HostileCase EXIF[] = {
        {"webp-exif-of-100-mb", .args = "png-info big.webp", .code = 1, .words = "texts are more than 8 MiB"}};
    zeros_after(SIGNATURE, 3, "big.png", BYTES("\x89PNG\r\n\x1a\n"), 100 * MB);
    zeros_after(LARGER, 1, "big.png", BYTES("\x89PNG\r\n\x1a\n"), 256 * MB);
    zeros_after(TEXT, 1, "big.png", BYTES("\x89PNG\r\n\x1a\n\6\0\0\0tEXtparameters\0a"), 100 * MB);
    zeros_after(EXIF, 1, "big.webp",
                BYTES("RIFF\0\0\0\6WEBPEXIF\0\0\0\6MM\0*\0\0\0\10\0\1\x92\x86\0\7\5\xFF\0\0\0\0\0\x1a\0\0\0\0UNICODE"),
                100 * MB);
    static const uint8_t BLOCK[256] = {255};
    file_add(&f, BYTES(GIF "!\xFE"));
    for (int i = 0; i < 40 * MB; i += 256) file_add(&f, BLOCK, 256);
    file_add(&f, "\0;", 2);
    say("gif-comment-of-40-mb", "texts are more than 8 MiB");
}

HOSTILE(pictures) {
    png_headers();
    png_chunks();
    png_streams();
    texts();
    jpegs();
    gifs_and_bmps();
    large();
    free(f.p);
}
