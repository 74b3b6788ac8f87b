/* exact_upscaler.c: upscalers of both kinds, whole and in strips, as a run whose bits are recorded. */
#include "exact_runs.h"
#include "generated.h"
#include "made_nets.h"
#include "on_gpu.h"
#include "sd/models/esrgan.h"

enum { ARENA = 24 << 20, ROWS = 36, COLUMNS = 22 }; /* of the network's input */

static void take_rows(Ctx *c, void *user, Tensor rows, int64_t from) {
    char name[32];
    Tensor t = tensor_pull(c, rows);
    snprintf(name, sizeof name, "rows %d", (int)from);
    if (!c->err.code) exact_add(user, name, t.data, tensor_count(t));
}

static bool add_one(const LedgerTable *t, Arena *arena, const EsrganConfig *k, Sha256 *sum, Error *e) {
    Esrgan m;
    WeightList l = {.err = e};
    bool ok =
        esrgan_bind(&m, k, &l) && (gen_fill_all(&l, F32) || error_set(e, ERR_MEMORY, "out of memory for weights"));
    Ctx c = {.op = t->op, .type = t->op->type, .pool = t->pool, .arena = arena};
    size_t all = scope_begin(&c);
    if (ok && t->gpu) gpu_weights(&c, &l);
    for (int strips = 0; ok && strips < 2; strips++) {
        size_t scope = scope_begin(&c);
        Tensor x = tensor_new(&c, 4, SHAPE(1, ROWS, COLUMNS, esrgan_inputs(k)));
        gen_input(tensor_host(&c, x).data, "x", tensor_count(x), 1 / 6.0, 0.5);
        tensor_push(&c, x);
        esrgan_forward(&c, &m, x, strips && t->op->rows_independent ? CONV_ROWS_LEAST : ROWS,
                       &(EsrganSink){.rows = take_rows, .user = sum});
        scope_end(&c, scope);
        ok = error_pass(e, &c.err);
    }
    scope_end(&c, all);
    gen_free_all(&l);
    weight_list_free(&l);
    esrgan_free(&m);
    return ok;
}

bool exact_upscaler(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const LedgerTable *t = on->table;
    const EsrganConfig kinds[] = {micro_rrdbnet_config(), micro_compact_config()};
    Arena arena = {0};
    (void)run;
    bool ok = arena_init_on(&arena, t->op, t->gpu, ARENA, e);
    for (int i = 0; ok && i < 2; i++) ok = add_one(t, &arena, &kinds[i], sum, e);
    arena_free(&arena);
    return ok;
}
