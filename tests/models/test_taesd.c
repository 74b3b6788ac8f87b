/* test_taesd.c: TAESD at its own size with generated weights, against numbers that madebyollin's code computed, as
 * printed: six decimals (known_answers.c has the other networks'). */
#include "sd/models/taesd.h"
#include "sd/image/codecs/crc32.h"
#include "tools/ledger/generated.h"
#include "tests/harness/planned.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Taesd network;
    int strips;
} Tiny;

static const Ops *widest(void) {
    const Ops *tables[4];
    int n = cpu_ops_list(tables, 4);
    return tables[n - 1];
}

static Tensor make(int64_t h, int64_t w, int64_t channels) {
    Tensor t = tensor_view(NULL, F32, 4, SHAPE(1, h, w, channels));
    t.data = malloc(tensor_bytes(t));
    if (!t.data) abort();
    return t;
}

static void forward(Ctx *c, const void *network, Tensor out, const Tensor *in) {
    const Tiny *t = network;
    (t->network.decoder ? taesd_decode : taesd_encode)(c, out, &t->network, in[0], t->strips);
}

/* first, last: in torch's order, of outputs that become scale y + offset */
static void check_numbers(const char *label, Tensor y, float scale, float offset, const double first[8],
                          const double last[2]) {
    int64_t n = tensor_count(y);
    double worst = 0;
    float *v = malloc(tensor_bytes(y));
    if (!v) abort();
    to_channels_first(v, y.data, 1, y.n[3], y.n[1] * y.n[2]);
    for (int i = 0; i < 10; i++) {
        double is = (double)(scale * v[i < 8 ? i : n - 10 + i] + offset),
               off = fabs(is - (i < 8 ? first[i] : last[i - 8]));
        if (!(off <= worst)) worst = off;
    }
    test_check(worst <= 3e-6, "%s is the known answer", label); /* decimals: 5e-7; two implementations' f32 */
    test_note("largest difference %.2e", worst);
    free(v);
}

/* Strip by strip, any number of levels gives the same bits. */
static void check_strips(const char *label, Tiny *t, Tensor in, Tensor out) {
    Tensor again = make(out.n[1], out.n[2], out.n[3]);
    for (t->strips = 1; t->strips <= t->network.config.levels; t->strips++)
        if (run_planned(label, widest(), 1 << 16, forward, t, again, &in))
            test_check(!memcmp(out.data, again.data, tensor_bytes(out)), "%s: %d levels in strips: the same bits",
                       label, t->strips);
    free(again.data);
}

/* The same bits on every table that promises them. */
static void check_bits(const char *label, Tiny *t, Tensor in, Tensor out, uint32_t want) {
    const Ops *tables[4];
    int count = cpu_ops_list(tables, 4);
    const Ops *emulating = cpu_table_emulating();
    t->strips = 0;
    for (int i = 0; i <= count; i++) {
        const Ops *table = i < count ? tables[i] : emulating;
        if (!table || !table->exact || !run_planned(label, table, 1 << 20, forward, t, out, &in)) continue;
        uint32_t is = crc32_update(0, out.data, tensor_bytes(out));
        test_check(is == want, "%s: its bits on %s", label, table->name);
        test_note("%08X, should be %08X", is, want);
    }
}

SUITE(taesd, .seconds = 1, .blas = true) {
    static const double DECODE[] = {0.234947, 0.204705, 0.186462, 0.178088, 0.184501, 0.192679, 0.163382, 0.157391},
                        DECODE_END[] = {-0.206823, -0.164864},
                        ENCODE[] = {0.171349, 0.202694, 0.181565, -0.048443, 0.232514, 0.262084, 0.262443, -0.042196},
                        ENCODE_END[] = {-0.379552, -0.066896};
    for (int decoder = 0; decoder < 2; decoder++) {
        Error e = {0};
        Tiny t = {.strips = 0};
        TaesdConfig k = decoder ? taesd_decoder_config() : taesd_encoder_config();
        WeightList l = {.err = &e};
        const char *label = decoder ? "TAESD decoder" : "TAESD encoder";
        bind_enter(&l, decoder ? "dec." : "enc."); /* as the answers' weights are named */
        bool ok = (decoder ? taesd_bind_decoder : taesd_bind_encoder)(&t.network, &k, &l) && gen_fill_all(&l, F32);
        Tensor in = decoder ? make(4, 4, 4) : make(32, 32, 3), out = decoder ? make(32, 32, 3) : make(4, 4, 4),
               flat = make(in.n[1], in.n[2], in.n[3]);
        gen_input(flat.data, decoder ? "z" : "image", tensor_count(in), 1, 0);
        to_channels_last(in.data, flat.data, 1, in.n[3], in.n[1] * in.n[2]);
        /* the answer's picture is image / 6 + 0.5 in 0..1, and so is what it decodes */
        for (int64_t i = 0; !decoder && i < tensor_count(in); i++) ((float *)in.data)[i] /= 3;
        test_check(ok, "%s is made", label);
        if (ok && run_planned(label, widest(), 1 << 20, forward, &t, out, &in)) {
            if (decoder) check_numbers(label, out, 0.5f, 0.5f, DECODE, DECODE_END);
            else check_numbers(label, out, 1, 0, ENCODE, ENCODE_END);
            check_strips(label, &t, in, out);
            check_bits(label, &t, in, out, decoder ? 0x05B8BF59 : 0x9C9B55FA);
        }
        free(in.data);
        free(out.data);
        free(flat.data);
        gen_free_all(&l);
        weight_list_free(&l);
    }
}
