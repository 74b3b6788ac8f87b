/* boxes.cuh: maps of tensors for the copy engine (TMA) of compute capability 9.0, which say what boxes load_box
 * (ptx.cuh) copies. A box is 64 16-bit numbers wide, so that its rows are 128 bytes, swizzled; where it extends past
 * the tensor's edge, the engine writes zeros. */
#ifndef SD_CUDA_BOXES_CUH
#define SD_CUDA_BOXES_CUH

#include "prelude.cuh"

enum { BOX = 64 /* numbers */, BOX_ROW = 128 /* bytes */, BOX_ALIGN = 1024, MOST_BOX = 256 };

/* Innermost dimension first. */
struct Boxes {
    int64_t dims[4], strides[3], box[4]; /* the tensor's; in numbers, from the second dimension on; a box's */
    int every[4];                        /* a box takes every so many-th, up to every 8th; of the innermost, all: 1 */
};

/* A box spans at most MOST_BOX places of a dimension, including those that it leaves out. */
static inline bool encode_boxes(Ctx *c, CUtensorMap *map, DType type, const void *address, unsigned rank,
                                const Boxes &boxes) {
    cuuint64_t n[4], s[4];
    cuuint32_t over[4], every[4];
    for (unsigned i = 0; i < rank; i++) {
        n[i] = (cuuint64_t)boxes.dims[i], every[i] = (cuuint32_t)boxes.every[i];
        over[i] = (cuuint32_t)boxes.box[i] * every[i];
        if (i) s[i - 1] = 2 * (cuuint64_t)boxes.strides[i - 1];
    }
    auto call = (CUresult(*)(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *, const cuuint64_t *,
                             const cuuint64_t *, const cuuint32_t *, const cuuint32_t *, CUtensorMapInterleave,
                             CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill))gpu_of(c)
                    ->encode_map;
    CUresult code =
        call(map, type == F16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, rank,
             (void *)(uintptr_t)address, n, s, over, every, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (code == CUDA_SUCCESS) return true;
    return error_set(&c->err, ERR_DEVICE, "%s: its driver refuses a tensor map (error %d); SDC_CUDA=mma does without",
                     gpu_of(c)->name, (int)code);
}

#endif
