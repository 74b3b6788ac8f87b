/* test_same_files.c: files that every machine writes byte for byte alike, whatever the order of its bytes: the small
 * model in each format and width, and a picture. `make port-test` runs this elsewhere. */
#include "sd/image/image.h"
#include "sd/sd.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/files/sha256.h"

#include <stdio.h>
#include <string.h>

static void check_file(const char *name, const char *path, const char *sha) {
    char hex[65] = "";
    Error e = {0};
    test_check(sha256_file(path, hex, &e) && !strncmp(hex, sha, 16), "%s has its bytes", name);
    test_note("SHA-256 %.16s %s", hex, e.text);
}

static const struct {
    const char *name;
    SdConvert how;
    const char *sha; /* the first 16 digits */
} FILES[] = {
    {"f32.safetensors", {.dtype = "f32"}, "914e97928385feab"},
    {"f16.safetensors", {.dtype = "f16", .layout = "single"}, "c382863ecff7c2f5"},
    {"bf16.safetensors", {.dtype = "bf16"}, "b1780c0b971225a6"},
    {"q8_0.safetensors", {.dtype = "q8_0"}, "20b6b6de354ee2c1"},
    {"f16.gguf", {.dtype = "f16", .format = "gguf"}, "ecb9cbbcdfe191ce"},
};

SUITE(same_files, .seconds = 1) {
    char model[1024];
    uint8_t rgb[40 * 24 * 3];
    Error e = {0};
    snprintf(model, sizeof model, "%s", test_path("micro.safetensors"));
    if (!make_model(model, (MakeModel){.dtype = F32})) return;
    check_file("the model", model, "e8233ccf16a42451");
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        const char *path = test_path(FILES[i].name);
        bool ok = test_check(sd_convert(model, path, &FILES[i].how, NULL, &e), "%s is written", FILES[i].name);
        test_note("%s", e.text);
        if (ok) check_file(FILES[i].name, path, FILES[i].sha);
        remove(path);
    }
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(i * i >> 7 ^ i);
    const char *png = test_path("picture.png");
    if (test_check(image_write(rgb, 40, 24, "a text\nSteps: 20", 0, png, &e), "a PNG is written"))
        check_file("the PNG", png, "a7ddd3fae14d5838");
}
