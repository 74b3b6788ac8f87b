/* cuda_pictures.c: micro-SD on a GPU, or on the shim: every tap, replayed steps, the program. */
#define _XOPEN_SOURCE 700
#include "sd/load/model.h"
#include "tensor/gpu.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/on_gpu.h"
#include "tests/pipeline/pipeline.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char model[1024];

/* A picture of the model with all its taps. */
static bool tapped(const char *device, SdPrecision precision, int width, int height, SdTiling tiling, const char *taps,
                   const char *label) {
    SdRequest r = pipeline_request("Euler", 42, width, height);
    SdOptions o = {.threads = 1, .precision = precision, .device = device};
    SdResult out = {0};
    Error e = {0};
    r.taps = taps, r.tiling = tiling;
    bool ok = test_check(pipeline_run(model, &o, &r, &out, &e), "%s: a picture on %s", label, device);
    if (!ok) test_note("%s", e.text);
    sd_free(&out);
    return ok;
}

/* Every tap of PyTorch's pipeline, in every 16-bit type; of SDXL with its sizes and a zeroed prompt. */
static void goldens(void) {
    char sdxl[1024];
    snprintf(sdxl, sizeof sdxl, "%s", test_path("cuda_sdxl.safetensors"));
    pipeline_ledger(model, "micro_euler_64", "cuda", SD_F16);
    pipeline_ledger(model, "micro_euler_64", "cuda", SD_BF16);
    pipeline_ledger(model, "micro_tiling_euler", "cuda", SD_F16);
    if (test_check(make_model_of(sdxl, (MakeModel){.dtype = F32}, micro_sdxl_config()), "micro-SDXL is written"))
        pipeline_ledger(sdxl, "micro_sdxl_euler_h72_w104", "cuda", SD_BF16);
}

/* In f32 every tap has the CPU's bits, which pass the same goldens. */
static void taps_as_on_cpu(void) {
    static const struct {
        SdPrecision precision;
        int width, height;
        SdTiling tiling;
    } CASES[] = {{SD_F32, 64, 64, SD_TILING_NONE},
                 {SD_F32, 104, 72, SD_TILING_NONE},
                 {SD_F32_DIRECT, 104, 72, SD_TILING_NONE},
                 {SD_F32, 72, 56, SD_TILING_BOTH}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char paths[2][1024], label[96];
        bool direct = CASES[i].precision == SD_F32_DIRECT, ok = true;
        snprintf(label, sizeof label, "cuda %s %dx%d%s", direct ? "f32-direct" : "f32", CASES[i].width, CASES[i].height,
                 CASES[i].tiling ? ", tiled" : "");
        for (int cpu = 0; cpu < 2; cpu++) {
            snprintf(paths[cpu], sizeof paths[cpu], "%s",
                     test_path(cpu ? "cpu_taps.safetensors" : "cuda_taps.safetensors"));
            ok = tapped(cpu ? "cpu" : "cuda", CASES[i].precision, CASES[i].width, CASES[i].height, CASES[i].tiling,
                        paths[cpu], label) &&
                 ok;
        }
        if (ok) pipeline_same_taps(paths[0], paths[1], label);
    }
}

static bool seen(void *user, const SdPicture *p, int step, int steps) {
    (void)p, (void)step, (void)steps;
    return ++*(int *)user > 0;
}

/* Without listeners, steps are recorded and replayed: the same picture. The same in a batch, and again. */
static void replays(void) {
    SdRequest r = pipeline_request("Euler a", 42, 64, 64);
    SdOptions o = {.threads = 1, .device = "cuda"};
    r.steps = 3; /* the first as it is, the second recorded, the third played */
    SdResult tapped = {0}, one = {0}, watched = {0}, batch = {0};
    int previews = 0;
    Error e = {0};
    r.taps = test_path("cuda_taps.safetensors"), r.tap = "image";
    bool ok = pipeline_run(model, &o, &r, &tapped, &e);
    r.taps = NULL;
    ok = ok && pipeline_run(model, &o, &r, &one, &e);
    r.preview = seen, r.user = &previews;
    ok = ok && pipeline_run(model, &o, &r, &watched, &e) && previews > 0;
    r.preview = NULL;
    r.batch_size = 2, r.seed = 41;
    ok = ok && pipeline_run(model, &o, &r, &batch, &e);
    if (!test_check(ok, "cuda: pictures with and without taps, alone and in a batch")) test_note("%s", e.text);
    if (ok) {
        test_check(pipeline_same_picture(&tapped.pictures[0], &one.pictures[0]),
                   "cuda: the same picture with and without taps");
        test_check(pipeline_same_picture(&one.pictures[0], &watched.pictures[0]),
                   "cuda: the same picture with previews");
        test_check(pipeline_same_picture(&one.pictures[0], &batch.pictures[1]),
                   "cuda: the same picture alone and in a batch");
        test_check(!pipeline_same_picture(&batch.pictures[0], &batch.pictures[1]),
                   "cuda: another seed, another picture");
    }
    sd_free(&tapped);
    sd_free(&one);
    sd_free(&watched);
    sd_free(&batch);
}

