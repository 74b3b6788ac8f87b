/* planned.c: see planned.h. */
#include "planned.h"
#include "sd/models/unet.h"
#include "test.h"

bool run_planned(const char *label, const Ops *table, size_t strip, Forward f, const void *network, Tensor out,
                 const Tensor *in) {
    Arena arena = {0};
    Ctx plan = {.op = plan_ops(), .strip = strip, .arena = &arena};
    f(&plan, network, out, in);
    size_t planned = arena.peak;
    Error e = {0};
    ThreadPool *pool = pool_new(0, &e);
    bool ok = pool && !plan.err.code && arena.used == 0 && arena_init(&arena, planned, &e);
    arena.poison = true;
    Ctx c = {.op = table, .strip = strip, .pool = pool, .arena = &arena};
    if (ok) f(&c, network, out, in);
    test_check(ok && !c.err.code && arena.peak == planned && arena.used == 0, "%s takes the memory planned", label);
    test_note("%zu bytes, planned %zu; %.3g GFLOP %s", arena.peak, planned, plan.flops * 1e-9, e.text);
    ok &= !c.err.code;
    arena_free(&arena);
    pool_free(pool);
    return ok;
}

void forward_unet(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    const Unet *u = network;
    size_t scope = scope_begin(c);
    Tensor times = tensor_new(c, 2, SHAPE(in[1].n[0], u->time_shifts));
    Tensor keys = tensor_new(c, 3, SHAPE(in[2].n[0], in[2].n[1], u->cross_kv));
    Tensor label;
    if (u->config.label) {
        label = tensor_new(c, 2, SHAPE(in[3].n[0], unet_width(u)));
        unet_label(c, label, u, in[3]);
    }
    unet_time_shifts(c, times, u, in[1], u->config.label ? &label : NULL, u->config.guidance ? &in[3] : NULL);
    unet_cross_kv(c, keys, u, in[2]);
    unet_forward(c, out, u, &(UnetInput){.x = in[0], .time_shifts = times, .cross_kv = keys});
    scope_end(c, scope);
}
