/* hostile_records.c: `sdc check` of records with one thing changed. */
#define _XOPEN_SOURCE 700
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOISE "\"noise\":\"1x4x2x2 1.5 " DIGEST "\""
#define VALUES "\"noise\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}"
#define SETTINGS "{\\\"prompt\\\":\\\"x\\\",\\\"width\\\":16,\\\"height\\\":16,\\\"steps\\\":1,\\\"seed\\\":1}"
#define GOOD                                                                                                           \
    "{\"__metadata__\":{\"sdc.record\":\"1\",\"sdc.settings\":\"" SETTINGS "\",\"sdc.precision\":\"f32\","             \
    "\"sdc.exact\":\"no\",\"sdc.model\":\"m\",\"sdc.pictures\":\"" DIGEST "\"," NOISE "}," VALUES "}"

#define LINES "k.record: is not lines of SHA-256 BYTES ROLE NAME, one for a role that is no list's: sdc.files"

/* `from` becomes `to`. */
static const struct {
    const char *name, *from, *to, *words;
} EDITS[] = {
    {"no-record", "\"sdc.record\"", "\"sdc.recorx\"", "k.record: is not a record; name a file that sdc record wrote"},
    {"of-later", "\"sdc.record\":\"1\"", "\"sdc.record\":\"2\"",
     "k.record: a record of format 2, this version reads 1"},
    {"no-settings", "\"sdc.settings\"", "\"sdc.settingx\"", "k.record: its settings: |JSON"},
    {"settings-cut", "\\\"seed\\\":1}", "\\\"seed\\\":1", "its settings: |JSON"},
    {"settings-list", SETTINGS, "[]", "its settings: the settings are not a JSON object"},
    {"settings-deep", SETTINGS, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "64 levels"},
    {"setting-unknown", "\\\"steps\\\"", "\\\"hires\\\"", "its settings: hires: is not a setting of this version"},
    {"setting-file", "\\\"steps\\\":1", "\\\"taps\\\":\\\"t\\\"", "its settings: taps: is not a setting"},
    {"setting-twice", "\\\"steps\\\":1", "\\\"seed\\\":1", "its settings: |twice"},
    {"setting-text", "\\\"steps\\\":1", "\\\"steps\\\":\\\"1\\\"", "its settings: steps: is not a whole number"},
    {"setting-half", "\\\"steps\\\":1", "\\\"steps\\\":1.5", "its settings: steps: is not a whole number"},
    {"setting-beyond", "\\\"steps\\\":1", "\\\"steps\\\":100000", "its settings: steps: 100000 is outside its range"},
    {"setting-infinite", "\\\"steps\\\":1", "\\\"cfg_scale\\\":1e999", "its settings: cfg_scale: is not a number"},
    {"setting-flag", "\\\"steps\\\":1", "\\\"always_discard_next_to_last_sigma\\\":1", "is not true or false"},
    {"setting-word", "\\\"steps\\\":1", "\\\"randn_source\\\":\\\"tpu\\\"",
     "its settings: randn_source: 'tpu' must be"},
    {"setting-sampler", "\\\"steps\\\":1", "\\\"sampler_name\\\":\\\"No\\\"", "its settings: sampler_name: 'No'"},
    {"setting-scheduler", "\\\"steps\\\":1", "\\\"scheduler\\\":\\\"No\\\"", "its settings: scheduler: 'No'"},
    {"setting-of-image", "\\\"steps\\\":1", "\\\"denoising_strength\\\":0.5",
     "is for img2img, and there is no picture"},
    {"setting-of-hires", "\\\"steps\\\":1", "\\\"hires_steps\\\":2",
     "hires_steps: is for hires fix, and there is none"},
    {"prompt-number", "\\\"prompt\\\":\\\"x\\\"", "\\\"prompt\\\":7", "its settings: prompt: is not a string"},
    {"size-odd", "\\\"width\\\":16", "\\\"width\\\":16384,\\\"seed_resize_from_w\\\":8", "its settings: |seed height"},
    {"size-huge", "\\\"width\\\":16,\\\"height\\\":16", "\\\"width\\\":16384,\\\"height\\\":16384",
     "its settings: size: "},
    {"seed-random", "\\\"seed\\\":1", "\\\"seed\\\":-1", "k.record: a random seed: sdc.settings"},
    {"seed-last", "\\\"seed\\\":1", "\\\"seed\\\":9223372036854775807,\\\"batch_size\\\":2", "its settings: |no room"},
    {"variation-random", "\\\"seed\\\":1", "\\\"seed\\\":1,\\\"subseed_strength\\\":0.5", "a random seed"},
    {"precision-unknown", "\"f32\"", "\"f31\"", "k.record: names no precision: sdc.precision"},
    {"exact-maybe", "\"no\"", "\"maybe\"", "k.record: is not yes or no: sdc.exact"},
    {"hash-short", "\"sdc.model\":\"m\"", "\"sdc.model_sha256\":\"00\"", "is not a SHA-256: sdc.model_sha256"},
    {"noise-hash-capital", "\"sdc.model\":\"m\"",
     "\"sdc.noise_sha256\":\"AA112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"",
     "is not a SHA-256: sdc.noise_sha256"},
    {"image-unsized", "\"sdc.model\":\"m\"", "\"sdc.image\":\"" DIGEST "\"", "is not WIDTHxHEIGHT SHA-256: sdc.image"},
    {"image-empty", "\"sdc.model\":\"m\"", "\"sdc.image\":\"0x8 " DIGEST "\"", "is not WIDTHxHEIGHT SHA-256"},
    {"image-huge", "\"sdc.model\":\"m\"", "\"sdc.image\":\"65535x65535 " DIGEST "\"", "its settings: image: "},
    {"image-endless", "\"sdc.model\":\"m\"", "\"sdc.image\":\"99999999999999999999x8 " DIGEST "\"", "sdc.image"},
    {"pictures-none", "\"sdc.pictures\"", "\"sdc.picturex\"", "is not a SHA-256 for each picture: sdc.pictures"},
    {"pictures-few", "\\\"seed\\\":1", "\\\"seed\\\":1,\\\"batch_size\\\":2", "is not a SHA-256 for each picture"},
    {"pictures-more", DIGEST "\",\"noise", DIGEST " " DIGEST "\",\"noise", "is not a SHA-256 for each picture"},
    {"pictures-comma", "\"sdc.pictures\":\"00", "\"sdc.pictures\":\"0,", "is not a SHA-256 for each picture"},
    {"mask-alone", "\"sdc.model\":\"m\"", "\"sdc.mask\":\"8x8 " DIGEST "\"", "its settings: mask: needs an image"},
    {"mask-unsized", "\"sdc.model\":\"m\"", "\"sdc.mask\":\"8x" DIGEST "\"", "is not WIDTHxHEIGHT SHA-256: sdc.mask"},
    {"mask-and-more", "\"sdc.model\":\"m\"", "\"sdc.mask\":\"8x8 " DIGEST " x\"", "SHA-256: sdc.mask"},
    {"prediction-unknown", "\"sdc.model\":\"m\"", "\"sdc.prediction\":\"w\"", "names no prediction: sdc.prediction"},
    {"ema-maybe", "\"sdc.model\":\"m\"", "\"sdc.ema\":\"no\"", "is not yes: sdc.ema"},
    {"files-text", "\"sdc.model\":\"m\"", "\"sdc.files\":\"x\"", LINES},
    {"files-short", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 vae\"", LINES},
    {"files-hash", "\"sdc.model\":\"m\"", "\"sdc.files\":\"0" DIGEST " 5 vae x\"", LINES},
    {"files-bytes", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " -5 vae x\"", LINES},
    {"files-role", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 hypernetwork x\"", LINES},
    {"files-role-more", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 vae:1 x\"", LINES},
    {"files-lora", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 lora x\"", LINES},
    {"files-lora-nan", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 lora:nan:1 x\"", LINES},
    {"files-up", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 vae ../x\"", LINES},
    {"files-dots", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " folder vae ..\"", LINES},
    {"files-blank", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 vae x\\n\"", LINES},
    {"files-role-twice", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 vae x\\n" DIGEST " 5 vae y\"", LINES},
    {"files-nowhere", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 vae x\"",
     "k.record: needs the file x (SHA-256 001122334455): name it with --vae"},
    {"files-of-no-control", "\"sdc.model\":\"m\"", "\"sdc.files\":\"" DIGEST " 5 control x\"",
     "k.record: names more ControlNets than it has"},
    {"controls-text", "\"sdc.model\":\"m\"", "\"sdc.controls\":\"x\"",
     "sdc.controls: ControlNet 0: is not WIDTHxHEIGHT"},
    {"controls-alone", "\"sdc.model\":\"m\"", "\"sdc.controls\":\"8x8 " DIGEST " Weight: 1\"",
     "does not name the files of number 0 of its ControlNets"},
    {"controls-field", "\"sdc.model\":\"m\"", "\"sdc.controls\":\"8x8 " DIGEST " Depth: 1\"",
     "sdc.controls: ControlNet 0: Depth: 1 is not supported by this version"},
    {"controls-weight", "\"sdc.model\":\"m\"", "\"sdc.controls\":\"8x8 " DIGEST " Weight: 1e9\"", "Weight: 1e9 is not"},
    {"controls-empty", "\"sdc.model\":\"m\"", "\"sdc.controls\":\"8x8 " DIGEST "\\n\"",
     "is not WIDTHxHEIGHT SHA-256 TEXT"},
    {"key-unknown", "\"sdc.model\"", "\"sdc.lora\"", "k.record: a key that this version does not know: sdc.lora"},
    {"shape-empty", "1x4x2x2", "", "k.record: its line is not SHAPE NORM SHA-256: noise"},
    {"shape-zero", "1x4x2x2", "1x0x2x2", "its line is not SHAPE NORM SHA-256"},
    {"shape-negative", "1x4x2x2", "1x-4x2x2", "its line is not SHAPE NORM SHA-256"},
    {"shape-of-five", "1x4x2x2", "1x1x4x2x2", "its line is not SHAPE NORM SHA-256"},
    {"shape-ends-in-x", "1x4x2x2", "1x4x", "its line is not SHAPE NORM SHA-256"},
    {"shape-beyond-64-bits", "1x4x2x2", "1x99999999999999999999", "its line is not SHAPE NORM SHA-256"},
    {"shape-overflows", "1x4x2x2", "4294967296x4294967296", "its line is not SHAPE NORM SHA-256"},
    {"shape-smaller", "1x4x2x2", "1x3", "k.record: its values do not fit its shape: noise"},
    {"norm-missing", " 1.5", "", "its line is not SHAPE NORM SHA-256"},
    {"norm-negative", " 1.5", " -1.5", "its line is not SHAPE NORM SHA-256"},
    {"norm-nan", " 1.5", " nan", "its line is not SHAPE NORM SHA-256"},
    {"norm-long", " 1.5", " 1.5000000000000000000000000000000000000000000000000000000000000000001", "its line is not"},
    {"norm-huge", " 1.5", " 1e999", "its line is not SHAPE NORM SHA-256"},
    {"digest-short", "1.5 00", "1.5 0", "its line is not SHAPE NORM SHA-256"},
    {"digest-long", "1.5 00", "1.5 000", "its line is not SHAPE NORM SHA-256"},
    {"line-alone", VALUES, "\"latents\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}",
     "k.record: a line without values: noise"},
    {"values-alone", NOISE, "\"format\":\"pt\"", "k.record: values without a line: noise"},
    {"values-of-f16", "\"F32\",\"shape\":[4]", "\"F16\",\"shape\":[8]", "its values do not fit its shape: noise"},
    {"values-square", "\"shape\":[4]", "\"shape\":[2,2]", "its values do not fit its shape"},
    {"weights-first", VALUES,
     "\"sdc.weights\":{\"dtype\":\"U8\",\"shape\":[1,8],\"data_offsets\":[0,8]},"
     "\"noise\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}",
     "k.record: is not a last tensor U8 [N,8]: sdc.weights"},
    {"weights-wide", "\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}",
     "\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"sdc.weights\":{\"dtype\":\"U8\",\"shape\":[1,12],\"data_offsets\":[4,16]}",
     "is not a last tensor U8 [N,8]"},
    {"weights-alone", VALUES, "\"sdc.weights\":{\"dtype\":\"U8\",\"shape\":[2,8],\"data_offsets\":[0,16]}",
     "k.record: holds no activation"},
    {"nothing", "," NOISE "}," VALUES "}", "}}", "k.record: "},
    {"other-format", GOOD, "# a text\n", "k.record: not a safetensors file"},
};

/* A record in `out`: its header and 16 bytes of data; returns the size. */
static size_t make(char *out, const char *from, const char *to) {
    const char *at = strstr(GOOD, from);
    if (!at) abort();
    size_t before = (size_t)(at - GOOD), n = 8;
    n += (size_t)sprintf(out + n, "%.*s%s%s", (int)before, GOOD, to, at + strlen(from));
    for (int i = 0; i < 8; i++) out[i] = (char)((n - 8) >> (8 * i));
    for (int i = 0; i < 16; i++) out[n++] = 0;
    return n;
}

HOSTILE(records) {
    char file[4096];
    test_write(cli_path("k.record"), file, make(file, "x", "x"));
    CliRun r = cli("check k.record --against k.record");
    test_check(r.code == 1 && strstr(r.out, "first that differs: noise (shapes differ)"), "the record itself is read");
    cli_tell(&r);
    cli_free(&r);
    for (size_t i = 0; i < sizeof EDITS / sizeof *EDITS; i++) {
        size_t n = make(file, EDITS[i].from, EDITS[i].to);
        HostileCase c = {EDITS[i].name, "k.record", file, n, "check k.record -q", 1, EDITS[i].words};
        hostile_case(&c);
    }
}