static bool (*begin_recording)(Gpu *);
static int recordings;

static bool count_recordings(Gpu *gpu) {
    recordings++;
    return begin_recording(gpu);
}

/* Pictures of a model that keeps its memory: steps are recorded if they are new ones, and all pictures are right. */
static void kept_steps(void) {
    static const struct {
        int width, batch, cfg, recordings; /* recordings: how many, after this call */
        bool keep;
    } CALLS[] = {{64, 1, 7, 1, true}, {64, 1, 7, 1, true},  {64, 2, 7, 2, true}, /* more than the decoder takes */
                 {64, 1, 7, 3, true}, {72, 1, 7, 4, true},  {64, 1, 1, 5, true},
                 {64, 1, 7, 6, true}, {64, 1, 7, 7, false}, {64, 1, 7, 8, true}};
    SdOptions o = {.precision = SD_F32, .device = "cuda"};
    SdResult first = {0};
    Error e = {0};
    SdModel *m = sd_open(model, &o, &e);
    if (!test_check(m != NULL, "cuda: a model that keeps its steps")) {
        test_note("%s", e.text);
        return;
    }
    const Ops *own = m->ops;
    Ops ops = *own;
    GpuMemory memory = *own->memory;
    begin_recording = memory.record_begin, recordings = 0;
    memory.record_begin = count_recordings, ops.memory = &memory, m->ops = &ops;
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        SdRequest r = pipeline_request("Euler", 42, CALLS[i].width, 64);
        SdResult out = {0};
        r.steps = 2, r.batch_size = CALLS[i].batch, r.cfg = CALLS[i].cfg, r.keep = CALLS[i].keep;
        bool ok = sd_txt2img(m, &r, &out, &e), usual = CALLS[i].width == 64 && CALLS[i].cfg == 7;
        test_check(ok && recordings == CALLS[i].recordings, "cuda: call %d of a model: %d recordings, not %d", (int)i,
                   recordings, CALLS[i].recordings);
        test_note("%s", e.text);
        if (!i) first = out;
        else if (ok && usual)
            test_check(pipeline_same_picture(&first.pictures[0], &out.pictures[0]),
                       "cuda: call %d of a model: the same picture", (int)i);
        if (i) sd_free(&out);
    }
    sd_free(&first);
    m->ops = own;
    sd_close(m);
}

/* --- the program --- */

/* sdc with the shim, or, in a build with CUDA, sdc itself. */
static bool find_program(void) {
    char path[1100];
    if (!cli_begin()) return false;
    snprintf(path, sizeof path, "%s-shim", getenv("SDC"));
    return access(path, X_OK) || !setenv("SDC", path, 1);
}

/* One check: the command exits with this code, and its stderr contains `words`. */
static void program(int code, const char *words, const char *command) {
    CliRun r = cli_shell(command, false);
    bool ok = r.code == code && strstr(r.err, words);
    for (const char *p = r.err; code && (p = strchr(p, '\n')); p++) ok = ok && (!p[1] || strstr(r.err, "sdc: on "));
    if (!test_check(ok, "cuda: exit code %d, \"%s\": %s", code, words, command))
        test_note("exit code %d, %s", r.code, r.err);
    cli_free(&r);
}

#define RUN " \"$SDC\" txt2img -m ../cuda_micro.safetensors -p 'a cat' -W 64 -H 64 --steps 2 --seed 42 "

#define XL                                                                                                             \
    " \"$SDC\" txt2img -m ../cuda_sdxl.safetensors -p cat -W 32 -H 32 --steps 1 --seed 1 --device cuda --precision "   \
    "f16 "

#define FROM_PICTURE                                                                                                   \
    " \"$SDC\" img2img -m ../cuda_micro.safetensors -i cpu.png -p 'a (cat:1.2)' -n '' --steps 3 --seed 42 "            \
    "--precision "                                                                                                     \
    "f32-direct --strength 0.8 "

