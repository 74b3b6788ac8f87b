/* generated.h: weights and inputs that need no file: C and Python make the same bits from a name.
 *
 * tools/goldens/values.py has the rule and is what made the goldens; reference values of it are checked in the ops
 * suite. A weight's flat index runs over torch's order ([O,I,kh,kw] for a convolution), whatever the order in memory.
 */
#ifndef SD_TOOLS_LEDGER_GENERATED_H
#define SD_TOOLS_LEDGER_GENERATED_H

#include "nn/bind.h"

/* The 32 mixed bits of element j of the tensor `name`, whose CRC-32 is `crc`. */
uint32_t gen_crc(const char *name);
uint32_t gen_mixed(uint32_t crc, uint64_t j);

/* Elements [first, first + count) of the weight of that name; n: torch's shape. */
void gen_weight(float *out, const char *name, int nd, const int64_t *n, int64_t first, int64_t count);
void gen_input(float *out, const char *name, int64_t count, double scale, double mean);
void gen_ids(int32_t *out, const char *name, int64_t count, int64_t below);
/* Flat index of stored sample k of a golden's tensor of n elements. */
int64_t gen_sample(int64_t k, int64_t n);

/* The shape that torch gives a weight; returns its number of dimensions. */
int gen_torch_shape(const Weight *w, int64_t n[MAX_DIMS]);
/* Gives w memory of its own and its generated values, in compute order, rounded to `type` (vectors stay F32). `name`
 * NULL: the weight's own. False when out of memory. */
bool gen_fill(Weight *w, const char *name, DType type);
bool gen_fill_all(WeightList *l, DType type);
void gen_free(Weight *w);
void gen_free_all(WeightList *l);

/* f32 to `type` (F32, F16, BF16); out has room for count elements of it. */
void gen_narrow(void *out, const float *in, int64_t count, DType type);

/* [N,C,...] in `in` to channels last in `out`, and back; spatial: elements of a channel. */
void to_channels_last(float *out, const float *in, int64_t n, int64_t channels, int64_t spatial);
void to_channels_first(float *out, const float *in, int64_t n, int64_t channels, int64_t spatial);

#endif
