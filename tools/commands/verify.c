/* verify.c: `sdc verify`: the parity ledger (tools/ledger) on this machine. */
#include "verify_model.h"

#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "tools/ledger/exact.h"
#include "tools/ledger/made_model.h"
#include "tools/ledger/pipeline.h"
#include "tools/ledger/results.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/files/glob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *only, *table, *device, *junit;
    int threads;
    bool json;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, only, 0, "only", "GLOB", "only the rows whose names match (* and ?)"),
    OPTION(STRING, table, 0, "table", "GLOB", "only the tables whose names match: base, v3, v4-mixed, \"cuda f16\""),
    OPTION(CHOICE, device, 0, "device", "auto|cpu|cuda", "the processor and a GPU, or one of them (auto)"),
    OPTION_IN(INT, threads, 0, "threads", "N", 0, SD_MOST_THREADS, "threads to use (0: one for each core)"),
    OPTION(STRING, junit, 0, "junit", "FILE", "also write the results as JUnit's XML"),
    OPTION(FLAG, json, 0, "json", NULL, "print JSON"),
    OPTION_END};

/* A ledger's user. Entries come from several threads. */
typedef struct {
    Results results;
    const char *only;
    OsLock *lock;
    Error err; /* out of memory: says nothing about any table, and nothing else is computed */
} Wanted;

static bool wants(void *user, const char *row) {
    Wanted *w = user;
    os_lock(w->lock);
    bool ended = w->err.code != ERR_NONE;
    os_unlock(w->lock);
    return !ended && (!w->only || glob_match(w->only, row));
}

static void enter(void *user, const LedgerEntry *e) {
    Wanted *w = user;
    os_lock(w->lock);
    if (e->code == ERR_MEMORY) error_set(&w->err, ERR_MEMORY, "%s: %s", e->name, e->figure);
    else results_enter(&w->results, e);
    if (w->results.short_of_memory) error_set(&w->err, ERR_MEMORY, "%s: out of memory", e->name);
    os_unlock(w->lock);
}

/* The tables that were asked for, of the processor and of the GPU. */
static bool list_tables(const Arguments *a, Results *r, Gpu *gpu, Error *e) {
    LedgerTable all[LEDGER_TABLES];
    bool cpu = !a->device || strcmp(a->device, "cuda");
    int n = cpu ? ledger_tables(all) : 0;
    n += cpu && ledger_emulating_table(all + n);
    if (gpu) n += ledger_gpu_tables(all + n, gpu);
    for (int i = 0; i < n; i++) {
        if (a->table && !glob_match(a->table, all[i].name)) continue;
        LedgerTable *t = &r->tables[r->table_count++];
        *t = all[i];
        t->pool = pool_new(1, e);
        if (!t->pool) return false;
    }
    if (r->table_count) return true;
    char names[640];
    size_t at = 0;
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", all[i].name);
    return error_set(e, ERR_ARGUMENT, "--table: no table is called '%.60s'; this machine has %s", a->table, names);
}

/* --- the work: part by part, each table by a thread of its own, as one that computes so little has no use for two ---
 */

typedef void Walk(const Ledger *, const LedgerTable *, const Golden *);

typedef struct {
    const Ledger *ledger;
    Results *results;
    const void *model; /* the micro model's bytes */
    size_t model_size;
    OsLock *lock;
    int threads;
    /* of the current part */
    Walk *walk; /* NULL: the pipeline's, and the runs whose bits are recorded */
    const Golden *golden;
    int next; /* table that no thread has taken yet */
} Work;

enum { MOST_WORKERS = 4 }; /* each may take 300 MB */

/* Whether a table keeps the promise of the same bits, and is not the one that emulates. */
static bool promises(const Results *r) {
    for (int i = 0; i < r->table_count; i++)
        if (r->tables[i].op->exact && r->tables[i].op != cpu_table_emulating()) return true;
    return false;
}

static void do_table(const Work *w, const LedgerTable *t) {
    ExactOn exact = {.table = t, .model = w->model, .model_size = w->model_size};
    bool slow = t->op == cpu_table_emulating(); /* six times: its bits alone say whether it is right */
    exact.few = slow && promises(w->results);   /* nobody needs it */
    if (w->walk && slow) return;
    if (!w->walk && slow) ledger_exact(w->ledger, &exact);
    else if (w->walk) w->walk(w->ledger, t, w->golden);
    else ledger_pipeline(w->ledger, t, w->model, w->model_size), ledger_exact(w->ledger, &exact);
}

/* A processor's tables, as long as there are any. */
static void worker(void *work) {
    Work *w = work;
    for (;;) {
        os_lock(w->lock);
        int t = w->next++;
        os_unlock(w->lock);
        if (t >= w->results->table_count) return;
        if (!w->results->tables[t].gpu) do_table(w, &w->results->tables[t]);
    }
}

static void do_part(Work *w) {
    OsThread *others[MOST_WORKERS] = {0};
    w->next = 0;
    for (int i = 1; i < w->threads && i < MOST_WORKERS; i++) others[i] = os_thread_start(worker, w);
    for (int t = 0; t < w->results->table_count; t++) /* by the thread that opened the GPU */
        if (w->results->tables[t].gpu) do_table(w, &w->results->tables[t]);
    worker(w);
    for (int i = 1; i < MOST_WORKERS; i++)
        if (others[i]) os_thread_join(others[i]);
}