/* sdc bench on the GPU, for people and as JSON. */
static void benchmarks(void) {
    static const char *const LINES[] = {"peaks of cuda:0 (",
                                        "  f32  fma ",
                                        "  f16  mma ",
                                        "  copying ",
                                        "clock, one at a time; products as a share of the f32 peak",
                                        "\ntext   linear",
                                        "\nstep   conv 3x3",
                                        "\ndecode group norm",
                                        "\n  text ",
                                        "\n  step ",
                                        "\n  decode ",
                                        "\n  picture ",
                                        "\n  memory ",
                                        "\n  GPU "};
    CliRun r = cli("bench -m ../cuda_micro.safetensors -W 64 -H 64 --device cuda --cfg 1 --steps 1 --runs 1");
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
        test_check(!r.code && strstr(r.out, LINES[i]), "cuda: bench says \"%s\"", LINES[i]);
    test_note("exit code %d, %s", r.code, r.err);
    cli_free(&r);
    bench_json("cuda:0", false, 4, 1,
               "-m ../cuda_micro.safetensors -W 64 -H 64 --device cuda --cfg 1 --steps 4 --runs 1");
    program(2, "--kernels: measures the processor", "\"$SDC\" bench --kernels --device cuda");
    program(2, "--device: one at a time", "\"$SDC\" bench -m ../cuda_micro.safetensors --device cuda:0,1");
}

/* A GPU that cannot be used, and was not asked for. */
static const struct {
    const char *before, *says, *after;
} IDLE[] = {
    {"SDC_SHIM_GPUS=-2", "sdc: on cpu; the NVIDIA driver is too old: it supports CUDA 11.8, this program needs ", ""},
    {"SDC_SHIM_GPUS=-3", "sdc: on cpu; the NVIDIA driver fails: unspecified launch failure", ""},
    {"mkdir -p pci/a pci/b && echo 0x10de > pci/a/vendor && echo 0x040300 > pci/a/class && echo 0x8086 > pci/b/vendor "
     "&& "
     "echo 0x030000 > pci/b/class && SDC_SHIM_DEVICES=pci SDC_SHIM_GPUS=-1",
     "nothing is said", " 2> idle.txt && ! grep -q sdc idle.txt && echo nothing is said >&2"},
    {"mkdir pci/c && echo 0x10de > pci/c/vendor && echo 0x030200 > pci/c/class && SDC_SHIM_DEVICES=pci "
     "SDC_SHIM_GPUS=-1",
     "sdc: on cpu; there is an NVIDIA GPU, but no driver for it is installed\n", ""},
};

