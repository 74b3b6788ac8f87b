/* exact_taesd.c: TAESD at its own size, whole and in strips, as a run whose bits are recorded. */
#include "exact_runs.h"
#include "generated.h"
#include "on_gpu.h"
#include "sd/models/taesd.h"

enum { ARENA = 24 << 20, SIDE = 8 }; /* of the latents */

static bool add_half(const LedgerTable *t, Arena *arena, bool decoder, Sha256 *sum, Error *e) {
    Taesd m;
    TaesdConfig k = decoder ? taesd_decoder_config() : taesd_encoder_config();
    WeightList l = {.err = e};
    int64_t side = SIDE * taesd_factor(&k), h = decoder ? SIDE : side, to = decoder ? side : SIDE;
    bind_enter(&l, decoder ? "taesd_decoder." : "taesd_encoder.");
    bool ok = (decoder ? taesd_bind_decoder : taesd_bind_encoder)(&m, &k, &l);
    ok = ok && (gen_fill_all(&l, F32) || error_set(e, ERR_MEMORY, "out of memory for weights"));
    Ctx c = {.op = t->op, .type = t->op->type, .pool = t->pool, .arena = arena, .strip = 1 << 18};
    size_t all = scope_begin(&c);
    if (ok && t->gpu) gpu_weights(&c, &l);
    for (int strips = 0; ok && strips <= k.levels; strips += k.levels) {
        size_t scope = scope_begin(&c);
        Tensor x = tensor_new(&c, 4, SHAPE(1, h, h, decoder ? 4 : 3));
        Tensor y = tensor_new(&c, 4, SHAPE(1, to, to, decoder ? 3 : 4));
        gen_input(tensor_host(&c, x).data, decoder ? "z" : "image", tensor_count(x), 1, 0);
        tensor_push(&c, x);
        (decoder ? taesd_decode : taesd_encode)(&c, y, &m, x, t->op->rows_independent ? strips : 0);
        y = tensor_pull(&c, y);
        if (!c.err.code) exact_add(sum, decoder ? "decoder" : "encoder", y.data, tensor_count(y));
        scope_end(&c, scope);
        ok = error_pass(e, &c.err);
    }
    scope_end(&c, all);
    gen_free_all(&l);
    weight_list_free(&l);
    return ok;
}

bool exact_taesd(const ExactRun *run, const ExactOn *on, Sha256 *sum, Error *e) {
    const LedgerTable *t = on->table;
    Arena arena = {0};
    (void)run;
    bool ok = arena_init_on(&arena, t->op, t->gpu, ARENA, e);
    for (int decoder = 1; ok && decoder >= 0; decoder--) ok = add_half(t, &arena, decoder, sum, e);
    arena_free(&arena);
    return ok;
}
