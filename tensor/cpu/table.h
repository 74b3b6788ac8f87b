/* table.h: what the tables of an instruction set share: all forward ops but products. */
#ifndef SD_TENSOR_CPU_TABLE_H
#define SD_TENSOR_CPU_TABLE_H

#include "kernels.h"

#define POINTWISE_AND_NORMS                                                                                            \
    .group_norm = K(group_norm), .group_sums = K(group_sums), .group_stats = K(group_stats),                           \
    .group_apply = K(group_apply), .layer_norm = K(layer_norm), .activation = K(activation), .geglu = K(geglu),        \
    .affine = K(affine), .accumulate = K(accumulate), .prelu = K(prelu), .embedding = K(embedding),                    \
    .timestep_embedding = K(timestep_embedding), .gaussian = K(gaussian)

#endif
