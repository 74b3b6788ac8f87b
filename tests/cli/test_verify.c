/* test_verify.c: `sdc verify`: its table, JSON and JUnit's XML; a wrong kernel is named with its op and table. */
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tools/ledger/made_model.h"
#include "tools/ledger/pipeline.h"
#include "tools/ledger/results.h"
#include "weights/files/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- XML --- */

/* Whether text is well-formed, of what JUnit files need: one root, elements that close in order, attributes in double
 * quotes, only known entities. Counts elements called `name`. */
static bool well_formed(const char *p, const char *name, int *count) {
    static const char *const KNOWN[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    char open[16][32];
    int depth = 0, roots = 0;
    *count = 0;
    for (const char *q = strchr(p, '&'); q; q = strchr(q + 1, '&')) {
        bool known = false;
        for (int i = 0; i < 4; i++) known = known || !strncmp(q, KNOWN[i], strlen(KNOWN[i]));
        if (!known) return false;
    }
    if (!strncmp(p, "<?xml ", 6)) p = strstr(p, "?>") + 2;
    for (; *p; p++) {
        if (*p == '>' || (unsigned char)*p > 126 || (*p < 32 && *p != '\n')) return false;
        if (*p != '<') {
            if (!depth && *p != '\n') return false;
            continue;
        }
        bool end = p[1] == '/';
        const char *tag = p + 1 + end;
        size_t length = strspn(tag, "abcdefghijklmnopqrstuvwxyz");
        if (!length || length >= sizeof open[0] || depth == 16) return false;
        bool quoted = false;
        for (p = tag + length; *p && (quoted || *p != '>'); p++) {
            if (*p == '"') quoted = !quoted;
            else if (*p == '<') return false;
        }
        if (!*p) return false;
        if (end) {
            if (!depth-- || strlen(open[depth]) != length || strncmp(open[depth], tag, length)) return false;
            continue;
        }
        *count += strlen(name) == length && !strncmp(tag, name, length);
        roots += !depth;
        if (p[-1] != '/') snprintf(open[depth++], sizeof open[0], "%.*s", (int)length, tag);
    }
    return !depth && roots == 1;
}

static void check_xml(const char *path, int cells, int failures) {
    char *text = test_read(path, NULL);
    int tests = 0, failed = 0;
    bool ok = text && well_formed(text, "testcase", &tests) && well_formed(text, "failure", &failed);
    test_check(ok && tests == cells && failed == failures, "JUnit's XML: %d cells, %d failures", cells, failures);
    test_note("%d and %d in %s", tests, failed, text ? text : "no file");
    free(text);
}

/* --- a wrong kernel --- */

static void (*right_norm)(Ctx *, Tensor, Tensor, const Weight *, const Weight *, float);
static int wrong; /* 1: off by a millionth; 2: the last number of a row is not written */

static void wrong_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    int64_t last = y.n[y.nd - 1] - 1;
    right_norm(c, y, x, w, b, eps);
    for (int64_t r = 0; r < tensor_count(y) / y.n[y.nd - 1]; r++)
        for (int64_t i = 0; i <= last; i++) {
            float *at = (float *)tensor_row(y, r) + i;
            if (wrong == 1) *at *= 1.000003f;
            else if (i == last) *at = NAN;
        }
}

static void enter(void *user, const LedgerEntry *e) { results_enter(user, e); }

/* Ops and blocks on a right table and on one with a wrong layer norm. */
static void wrong_kernel(int how) {
    static const char *const HIT[] = {"layer norm", "transformer block", "spatial transformer", "CLIP layer"};
    Error e = {0};
    Results *r = calloc(1, sizeof *r);
    ThreadPool *pool = pool_new(1, &e);
    const Ops *good = cpu_ops(&e);
    Golden *ops = golden_builtin("ops", &e), *blocks = golden_builtin("blocks", &e);
    if (!test_check(r && pool && good && ops && blocks, "the ledger's goldens")) exit(1);
    Ops bad = *good;
    right_norm = bad.layer_norm, bad.layer_norm = wrong_norm, wrong = how;
    Ledger l = {.enter = enter, .user = r};
    r->table_count = 2;
    r->tables[0] = (LedgerTable){"good", good, NULL, NUMBERS_F32, pool};
    r->tables[1] = (LedgerTable){"bad & <worse>", &bad, NULL, NUMBERS_F32, pool};
    for (int t = 0; t < 2; t++) {
        ledger_ops(&l, &r->tables[t], ops);
        ledger_blocks(&l, &r->tables[t], blocks);
    }
    bool named = r->failed > 0, finite = true;
    int rows = 0, failures = 0, cells = 0;
    for (size_t i = 0; i < r->failure_count; i++) {
        const ResultFailure *f = &r->failures[i];
        bool hit = false;
        for (int k = 0; k < 4; k++) hit = hit || !strcmp(f->row, HIT[k]);
        named = named && hit && f->entry.table == &r->tables[1];
        finite = finite && !strstr(f->entry.figure, "not finite");
    }
    for (int i = 0; i < r->row_count; i++)
        for (int t = 0; t < 2; t++) {
            cells += r->rows[i].cells[t].cases > 0, failures += r->rows[i].cells[t].failed > 0;
            rows += !strcmp(r->rows[i].row, "layer norm") && r->rows[i].cells[t].failed > (how == 1 ? 4 : 10);
        }
    test_check(named && rows == 1 && (long)r->failure_count == r->failed && finite == (how == 1),
               "a wrong layer norm (%d) is named, with its table", how);
    test_note("%ld failures, %d rows", r->failed, rows);
    const char *path = test_path("wrong.xml");
    if (!test_check(results_junit(r, path, &e), "written as JUnit's XML")) test_note("%s", e.text);
    check_xml(path, cells, failures);
    golden_free(ops);
    golden_free(blocks);
    results_free(r);
    pool_free(pool);
    free(r);
}

