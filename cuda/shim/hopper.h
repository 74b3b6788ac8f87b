/* hopper.h: what compute capability 9.0 adds (hopper.cc): tensor maps, as in the driver's cuda.h; barriers that count
 * bytes; boxes that arrive only when their barrier is waited for; products that are done only when waited for. */
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
void shim_spin();       /* lets other threads run, in a loop that waits for something */
void shim_progress();   /* what a spinning thread waits for may have happened */

void shim_barrier_init(uint64_t *b, int arrivals);
void shim_barrier_arrive(uint64_t *b, int bytes);
bool shim_barrier_over(uint64_t *b, int parity);
void shim_load_box(void *to, const CUtensorMap *map, const int *at, unsigned rank, uint64_t *b);

/* A product d = a b of a group of four warps; each thread computes what it holds of d. */
struct ShimProduct {
    float *d;
    uint64_t a, b;             /* descriptors of the tiles */
    bool add, transposed;      /* to d; b's K goes down its rows */
    const uint32_t *registers; /* in place of a's tile, or NULL */
    uint32_t quad[4][4];       /* those of four neighbouring threads, as they were at the start */
    void (*run)(const ShimProduct &, unsigned thread);
    int group;
};
const void *shim_tile_number(uint64_t tile, unsigned row, unsigned k,
                             bool transposed); /* the address, by the descriptor */
void shim_multiply_later(ShimProduct p, unsigned sums /* that this thread holds */);
void shim_products_commit();
void shim_products_wait(int groups);
void shim_hopper_end(); /* at the end of a block: checks that nothing is still under way */

#endif
