/* test_exact_runs.c: the runs whose bits are recorded (tools/ledger/exact_runs.c), on every table of this machine that
 * keeps the promise, with other numbers of threads, and from files of other layouts. `make port-test` runs this on
 * other machines and compilers. */
#define _XOPEN_SOURCE 700
#include "sd/train/train.h"
#include "tests/load/made_network.h"
#include "tests/harness/few.h"
#include "tests/harness/ledger_checks.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/exact_runs.h"
#include "tools/shapes/shapes.h"
#include "weights/files/path.h"
#include "weights/formats/weight_file.h"
#include "weights/files/glob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is asked --- */

static LedgerTable tables[LEDGER_TABLES];
static ExactOn on;

/* The tables that keep the promise: 0 (and a failed check) if there is none. The one that emulates is the first, the
 * preferred one the last; it is the one that SDC_CPU names, if it does, as on a machine that has no wider one. */
static int begin(void) {
    LedgerTable all[LEDGER_TABLES];
    Error e = {0};
    int count = 0, n = ledger_emulating_table(all);
    const char *wish = getenv("SDC_CPU");
    bool last = false;
    n += ledger_tables(all + n);
    for (int i = 0; i < n && !last; i++) {
        if (!all[i].op->exact || all[i].numbers != NUMBERS_F32) continue;
        tables[count++] = all[i];
        last = wish && !strcmp(wish, all[i].op->name);
    }
    on.model = micro_model(F32, &on.model_size, &e);
    for (int i = 0; i < count; i++)
        if (!(tables[i].pool = pool_new(1, &e))) count = 0;
    return test_check(count && on.model, "memory, and a table that keeps the bits") ? count : 0;
}

static void end(int count) {
    for (int i = 0; i < count; i++) pool_free(tables[i].pool);
    free((void *)on.model);
}

/* SDC_TEST_ROWS="*limit*": only those whose names match. SDC_TEST_PART="2/3": of three processes that share the runs,
 * this is the second. */
static bool mine(void *user, const char *row) {
    int *count = user, part = 1, parts = 1;
    const char *wish = getenv("SDC_TEST_PART"), *rows = getenv("SDC_TEST_ROWS");
    if (rows && !glob_match(rows, row)) return false;
    if (wish && (sscanf(wish, "%d/%d", &part, &parts) != 2 || parts < 1)) abort();
    return (*count)++ % parts == part - 1;
}

static void walk(const LedgerTable *t, int threads, bool few) {
    Ledger checks = ledger_checks();
    int count = 0;
    checks.wants = mine, checks.user = &count;
    on.table = t, on.threads = threads, on.few = few;
    ledger_exact(&checks, &on);
}

/* --- training --- */

enum { SIDE = 32 };

static bool draw(void *user, int64_t index, uint8_t *rgb, Error *e) {
    char caption[SHAPES_CAPTION];
    (void)e;
    shapes_picture(rgb, caption, user, 0, (uint64_t)index, SIDE);
    return true;
}

static char *describe(void *user, int64_t index, Error *e) {
    Scene scene;
    char *caption = malloc(SHAPES_CAPTION);
    if (!caption) return error_set(e, ERR_MEMORY, "out of memory for a caption"), NULL;
    shapes_scene(&scene, user, 0, (uint64_t)index);
    shapes_caption(caption, &scene, user);
    return caption;
}

/* Every weight of a file, in its order. */
static bool add_file(Sha256 *sum, const char *path, Error *e) {
    WeightFile *f = weight_file_open(path, e);
    for (size_t i = 0; f && i < f->count && !e->code; i++) {
        const FileTensor *t = &f->tensors[i];
        int64_t count = file_tensor_count(t);
        float *values = malloc((size_t)(count + 1) * sizeof *values);
        if (!values) error_set(e, ERR_MEMORY, "%s: out of memory for a tensor", path);
        else if (file_tensor_f32(f, t, values)) exact_add(sum, t->name, values, count);
        free(values);
    }
    weight_file_close(f);
    return !e->code;
}

/* Two steps of the VAE of a small new model, then two of its U-Net and text encoder: all weights after each. On the
 * table that SDC_CPU names. */
static bool train(const ExactRun *run, const ExactOn *with, Sha256 *sum, Error *e) {
    char vae[OS_PATH_SIZE], unet[OS_PATH_SIZE];
    ShapesOptions shapes = shapes_options();
    const TrainData data = {.user = &shapes, .count = INT64_MAX, .size = SIDE, .picture = draw, .caption = describe};
    TrainOptions o = train_options();
    (void)run;
    if (!path_make(vae, e, "%s", test_path("vae.safetensors")) ||
        !path_make(unet, e, "%s", test_path("unet.safetensors")))
        return false;
    o.threads = with->threads ? with->threads : 1, o.steps = 2, o.batch = 2, o.overwrite = true, o.recompute = true;
    o.vae = true, o.out = vae, o.lr = 5e-3;
    if (!train_run(&o, &data, e) || !add_file(sum, vae, e)) return false;
    o.vae = false, o.text = true, o.model = vae, o.out = unet, o.lr = 2e-3, o.cache = 64;
    return train_run(&o, &data, e) && add_file(sum, unet, e);
}

