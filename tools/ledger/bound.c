/* bound.c: see bound.h. */
#include "bound.h"

#include <string.h>

bool op_case_fits(const OpCase *k, Numbers n) {
    if (n != NUMBERS_F16 && n != NUMBERS_BF16) return true;
    return k->xmean < 10 && k->xscale <= (n == NUMBERS_F16 ? 100 : 1e5) && (k->kind != OP_ATTENTION || k->xscale < 10);
}

/* On GPUs: three times the worst case measured with the tests' stand-in for one. */
Bound gpu_bound(Numbers n) { return n == NUMBERS_F16 ? (Bound){2e-3, 2e-2, false} : (Bound){1.6e-2, 1.6e-1, false}; }

/* Winograd's transforms (tensor/cpu/winograd_tile.h), over all cases and tables of one machine with gcc: RMS 8.7e-7
 * (conv_up_320), largest 5.5e-6 (conv_large). Those of plain sums are as large. */
static const Bound WINOGRAD = {2e-6, 1.2e-5, false};

Bound op_bound(const OpCase *k, const OpData *d, Numbers n, bool winograd) {
    if (n == NUMBERS_F16 || n == NUMBERS_BF16) return gpu_bound(n);
    bool product = k->kind == OP_LINEAR || k->kind == OP_ATTENTION;
    /* Products in bf16: RMS 7.9e-3, largest 5.3e-2 (attn_scores_80). With scores of 2000, of which bf16 keeps 8 bits
     * before they become exponents: 0.13 and 1.5. */
    if (n == NUMBERS_MIXED && product && !d->w.keep_f32 && !k->causal)
        return strcmp(k->name, "attn_scores_2000") ? (Bound){1.2e-2, 8e-2, false} : (Bound){0.2, 2.3, false};
    return winograd ? WINOGRAD : (Bound){0};
}

Bound op_gradient_bound(void) { return (Bound){1e-5, 1e-4, .or_rule = true}; }

Bound block_bound(Numbers n, bool direct, bool in_f32) {
    if (n == NUMBERS_F16 || n == NUMBERS_BF16) return gpu_bound(n);
    if (direct) return (Bound){0};
    return in_f32 ? WINOGRAD : (Bound){1.2e-2, 4e-2, false}; /* RMS 7.5e-3, largest 2.3e-2 (tb_tiny) */
}

/* Three times the worst activation of the micro goldens. f32: RMS 4.0e-6, largest 1.6e-5 (direct: 3.3e-6, 1.2e-5, by
 * the golden's own rule); mixed: 2.2e-2, 0.103. */
Bound pipeline_bound(Numbers n, bool direct, bool in_f32) {
    if (n == NUMBERS_F16) return (Bound){1e-2, 5e-2, false};
    if (n == NUMBERS_BF16) return (Bound){8e-2, 4e-1, false};
    if (n == NUMBERS_MIXED && !in_f32) return (Bound){6.6e-2, 3.1e-1, false};
    return direct ? (Bound){0} : (Bound){1.2e-5, 5e-5, false};
}
