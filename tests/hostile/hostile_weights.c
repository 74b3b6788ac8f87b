/* hostile_weights.c: the catalogues of PyTorch's and GGUF's files that attack (tests/weights/attacks.h), by `sdc info`.
 */
#include "hostile.h"
#include "tests/weights/attacks.h"

#include <stdlib.h>

static void run(const Attack *a) {
    /* What is read is no model, and what makes it none is said. */
    HostileCase c = {a->name, "a.ckpt", a->bytes, a->size, "info a.ckpt", 1, a->words ? a->words : "a.ckpt: "};
    hostile_case(&c);
    free(a->bytes);
}

HOSTILE(weights) {
    Attack a;
    for (size_t i = 0; attack_torch(i, &a); i++) run(&a);
    for (size_t i = 0; attack_gguf(i, &a); i++) run(&a);
}
