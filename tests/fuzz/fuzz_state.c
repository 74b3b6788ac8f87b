/* fuzz_state.c: the state of a training run. What is taken reads the same once it is saved again. */
#include "fuzz.h"

#include "sd/train/train_internal.h"

#include <string.h>

enum { FLOATS = 6 };

typedef struct {
    float values[FLOATS], m[FLOATS], v[FLOATS], ema[FLOATS];
    TrainOptions o;
    Trainer t;
} State;

static void prepare(State *s, const char *out, bool ema, bool vae) {
    memset(s, 0, sizeof *s);
    s->o = train_options();
    s->o.out = out, s->o.seed = 7, s->o.vae = vae;
    if (!ema) s->o.ema = 0;
    s->t.o = &s->o;
    s->t.p = (Parameters){.floats = FLOATS, .values = s->values, .m = s->m, .v = s->v, .ema = ema ? s->ema : NULL};
}

FUZZ(state) {
    static State a, b;
    char out[1024];
    Error e = {0};
    FuzzBytes file = fuzz_weights((FuzzBytes){data, size});
    strcpy(out, fuzz_file("it.state", file));
    out[strlen(out) - strlen(".state")] = 0;
    for (int kind = 0; kind < 4; kind++) {
        e = (Error){0};
        prepare(&a, out, kind & 1, kind & 2);
        prepare(&b, out, kind & 1, kind & 2);
        fuzz_file("it.state", file);
        if (!fuzz_verdict(train_load_state(&a.t, &e), &e)) continue;
        fuzz_require(a.t.step >= 0);
        fuzz_require(train_save_state(&a.t, &e) && train_load_state(&b.t, &e));
        fuzz_require(a.t.step == b.t.step && !memcmp(a.values, b.values, sizeof a.values) &&
                     !memcmp(a.m, b.m, sizeof a.m) && !memcmp(a.v, b.v, sizeof a.v) &&
                     !memcmp(a.ema, b.ema, sizeof a.ema));
    }
    fuzz_weights_free(file);
}
