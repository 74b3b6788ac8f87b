/* hostile_networks.c: --lora with what is no network, and networks that are broken. */
#include "hostile.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define T "txt2img -m $B -p x -W 64 -H 64 --steps 1 -o n.png --lora "

static const HostileCase CASES[] = {
    {"missing", .args = T "no.safetensors", .code = 1, .words = "no.safetensors: "},
    {"empty", .args = T "''", .code = 2, .words = "--lora: its value is empty"},
    {"no-name", .args = T ":0.5", .code = 2, .words = "--lora: ':0.5' names no file"},
    {"weight", .args = T "a.safetensors:101", .code = 2, .words = "its weights are not in -100..100"},
    {"weight-text", .args = T "a.safetensors:1e9:1", .code = 2, .words = "its weights are not in -100..100"},
    {"weight-word", .args = T "a.safetensors:strong", .code = 1, .words = "a.safetensors:strong: "},
    {"weight-nan", .args = T "a.safetensors:nan", .code = 1, .words = "a.safetensors:nan: "},
    {"a-model", .args = T "$B", .code = 1, .words = "is no LoRA or the like"},
    {"text", "a.safetensors", BYTES("a LoRA\n"), T "a.safetensors", 1, "a.safetensors: "},
    {"folder", .args = T ".", .code = 1, .words = ".: "},
    {"merge-two", .args = "merge $B $B -o m.safetensors --lora a.safetensors", .code = 2,
     .words = "--lora: is baked into one model"},
    {"extract-one", .args = "extract $B -o x.safetensors", .code = 2, .words = "needs two models"},
    {"extract-rank", .args = "extract $B $B -o x.safetensors --rank 0", .code = 2, .words = "--rank: "},
    {"extract-same", .args = "extract $B $B -o x.safetensors", .code = 1, .words = "nothing to write"},
    {"extract-no-model", .args = "extract $B is.png -o x.safetensors", .code = 1, .words = "is.png: "},
    {"merge-apply", .args = "merge $B -o m.safetensors --half --lora-apply webui", .code = 2,
     .words = "--lora-apply: counts with --lora"},
};

/* A file of F16 tensors, all bits alike: "KEY N M;..." */
static void write_network(const char *list, uint8_t byte) {
    char header[4096];
    uint8_t bytes[8192];
    size_t at = 1, data = 0;
    strcpy(header, "{");
    for (const char *p = list; *p;) {
        char key[200];
        int n = 0, m = 0, used = 0;
        sscanf(p, "%199s %d %d;%n", key, &n, &m, &used);
        if (!used) break;
        size_t size = 2 * (size_t)n * (size_t)m;
        at += (size_t)snprintf(header + at, sizeof header - at,
                               "%s\"%s\":{\"dtype\":\"F16\",\"shape\":[%d,%d],\"data_offsets\":[%zu,%zu]}",
                               at > 1 ? "," : "", key, n, m, data, data + size);
        data += size;
        p += used;
        while (*p == ' ') p++;
    }
    at += (size_t)snprintf(header + at, sizeof header - at, "}");
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(at >> 8 * i);
    memcpy(bytes + 8, header, at);
    memset(bytes + 8 + at, byte, data);
    test_write(cli_path("b.safetensors"), bytes, 8 + at + data);
}

static const struct {
    const char *name, *list;
    uint8_t byte;
    const char *words;
} FILES[] = {
    {"half-a-pair", "lora_unet_conv_in.lora_down.weight 2 4;", 1, "lacks some"},
    {"misshapen", "lora_unet_conv_in.lora_down.weight 2 4; lora_unet_conv_in.lora_up.weight 4 3;", 1,
     "do not fit each"},
    {"rank-0", "lora_unet_conv_in.lora_down.weight 0 4; lora_unet_conv_in.lora_up.weight 4 0;", 1, "do not fit each"},
    {"alpha-nan", "a.lora_down.weight 1 1; a.lora_up.weight 1 1; a.alpha 1 1;", 0xff,
     "a.alpha is |nan, which draws nothing"},
    {"two-kinds", "a.lora_down.weight 1 1; a.lora_up.weight 1 1; a.hada_w1_a 1 1;", 1, "parts of no kind"},
    {"twice", "lora_unet_a.lora_down.weight 1 1; unet.a.lora_A.weight 1 1; unet.a.lora_B.weight 1 1;", 1,
     "the same part"},
    {"elsewhere", "lora_unet_x.lora_down.weight 1 1; lora_unet_x.lora_up.weight 1 1;", 1, "none of its 1 modules"},
    {"flux", "lora_unet_double_blocks_0_x.lora_down.weight 1 1; lora_unet_double_blocks_0_x.lora_up.weight 1 1;", 1,
     "is for Flux, and"},
    {"vera", "base_model.model.a.vera_lambda_b 1 4;", 1, "of the kind VeRA"},
    {"lllite", "lllite_unet_input_blocks_4_1_x.down.0.weight 4 4;", 1, "is a ControlNet-LLLite"},
    {"other-shape", "lora_unet_conv_in.lora_down.weight 1 5; lora_unet_conv_in.lora_up.weight 7 1;", 1, "does not fit"},
};

HOSTILE(networks) {
    hostile_cases(CASES, sizeof CASES / sizeof *CASES);
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        write_network(FILES[i].list, FILES[i].byte);
        hostile_case(&(HostileCase){FILES[i].name, .args = T "b.safetensors", .code = 1, .words = FILES[i].words});
    }
}