/* What a golden holds and a run does not make is a failure. */
static void missing(void) {
    Error e = {0};
    size_t size = 0;
    Results *r = calloc(1, sizeof *r);
    void *bytes = micro_model(F32, &size, &e);
    Golden *g = golden_builtin("micro_ddim_64", &e);
    ThreadPool *pool = pool_new(1, &e);
    if (!test_check(r && bytes && g && pool, "the micro model")) exit(1);
    r->table_count = 1;
    r->tables[0] = (LedgerTable){"f32", cpu_ops(&e), NULL, NUMBERS_F32, pool};
    SdModel *m = pipeline_open(&r->tables[0], false, bytes, size, &e);
    PipelineCase k = {"micro_ddim_64", NULL, "DDIM", 42, 64, 64, 5, 0, NULL, NULL};
    Ledger l = {.enter = enter, .user = r};
    if (m) ledger_pipeline_case(&l, &r->tables[0], g, &k, m);
    bool right = m && r->passed == 11 && !r->failed;
    k.sampler = "Restart", k.steps = 1; /* one step, of another kind */
    if (m) ledger_pipeline_case(&l, &r->tables[0], g, &k, m);
    int absent = 0;
    for (size_t i = 0; i < r->failure_count; i++) absent += strstr(r->failures[i].entry.figure, "is not among") != NULL;
    test_check(right && absent == 6, "a run of one step lacks the activations of three");
    test_note("%ld passed, %ld failed, %d absent; %s", r->passed, r->failed, absent, e.text);
    sd_close(m);
    golden_free(g);
    pool_free(pool);
    results_free(r);
    free(bytes);
    free(r);
}

/* --- the command --- */

static void json(void) {
    CliRun r = cli("verify --table base --only 'GEGLU' --json --device cpu --threads 1");
    Error e = {0};
    int64_t passed = 0, failed = -1;
    double worst = -1;
    Json *j = r.code ? NULL : json_parse("verify", r.out, strlen(r.out), &e);
    const JsonNode *cells = j ? json_get(j, j->nodes, "cells") : NULL;
    bool ok = cells && cells->count == 2 && json_int(json_get(j, j->nodes, "passed"), &passed) &&
              json_int(json_get(j, j->nodes, "failed"), &failed);
    const JsonNode *cell = ok ? &j->nodes[cells->child] : NULL;
    const JsonNode *table = json_get(j, cell, "table"), *row = json_get(j, cell, "row");
    ok = ok && json_double(json_get(j, cell, "worst"), &worst) && !strcmp(table->text, "base");
    test_check(ok && !strcmp(row->text, "GEGLU") && passed == 10 && !failed && worst > 0 && worst <= 1,
               "--json: a cell for each table and row");
    test_note("%s%s", e.text, r.out);
    if (j) json_free(j);
    cli_free(&r);
}

/* The record beside a model. */
static void models(void) {
    char path[1024];
    snprintf(path, sizeof path, "%s", cli_path("m.safetensors"));
    if (!make_micro_model(path, F32)) return;
    cli_works("",
              "record -m m.safetensors -p cat -W 16 -H 16 --steps 1 --seed 1 --threads 1 -q -o m.safetensors.record");
    cli_works("m.safetensors.record|equal", "verify m.safetensors --threads 1");
    snprintf(path, sizeof path, "%s", cli_path("n.safetensors"));
    if (!make_micro_model(path, BF16)) return;
    CliRun copy = cli_shell("cp m.safetensors.record n.safetensors.record", false);
    cli_free(&copy);
    cli_fails(1, "n.safetensors.record: is of another model", "verify n.safetensors --threads 1");
}

SUITE(verify, .seconds = 4) {
    wrong_kernel(1);
    wrong_kernel(2);
    missing();
    if (!test_check(cli_begin(), "the program sdc exists (SDC_BIN, else ./sdc)")) return;
    cli_works("error over allowed error|blocks|base|VAE down|U-Net down|0 failed",
              "verify --table base --only '*down' --device cpu --junit out.xml");
    check_xml(cli_path("out.xml"), 4, 0);
    /* SD 1's, twice SD 2's, SDXL's three and three, the refiner's two; in f32 and f32-direct */
    cli_works("text encoder|f32-direct|\n22 passed, 0 failed", "verify --table base --only 'text*' --device cpu");
    json();
    cli_fails(2, "--only: no row is called 'nothing'", "verify --only nothing --table base --device cpu");
    cli_fails(2, "--table: no table is called 'v9'|base", "verify --table v9 --device cpu");
    cli_fails(1, "none/out.xml: ", "verify --junit none/out.xml --device cpu");
    cli_fails(1, "what.record: ", "verify what --device cpu");
    cli_fails(2, "what: --only|are for the ledger", "verify what --only x");
    models();
    if (!gpu_count()) cli_fails(1, "cuda", "verify --device cuda");
}