/* What is known of a group; before the first one, what the figures are. */
static void print_group(const Work *w, const char *group, const char *device, bool *begun) {
    if (!*begun && w->results->row_count)
        printf("error over allowed error, the worst of each row's cases; %s, %d thread%s\n\n", device, w->threads,
               w->threads == 1 ? "" : "s");
    *begun = w->results->row_count > 0;
    results_print(w->results, group);
}

/* device: what computes, for people who watch; NULL: nothing is printed. */
static bool verify_all(Work *w, const char *device, Error *e) {
    bool begun = false;
    static const struct {
        const char *group, *golden;
        Walk *walk;
    } PARTS[] = {{"ops", "ops", ledger_ops},
                 {"backward", "gradients", ledger_gradients},
                 {"blocks", "blocks", ledger_blocks},
                 {"pipeline", NULL, NULL}};
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        Golden *golden = PARTS[i].golden ? golden_builtin(PARTS[i].golden, e) : NULL;
        if (PARTS[i].golden && !golden) return false;
        w->walk = PARTS[i].walk, w->golden = golden;
        do_part(w);
        golden_free(golden);
        if (device) print_group(w, PARTS[i].group, device, &begun);
    }
    if (device) print_group(w, PIPELINE_DIRECT, device, &begun);
    if (device) print_group(w, EXACT_GROUP, device, &begun);
    return true;
}

static bool open_gpu(const Arguments *a, Gpu **gpu, Error *e) {
    *gpu = NULL;
    if (a->device && !strcmp(a->device, "cpu")) return true;
    bool must = a->device && !strcmp(a->device, "cuda");
    if (!must && gpu_count() == 0) return true;
    *gpu = gpu_open(0, e);
    return *gpu != NULL;
}

static int verify(const Command *c, const Arguments *a) {
    Error e = {0};
    Wanted wanted = {.only = a->only, .lock = os_lock_new()};
    Results *results = &wanted.results;
    double from = os_clock();
    Gpu *gpu = NULL;
    Ledger ledger = {.enter = enter, .wants = wants, .user = &wanted};
    Work w = {.ledger = &ledger, .results = results, .lock = os_lock_new()};
    w.threads = !os_threads_share_libc() ? 1 : a->threads ? a->threads : os_processors();
    bool ok = (wanted.lock && w.lock) || error_set(&e, ERR_MEMORY, "out of memory");
    ok = ok && open_gpu(a, &gpu, &e) && list_tables(a, results, gpu, &e);
    void *model = ok ? micro_model(F32, &w.model_size, &e) : NULL;
    ok = ok && model;
    w.model = model;
    const char *device = gpu ? gpu_name(gpu) : "cpu";
    ok = ok && verify_all(&w, a->json ? NULL : device, &e) && error_pass(&e, &wanted.err);
    if (ok && !results->passed && !results->failed)
        ok = error_set(&e, ERR_ARGUMENT, "--only: no row is called '%.60s'; without it all are shown", a->only);
    double seconds = os_clock() - from;
    if (ok && a->json) results_json(results, seconds, device, w.threads);
    else if (ok) printf("%ld passed, %ld failed (%.0f s)\n", results->passed, results->failed, seconds);
    ok = ok && (!a->junit || results_junit(results, a->junit, &e));
    int code = ok ? finish_output() : report(c, &e);
    if (code == EXIT_DONE && results->failed) code = EXIT_FAILED;
    for (int t = 0; t < results->table_count; t++) pool_free(results->tables[t].pool);
    results_free(results);
    free(model);
    gpu_close(gpu);
    os_lock_free(w.lock);
    os_lock_free(wanted.lock);
    return code;
}

/* The models' records. */
static int verify_models(const Command *c, const Arguments *a, char **paths, int count) {
    int code = EXIT_DONE;
    for (int i = 0; i < count; i++) {
        Error e = {0};
        bool holds = false;
        if (!verify_model(paths[i], a->device, a->threads, &holds, &e)) {
            fflush(stdout); /* keeps the order of both streams where they go to one place */
            int is = report(c, &e);
            if (!code) code = is;
        } else if (!holds && !code) code = EXIT_FAILED;
    }
    int end = finish_output();
    return end ? end : code;
}

static int run(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest && (a.only || a.table || a.junit || a.json))
        return usage_error(c, "%.60s: --only, --table, --junit and --json are for the ledger; leave them out", argv[0]);
    if (rest) return verify_models(c, &a, argv, rest);
    code = output_file(c, "--junit", &a.junit);
    if (code != GO_ON) return code;
    if (a.junit && !atomic_check(a.junit, &e)) return report(c, &e);
    return verify(c, &a);
}

const Command VERIFY = {
    "verify",
    run,
    "[MODEL...] [options]",
    "hold this machine's arithmetic to float64",
    "Computes every op, forward and backward, every block, and the pipeline of a small model that is made on the spot, "
    "on each table of kernels that this machine can run, and compares them with PyTorch's float64 results, which the "
    "program holds. A figure above 1 is a failure: it is named with its op and table, and the exit code is 1. f32 may "
    "be "
    "off by four times PyTorch float32's own error; Winograd's convolutions, mixed and 16-bit types by bounds that "
    "were "
    "measured.\n"
    "With models, runs the record beside each (MODEL.record, as sdc record writes) again instead.",
    OPTIONS};
