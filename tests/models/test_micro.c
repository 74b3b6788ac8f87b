/* test_micro.c: every stage of the VAE's encoder at the micro model's size against diffusers. (Suite `pipeline` does
 * the same for the micro model's other networks.) */
#include "sd/models/vae.h"
#include "tests/harness/generated.h"
#include "tests/harness/golden.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>

static Golden *golden;
static const char *table_name;
static int taps_seen;

static bool want(void *user, const char *name) {
    (void)user;
    return golden_has(golden, name);
}

static void put(void *user, const char *name, Tensor t, Error *e) {
    (void)user, (void)e;
    char label[160];
    snprintf(label, sizeof label, "micro %s %s", name, table_name);
    golden_check_picture(golden, name, t, label);
    taps_seen++;
}

static void encode(const Vae *v, const Ops *table, int64_t h, int64_t w) {
    Tensor image = tensor_view(NULL, F32, 4, SHAPE(1, h, w, 3)),
           out = tensor_view(NULL, F32, 4, SHAPE(1, h / 8, w / 8, 8));
    float *memory = malloc(2 * tensor_bytes(image) + tensor_bytes(out));
    if (!memory) abort();
    gen_input(memory, "micro.image", 3 * h * w, 0.57735026, 0);
    image.data = memory + 3 * h * w;
    out.data = memory + 6 * h * w;
    to_channels_last(image.data, memory, 1, 3, h * w);
    Taps taps = {.want = want, .put = put};
    snprintf(taps.prefix, sizeof taps.prefix, "h%d_w%d.vae.encoder.", (int)h, (int)w);
    Arena arena;
    Ctx c = {.op = table, .precision = PRECISION_F32_DIRECT, .arena = &arena, .taps = &taps};
    c.pool = pool_new(2, &c.err);
    if (test_check(c.pool && arena_init(&arena, 64 << 20, &c.err), "memory for the micro encoder")) {
        arena.poison = true;
        table_name = table->name;
        taps_seen = 0;
        vae_encode(&c, out, v, image);
        test_check(taps_seen == 8, "micro encoder: all 8 stages were offered"); /* conv_in, 4 levels, middle, 2 ends */
        char name[64], label[96];
        snprintf(name, sizeof name, "h%d_w%d.moments", (int)h, (int)w);
        snprintf(label, sizeof label, "micro %s %s", name, table_name);
        golden_check_picture(golden, name, out, label);
        arena_free(&arena);
    }
    pool_free(c.pool);
    free(memory);
}

SUITE(micro_encoder, .seconds = 2, .blas = true) {
    golden = golden_open("micro_encoder");
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    Error e = {0};
    SdConfig k = micro_config();
    Vae v;
    WeightList l = {.err = &e, .path = "first_stage_model."};
    if (golden && test_check(vae_bind_encoder(&v, &k.vae, &l) && gen_fill_all(&l, F32), "the micro encoder is made"))
        for (int t = 0; t < count; t++) {
            encode(&v, tables[t], 64, 64);
            encode(&v, tables[t], 40, 56);
        }
    gen_free_all(&l);
    weight_list_free(&l);
    golden_close(golden);
}
