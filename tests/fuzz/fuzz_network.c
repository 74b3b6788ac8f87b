/* fuzz_network.c: files of LoRA and its kin. Every module that is read can be computed, element by element. */
#include "fuzz.h"

#include "weights/networks/networks_internal.h"

#include <math.h>
#include <stdlib.h>

static void compute(const Network *n, const NetworkModule *m) {
    for (int which = 0; which < 2; which++) {
        Product p;
        if (!network_product(n, m, which, &p)) continue;
        fuzz_require(p.rows > 0 && p.columns > 0);
        int64_t inner = p.mid ? p.mid->n[1] * p.taps : 0;
        if (p.rank > 4096 || inner > 1 << 16) continue;
        float out, *scratch = malloc((size_t)(p.rank + PRODUCT_TOGETHER + 1 + inner) * sizeof *scratch);
        if (!scratch) abort();
        product_tile(&p, 0, 1, 0, 1, &out, 1, scratch);
        product_tile(&p, p.rows - 1, 1, p.columns - 1, 1, &out, 1, scratch);
        free(scratch);
    }
}

FUZZ(network) {
    Error e = {0};
    Network n = {0};
    FuzzBytes b = fuzz_weights((FuzzBytes){data, size});
    WeightFile *f = weight_file_open_memory("it", b.p, b.size, &e);
    if (f && fuzz_verdict(network_read(&n, f, &e), &e)) {
        fuzz_require(n.count > 0);
        network_family(&n);
        for (size_t i = 0; i < n.count; i++) {
            const NetworkModule *m = &n.modules[i];
            fuzz_require(m->kind < NETWORK_KINDS && network_kind_name(m->kind) && isfinite(m->scale));
            compute(&n, m);
        }
    }
    network_close(&n);
    fuzz_weights_free(b);
}