static void programs(void) {
    char command[512];
    if (!test_check(find_program(), "the program sdc exists (SDC_BIN, else ./sdc)")) return;
    if (test_check(make_model_of(test_path("cuda_sdxl.safetensors"), (MakeModel){.dtype = F16}, micro_sdxl_config()),
                   "micro-SDXL is written")) /* with a zeroed negative prompt, which its tap must not overwrite */
        program(0, "sdc: on cuda:0",
                XL "--taps t.safetensors --tap pooled -o t.png &&" XL "-o p.png && cmp t.png p.png");
    program(0, "sdc: on cuda:0", "SDC_SHIM_GUARD=1" RUN "--device cuda -o one.png");
    program(0, "sdc: on cuda:0", RUN "-o auto.png && cmp one.png auto.png");
    program(0, "", RUN "--device cpu -o cpu.png --precision f32-direct");
    program(0, "sdc: on cuda:0", "SDC_SHIM_GUARD=1" RUN "--device cuda --precision f16 -o half.png");
    program(0, "), f32; --precision f16 is much faster", RUN "--device cuda -o cuda.png");
    program(0, "GPU 0)\n", "\"$SDC\" replay half.png -m ../cuda_micro.safetensors --precision f16");
    program(0, "", "\"$SDC\" replay cpu.png -m ../cuda_micro.safetensors --device cpu --precision f32-direct");
    program(1, "", "\"$SDC\" replay half.png -m ../cuda_micro.safetensors --device cpu --precision f32 -q");
    program(2, "precision f16: is for GPUs", "\"$SDC\" replay half.png -m ../cuda_micro.safetensors --device cpu -q");
    program(2, "--device: one at a time", "\"$SDC\" replay half.png -m ../cuda_micro.safetensors --device cuda:0,1");
    program(0, "), f16\n", RUN "--device cuda --precision mixed -o mixed.png && cmp half.png mixed.png");
    program(2, "f16 is for GPUs", RUN "--device cpu --precision f16 -o no.png");
    program(1, "the limit is 1 MiB", RUN "--device cuda --memory-limit 1M -o no.png");
    program(0, "sdc: on cuda:0", FROM_PICTURE "--device cuda --taps GPU.safetensors -o GPU.png");
    program(0, "",
            FROM_PICTURE "--device cpu --taps cpu.safetensors -o from.png && cmp GPU.safetensors cpu.safetensors");
    benchmarks();
    if (strstr(getenv("SDC"), "-shim") == NULL) {
        test_skip("cuda: several GPUs, lost GPUs: these need the stand-in");
        return;
    }
    program(0, "sdc: on cuda:0", RUN "--device cuda --batch-size 3 -o a.png");
    program(0, "sdc: on cuda:2",
            "SDC_SHIM_GPUS=3 SDC_SHIM_GUARD=1" RUN
            "--device cuda:2,0,1 --batch-size 3 -o b.png && for i in 42 43 44; do "
            "cmp a-$i.png b-$i.png || exit 3; done");
    program(1, "SDC_SHIM",
            "SDC_SHIM_GPUS=2" RUN "--device cuda:0,1 --batch-size 2 --taps t.safetensors -o no.png; "
            "c=$?; echo SDC_SHIM >&2; exit $((c / 2))");
    program(1, "no NVIDIA GPU can be used: no CUDA-capable device", "SDC_SHIM_GPUS=0" RUN "--device cuda -o no.png");
    program(1, "no NVIDIA GPU can be used: no driver is installed", "SDC_SHIM_GPUS=-1" RUN "--device cuda -o no.png");
    program(1, "no NVIDIA GPU can be used: no CUDA-capable device",
            "SDC_SHIM_GPUS=0 \"$SDC\" bench -m ../cuda_micro.safetensors --device cuda");
    program(0, "", "SDC_SHIM_GPUS=0" RUN "--device auto --precision f32-direct -o none.png && cmp none.png cpu.png");
    for (size_t i = 0; i < sizeof IDLE / sizeof *IDLE; i++) {
        snprintf(command, sizeof command, "%s" RUN "-o idle.png%s", IDLE[i].before, IDLE[i].after);
        program(0, IDLE[i].says, command);
    }
    program(1, "no such GPU; this machine has 0..0", RUN "--device cuda:1 -o no.png");
    program(1, "it has compute capability 7.0; at least 7.5 is needed",
            "SDC_SHIM_ARCH=70" RUN "--device cuda -o no.png");
    program(0, "sdc: on cpu; cuda:0 (made-up GPU 0): is too old",
            "SDC_SHIM_ARCH=70" RUN "--precision f32-direct -o old.png && cmp old.png cpu.png");
    program(1, "out of memory: ", "SDC_SHIM_MEMORY=20000000" RUN "--device cuda -o no.png");
    program(0, "sdc: on cpu; cuda:0 (made-up GPU 0): out of memory: ",
            "SDC_SHIM_MEMORY=20000000" RUN "--precision f32-direct -o full.png && cmp full.png cpu.png");
    program(1, "the GPU has", "SDC_SHIM_MEMORY=35000000" RUN "--device cuda -o no.png");
    /* The stated minimum suffices: 7 MiB, the memory for sums on every GPU, and rounding to pages. */
    program(1, "needs 7 MiB, or", RUN "--device cuda --precision f16 --memory-limit 1M -o no.png");
    program(0, "sdc: on cuda:0",
            "SDC_SHIM_MEMORY=$(((7 + 32 << 20) + 131072))" RUN
            "--device cuda --precision f16 -o enough.png && cmp half.png enough.png");
    for (int i = 2; i <= 5; i++) { /* someone else has taken it meanwhile */
        snprintf(command, sizeof command, "SDC_SHIM_REFUSE=%d" RUN "--device cuda -o no.png", i);
        program(1, "made-up GPU 0): out of memory: ", command);
    }
    static const int LOST[] = {1,   3,   30, 100,
                               200, 300, 340}; /* while a step is recorded and played, and during decoding */
    for (size_t i = 0; i < sizeof LOST / sizeof *LOST; i++) {
        snprintf(command, sizeof command, "SDC_SHIM_FAIL=%d" RUN "--device cuda --steps 4 -o no.png", LOST[i]);
        program(1, "unspecified launch failure", command);
    }
    program(1, "unspecified launch failure",
            "SDC_SHIM_FAIL=100 SDC_SHIM_GPUS=2" RUN "--device cuda:0,1 --batch-size 2 -o no.png");
}

static bool begin(const char *suite) {
    if (!gpu_or_skip(suite)) return false;
    snprintf(model, sizeof model, "%s", test_path("cuda_micro.safetensors"));
    return make_micro_model(model, F32);
}

SUITE(cuda_pictures, .seconds = 43) {
    if (!begin("cuda_pictures")) return;
    goldens();
    taps_as_on_cpu();
    replays();
    kept_steps();
}

SUITE(cuda_programs, .seconds = 50) {
    if (begin("cuda_programs")) programs();
}
