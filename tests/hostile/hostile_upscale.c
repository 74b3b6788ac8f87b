/* hostile_upscale.c: files that are no upscaler, or not a whole one, and what else goes wrong when a picture is
 * enlarged. */
#include "hostile.h"
#include "sd/image/codecs/png.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <sys/stat.h>

/* clang-format off */
static const HostileCase CASES[] = {
    {"swinir", "u.safetensors", BYTES("\150\000\000\000\000\000\000\000{\"layers.0.residual_group.blocks.0.norm1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}      " "\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: is a SwinIR or Swin2SR, which is not built in; name"},
    {"dat", "u.safetensors", BYTES("\130\000\000\000\000\000\000\000{\"layers.0.blocks.0.norm1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}     " "\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: is a DAT, which is not built in"},
    {"plksr", "u.safetensors", BYTES("\130\000\000\000\000\000\000\000{\"params_ema.feats.1.lk.conv.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  " "\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: is a PLKSR"},
    {"esrgan-plus", "u.safetensors", BYTES("\260\000\000\000\000\000\000\000{\"model.1.sub.0.RDB1.conv1.0.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"model.1.sub.0.RDB1.conv1x1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}     " "\0\0\0\0\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: is an ESRGAN+"},
    {"unknown", "u.safetensors", BYTES("\070\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  " "\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: is no upscaler that is known; name"},
    {"one-layer", "u.safetensors", BYTES("\120\000\000\000\000\000\000\000{\"body.0.rdb1.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   " "\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: does not read and write RGB; name another upscaler"},
    {"grey", "u.safetensors", BYTES("\360\000\000\000\000\000\000\000{\"conv_first.weight\":{\"dtype\":\"F32\",\"shape\":[4,1,3,3],\"data_offsets\":[0,144]},\"body.0.rdb1.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[144,148]},\"conv_last.weight\":{\"dtype\":\"F32\",\"shape\":[1,4,3,3],\"data_offsets\":[148,292]}}    " "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "does not read and write RGB"},
    {"smaller", "u.safetensors", BYTES("\350\000\000\000\000\000\000\000{\"conv_first.weight\":{\"dtype\":\"F32\",\"shape\":[1,12,1,1],\"data_offsets\":[0,48]},\"body.0.rdb1.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[48,52]},\"conv_last.weight\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[52,64]}}  " "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: makes pictures smaller"},
    {"no-layers", "u.safetensors", BYTES("\370\000\000\000\000\000\000\000{\"conv_first.weight\":{\"dtype\":\"F32\",\"shape\":[1,3,3,3],\"data_offsets\":[0,108]},\"body.0.rdb1.conv1.weight\":{\"dtype\":\"F32\",\"shape\":[2,1,3,3],\"data_offsets\":[108,180]},\"conv_last.weight\":{\"dtype\":\"F32\",\"shape\":[3,1,3,3],\"data_offsets\":[180,288]}}      " "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: is no whole upscaler: 35 of 38 tensors are missing|body.0.rdb1.conv1.bias is missing"},
    {"compact-cut", "u.safetensors", BYTES("\240\000\000\000\000\000\000\000{\"params.body.0.weight\":{\"dtype\":\"F32\",\"shape\":[2,3,3,3],\"data_offsets\":[0,216]},\"params.body.1.weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[216,224]}}   " "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: has a compact upscaler's names, but not its layers"},
    {"no-channels", "u.safetensors", BYTES("\120\001\000\000\000\000\000\000{\"body.0.weight\":{\"dtype\":\"F32\",\"shape\":[0,3,3,3],\"data_offsets\":[0,0]},\"body.0.bias\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"body.1.weight\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"body.2.weight\":{\"dtype\":\"F32\",\"shape\":[3,0,3,3],\"data_offsets\":[0,0]},\"body.2.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}} " "\0\0\0\0\0\0\0\0\0\0\0\0"), "upscale -m u.safetensors p.png -o o.png", 1,
     "u.safetensors: has layers without channels; name another upscaler"},
    {"no-picture", .args = "upscale -m $B -o o.png", .code = 2, .words = "no picture; name one"},
    {"no-out", .args = "upscale -m $B p.png", .code = 2, .words = "needs -o FILE"},
    {"no-upscaler", .args = "upscale p.png -o o.png", .code = 2, .words = "no upscaler; name one after -m"},
    {"filter-alone", .args = "upscale p.png -o o.png --filter nearest", .code = 2, .words = "--filter alone needs --scale"},
    {"filter-and-bgr", .args = "upscale p.png -o o.png --filter nearest -s 2 --bgr", .code = 2, .words = "count with an upscaler"},
    {"several-into-one", .args = "upscale a.png b.png -o o.png --filter nearest -s 2", .code = 2, .words = "several pictures need a folder"},
    {"overlap", .args = "upscale -m $B p.png -o o.png --tile 32 --overlap 32", .code = 2, .words = "--overlap: 32 is not below --tile"},
    {"a-model", .args = "upscale -m $B p.png -o o.png", .code = 1, .words = "is no upscaler that is known"},
    {"a-folder", .args = "upscale -m . p.png -o o.png", .code = 1, .words = "is a folder"},
    {"scale", .args = "upscale p.png -o o.png --filter nearest --scale 65", .code = 2, .words = "--scale: 65 is not in 0.01..64"},
};

/* Among pictures of 2 x 1: p.png, p.jpg, r.png, folder/p.png. */
static const HostileCase OVER[] = {
    {"onto-itself", .args = "upscale p.png -o p.png --filter nearest -s 2", .code = 2, .words = "p.png is also an input file"},
    {"onto-another", .args = "upscale p.jpg p.png -o . --filter nearest -s 2", .code = 2, .words = "two pictures would be ./p.png"},
    {"onto-itself-in-a-folder", .args = "upscale r.png p.png -o . --filter nearest -s 2", .code = 2, .words = "r.png is also an input file"},
    {"of-one-name", .args = "upscale p.png folder/p.png -o folder --filter nearest -s 2", .code = 2, .words = "two pictures would be folder/p.png"},
    {"several", .args = "upscale p.jpg r.png -o folder --filter nearest -s 2", .code = 0, .words = "folder/p.png: 4 x 2|folder/r.png: 4 x 2"},
};
/* clang-format on */

static void write_pictures(void) {
    static const uint8_t RGB[2 * 3] = {1, 2, 3, 4, 5, 6};
    static const char *const NAMES[] = {"p.png", "p.jpg", "r.png", "folder/p.png"};
    mkdir(cli_path("folder"), 0777);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        test_check(png_encode(RGB, 2, 1, NULL, 0, &bytes, &size, NULL) && test_write(cli_path(NAMES[i]), bytes, size),
                   "%s is written", NAMES[i]);
        free(bytes);
    }
}

HOSTILE(upscale) {
    hostile_cases(CASES, sizeof CASES / sizeof *CASES);
    write_pictures();
    hostile_cases(OVER, sizeof OVER / sizeof *OVER);
}
