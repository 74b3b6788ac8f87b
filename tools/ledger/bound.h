/* bound.h: the errors that numbers other than plain f32 may have, relative to the RMS of float64's result; measured,
 * and stated with what was measured. Plain f32, whose sums are the op's definition, is held to the golden's own rule.
 */
#ifndef SD_TOOLS_LEDGER_BOUND_H
#define SD_TOOLS_LEDGER_BOUND_H

#include "ledger.h"
#include "op_cases.h"

/* Whether 16-bit numbers can show what a case is about: large means and scores are lost when x is rounded, and large
 * numbers are beyond F16. */
bool op_case_fits(const OpCase *k, Numbers n);
/* winograd: a convolution by Winograd's transforms. d: its weight may ask for f32 in `mixed` (keep_f32). */
Bound op_bound(const OpCase *k, const OpData *d, Numbers n, bool winograd);
Bound op_gradient_bound(void);
/* Of 16-bit types on a GPU. */
Bound gpu_bound(Numbers n);
/* in_f32: nothing of it is multiplied in bf16 in `mixed`. direct: no convolution goes by Winograd's transforms. */
Bound block_bound(Numbers n, bool direct, bool in_f32);
Bound pipeline_bound(Numbers n, bool direct, bool in_f32);

#endif