static const ExactRun TRAINING = {"training", "04e5328d31491980fe111d8c79a91d267a8fcfc984c04aa9129a5414db7aafac", train,
                                  NULL, 0};

static void train_on(const LedgerTable *t, int threads) {
    Ledger checks = ledger_checks();
    int count = EXACT_RUN_COUNT;
    if (!mine(&count, TRAINING.name)) return;
    char wish[32];
    const char *was = getenv("SDC_CPU");
    snprintf(wish, sizeof wish, "%s", was ? was : "");
    setenv("SDC_CPU", t->op->name, 1);
    on.table = t, on.threads = threads;
    ledger_exact_run(&checks, &TRAINING, &on);
    setenv("SDC_CPU", wish, 1);
}

/* --- networks --- */

static const ExactRun NETWORKS = {
    "networks of every kind", "a87c4eeb5da07ff84032ec0542ea74764d5e6ba59d92b4551befaf64fa3aa42a", exact_picture,
    &(const ExactPicture){.sampler = "Euler a", .weights = F16, .width = 32, .height = 32, .steps = 3, .cfg = 7}, 0};

/* One module of each kind. */
static void add_networks(const LedgerTable *t, int threads) {
    static char paths[64][OS_PATH_SIZE];
    SdNetwork all[64];
    Ledger checks = ledger_checks();
    int count = EXACT_RUN_COUNT + 1;
    if (!mine(&count, NETWORKS.name) || !test_check(NETWORK_CASE_COUNT <= 64, "the kinds are few")) return;
    for (int i = 0; i < NETWORK_CASE_COUNT; i++) {
        const NetworkCase *k = &NETWORK_CASES[i];
        bool conv = !strcmp(k->module, CONV), norm = !strcmp(k->module, NORM);
        MadeWeight none = {32, norm ? 1 : 32, conv ? 9 : 1, calloc(32 * 32 * 9, sizeof(double))};
        MadeNetwork n = {.count = 0};
        char module[200], name[40];
        snprintf(module, sizeof module, "lora_unet_%s", k->module);
        snprintf(name, sizeof name, "kind%d.safetensors", i);
        k->make(&n, module, none);
        snprintf(paths[i], sizeof paths[i], "%s", made_save(&n, name, NULL, 0));
        all[i] = (SdNetwork){.path = paths[i], .text = 0.05, .unet = 0.05};
        made_free(&n);
        free(none.w);
    }
    on.table = t, on.threads = threads, on.networks = all, on.network_count = NETWORK_CASE_COUNT;
    ledger_exact_run(&checks, &NETWORKS, &on);
    on.networks = NULL, on.network_count = 0;
}

/* --- suites --- */

/* All runs on the preferred table, which is the last; a few on the others, and with seven threads. Under SDC_TEST_FEW
 * only a few. */
SUITE(exact_runs, .seconds = 4) {
    int count = begin();
    bool few = test_few();
    for (int i = 0; i < count; i++) walk(&tables[i], 0, few || i < count - 1);
    if (count && !few)
        walk(&tables[count - 1], 7, true), train_on(&tables[count - 1], 1), add_networks(&tables[count - 1], 2);
    end(count);
}

/* The model's bytes in another layout make the run whose row is `name`. */
static void from_file(const LedgerTable *t, const char *what, const char *name, MakeModel spec) {
    char path[1024], hex[65] = "";
    Error e = {0};
    snprintf(path, sizeof path, "%s", test_path(what));
    on.table = t, on.threads = 1, on.file = path;
    for (int i = 0; i < EXACT_RUN_COUNT && make_model(path, spec); i++)
        if (!strcmp(EXACT_RUNS[i].name, name) && exact_checksum(&EXACT_RUNS[i], &on, hex, &e))
            test_check(!strcmp(hex, EXACT_RUNS[i].checksum), "%s as a %s, %s", name, what, t->name);
    if (!*hex) test_check(false, "%s as a %s: %s", name, what, e.text);
    on.file = NULL;
}

/* Everything everywhere, with seven threads; on the preferred table with fewer, too. */
SUITE(exact_runs_all, .seconds = 120, .slow = true) {
    int count = begin();
    for (int threads = 1; count && threads < 7; threads++) walk(&tables[count - 1], threads, false);
    for (int i = 0; i < count; i++) {
        walk(&tables[i], 7, false);
        train_on(&tables[i], 7);
        add_networks(&tables[i], 7);
        from_file(&tables[i], "diffusers folder", "txt2img", (MakeModel){.layout = MODEL_DIFFUSERS, .dtype = F32});
        from_file(&tables[i], "file in f16", "f16 weights", (MakeModel){.dtype = F16});
    }
    end(count);
}
