/* hopper.h: what compute capability 9.0 has more (hopper.cc): tensor maps, as in the driver's cuda.h; barriers that
 * count bytes; boxes that arrive no sooner than their barrier is waited for; products that are done no sooner than
 * waited for.
 */
#ifndef SD_CUDA_SHIM_HOPPER_H
#define SD_CUDA_SHIM_HOPPER_H

#include <cstdint>

typedef uint32_t cuuint32_t;
typedef uint64_t cuuint64_t;
struct alignas(64) CUtensorMap {
    cuuint64_t opaque[16];
};
enum CUresult { CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1 };
enum CUtensorMapDataType { CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9 };
enum CUtensorMapInterleave { CU_TENSOR_MAP_INTERLEAVE_NONE = 0 };
enum CUtensorMapSwizzle { CU_TENSOR_MAP_SWIZZLE_128B = 3 };
enum CUtensorMapL2promotion { CU_TENSOR_MAP_L2_PROMOTION_L2_128B = 2 };
enum CUtensorMapFloatOOBfill { CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE = 0 };

CUresult shim_encode_tiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
                           const cuuint64_t *dims, const cuuint64_t *strides, const cuuint32_t *box,
                           const cuuint32_t *element_strides, CUtensorMapInterleave, CUtensorMapSwizzle swizzle,
                           CUtensorMapL2promotion, CUtensorMapFloatOOBfill);

uint32_t shim_shared_address(const void *p);
unsigned shim_thread(); /* this thread's number in its block */
void shim_spin();       /* lets others run; there must be something to wait for */
void shim_progress();   /* what somebody spins for may have come */

void shim_barrier_init(uint64_t *b, int arrivals);
void shim_barrier_arrive(uint64_t *b, int bytes);
bool shim_barrier_over(uint64_t *b, int parity);
void shim_load_box(void *to, const CUtensorMap *map, const int *at, unsigned rank, uint64_t *b);

/* Of a group of four warps: d = a b, done by each thread for what it holds of d. */
struct ShimProduct {
    float *d;
    uint64_t a, b;             /* where tiles lie */
    bool add, transposed;      /* to d; b's K goes down its rows */
    const uint32_t *registers; /* in place of a's tile, or NULL */
    uint32_t quad[4][4];       /* those of four neighbours, as they were at the beginning */
    void (*run)(const ShimProduct &, unsigned thread);
    int group;
};
const void *shim_tile_number(uint64_t tile, unsigned row, unsigned k, bool transposed); /* where a descriptor says */
void shim_multiply_later(ShimProduct p, unsigned sums /* that this thread holds */);
void shim_products_commit();
void shim_products_wait(int groups);
void shim_hopper_end(); /* of a block: nothing may be left on its way */

#endif
