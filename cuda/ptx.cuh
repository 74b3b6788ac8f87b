/* ptx.cuh: instructions that CUDA C has no words for, each as a small function, with a twin in plain C++ for the shim.
 * No other file of cuda/ has inline PTX. Layouts of tiles: PTX ISA, "Matrix multiply-accumulate operation using mma
 * instruction", m16n8k16; lane l has row g = l / 4 and the pair of columns from 2 t on, t = l % 4. */
#ifndef SD_CUDA_PTX_CUH
#define SD_CUDA_PTX_CUH

#include "numbers.cuh"

/* Copies `bytes` (0 or 16) from global memory to `to` in shared memory, aligned to 16 bytes, and fills up to 16 with
 * zeros. Not done until copies_wait says so. */
static __device__ inline void copy_async(void *to, const void *from, int bytes) {
#if !defined __CUDACC__
    shim_copy_later(to, from, bytes, 16 - bytes);
#elif !defined __CUDA_ARCH__ || __CUDA_ARCH__ >= 800
#ifdef __CUDA_ARCH__
    unsigned at = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes) : "memory");
#endif
#else
    *(uint4 *)to = bytes ? *(const uint4 *)from : make_uint4(0, 0, 0, 0);
#endif
}

/* Ends a group of copies. */
static __device__ inline void copies_commit() {
#if !defined __CUDACC__
    shim_copy_commit();
#elif defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Waits until all of this thread's groups but the newest N are done. */
template <int N> static __device__ inline void copies_wait() {
#if !defined __CUDACC__
    shim_copy_wait(N);
#elif defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

/* Loads N tiles of 8 x 8 16-bit numbers from shared memory: lane 8 i + j gives row j of tile i, aligned to 16 bytes. */
template <int N> static __device__ inline void load_tiles(uint32_t (&r)[N], const void *row) {
#if !defined __CUDACC__
    unsigned lane = shim_lane();
    memcpy(shim_slot(lane), &row, sizeof row);
    void *slots[N];
    for (unsigned i = 0; i < N; i++) slots[i] = shim_slot(8 * i + lane / 4);
    shim_warp_wait();
    for (unsigned i = 0; i < N; i++) memcpy(&r[i], *(char **)slots[i] + 4 * (lane % 4), 4);
#elif defined __CUDA_ARCH__
    unsigned at = (unsigned)__cvta_generic_to_shared(row);
    if constexpr (N == 4)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(at)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                     : "=r"(r[0]), "=r"(r[1])
                     : "r"(at)
                     : "memory");
#endif
}

/* The same for two tiles, each transposed. */
static __device__ inline void load_tiles_transposed(uint32_t (&r)[2], const void *row) {
#if !defined __CUDACC__
    unsigned lane = shim_lane();
    memcpy(shim_slot(lane), &row, sizeof row);
    void *slots[2][2];
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 2; k++) slots[i][k] = shim_slot(8 * i + 2 * (lane % 4) + k);
    shim_warp_wait();
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 2; k++) memcpy((char *)&r[i] + 2 * k, *(char **)slots[i][k] + 2 * (lane / 4), 2);
#elif defined __CUDA_ARCH__
    unsigned at = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(at)
                 : "memory");
#endif
}

#ifndef __CUDACC__
template <class T> static inline void shim_multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    unsigned lane = shim_lane(), g = lane / 4, t = lane % 4;
    float mine[12];
    for (unsigned i = 0; i < 12; i++) {
        T x = {(uint16_t)((i < 8 ? a[i / 2] : b[i / 2 - 4]) >> 16 * (i % 2))};
        mine[i] = to_f32(x);
    }
    memcpy(shim_slot(lane), mine, sizeof mine);
    const float *rows[4], *columns[2][4];
    for (unsigned i = 0; i < 4; i++) {
        rows[i] = (const float *)shim_slot(4 * g + i);
        for (unsigned k = 0; k < 2; k++) columns[k][i] = (const float *)shim_slot(4 * (2 * t + k) + i) + 8;
    }
    shim_warp_wait();
    for (unsigned i = 0; i < 4; i++) { /* lane 4 g + i has k = 2 i, 2 i + 1, and those plus 8 */
        const float *p = rows[i];
        for (unsigned k = 0; k < 2; k++) {
            const float *q = columns[k][i];
            d[k] += p[0] * q[0] + p[1] * q[1] + p[4] * q[2] + p[5] * q[3];
            d[2 + k] += p[2] * q[0] + p[3] * q[1] + p[6] * q[2] + p[7] * q[3];
        }
    }
}
#endif

/* d[16 x 8] += a[16 x 16] b[16 x 8], the warp's tiles; T: Half or Brain (from compute capability 8.0 on) */
template <class T>
static __device__ inline void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if !defined __CUDACC__
    shim_multiply<T>(d, a, b);
#elif defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 800
    if constexpr (std::is_same<T, Half>::value)
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    else
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                     "{%0,%1,%2,%3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#elif defined __CUDA_ARCH__
    if constexpr (std::is_same<T, Half>::value)
        for (int k = 0; k < 2; k++)
            asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, "
                         "{%0,%1,%2,%3};"
                         : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                         : "r"(a[2 * k]), "r"(a[2 * k + 1]), "r"(b[k]));
    else __trap();
#endif
}

/* 2^x, relative error 2e-7; small results are 0 */
static __device__ inline float exp2_fast(float x) {
#ifdef __CUDA_ARCH__
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#else
    return exp2f(x);
#endif
}

/* Whether the GPU's tensor cores can multiply T. */
template <class T> static inline bool tensor_cores(const Gpu *gpu) {
    return std::is_same<T, Half>::value || (std::is_same<T, Brain>::value && gpu->arch >= 80);
}

/* --- compute capability 9.0 (sm_90a) --- */

/* An address of shared memory as instructions and swizzles see it. */
static __device__ inline uint32_t shared_address(const void *p) {
#if !defined __CUDACC__
    return shim_shared_address(p);
#elif defined __CUDA_ARCH__
    return (uint32_t)__cvta_generic_to_shared(p);
#else
    return 0;
#endif
}

/* A barrier in shared memory: a phase ends when so many have arrived and all announced bytes have, too. */
static __device__ inline void barrier_init(uint64_t *b, int arrivals) {
#if !defined __CUDACC__
    shim_barrier_init(b, arrivals);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(b)), "r"(arrivals) : "memory");
#endif
}

/* Makes what was written to shared memory so far visible to the copy engine. */
static __device__ inline void show_to_copies() {
#if defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

static __device__ inline void barrier_arrive(uint64_t *b) {
#if !defined __CUDACC__
    shim_barrier_arrive(b, 0);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(b)) : "memory");
#endif
}

/* Arrives and announces bytes. */
static __device__ inline void barrier_expect(uint64_t *b, int bytes) {
#if !defined __CUDACC__
    shim_barrier_arrive(b, bytes);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(b)), "r"(bytes)
                 : "memory");
#endif
}

/* Waits until the latest phase of that parity is over; before the first phase, one of parity 1 counts as over. */
static __device__ inline void barrier_wait(uint64_t *b, int parity) {
#if !defined __CUDACC__
    while (!shim_barrier_over(b, parity)) shim_spin();
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    uint32_t over;
    do
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
                     : "=r"(over)
                     : "r"(shared_address(b)), "r"(parity)
                     : "memory");
    while (!over);
#endif
}

/* Copies a box of a tensor of three or four dimensions, from `at` (innermost first) on, to shared memory aligned to
 * 1024 bytes, as its map says; zeros outside the tensor. The barrier gets all of the box's bytes. */
static __device__ inline void load_box(void *to, const CUtensorMap *map, const int (&at)[3], uint64_t *b) {
#if !defined __CUDACC__
    shim_load_box(to, map, at, 3, b);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2,%3,%4}], "
                 "[%5];" ::"r"(shared_address(to)),
                 "l"(map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(shared_address(b))
                 : "memory");
#endif
}
static __device__ inline void load_box(void *to, const CUtensorMap *map, const int (&at)[4], uint64_t *b) {
#if !defined __CUDACC__
    shim_load_box(to, map, at, 4, b);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
                 "[%1, {%2,%3,%4,%5}], [%6];" ::"r"(shared_address(to)),
                 "l"(map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(shared_address(b))
                 : "memory");
#endif
}

/* The descriptor of a tile whose rows are 128 bytes of K, swizzled by 128 bytes, eight rows per kilobyte: PTX ISA,
 * "Matrix descriptor format". The next 16 numbers of K are 32 bytes further: add 2. */
static __device__ inline uint64_t tile_at(const void *p) {
    const uint64_t EIGHT_ROWS = 1024 >> 4, SWIZZLE_128 = 1;
    return (shared_address(p) & 0x3ffff) >> 4 | (uint64_t)1 << 16 | EIGHT_ROWS << 32 | SWIZZLE_128 << 62;
}

/* The same if K runs down the rows and 64 numbers of N across, with the next 64 next_64 bytes further. The next 16 rows
 * are 2048 bytes further: add 128. */
static __device__ inline uint64_t transposed_tile_at(const void *p, int next_64) {
    return (tile_at(p) & ~((uint64_t)0x3fff << 16)) | (uint64_t)(next_64 >> 4) << 16;
}

/* To be called before a group's first product: makes sure that its registers (sums, left-hand sides) are written. */
static __device__ inline void products_begin() {
#if defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

/* Ends a group of products. */
static __device__ inline void products_commit() {
#if !defined __CUDACC__
    shim_products_commit();
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

/* Waits until all of these warps' groups but the newest LEFT are done. */
template <int LEFT> static __device__ inline void products_wait() {
#if !defined __CUDACC__
    shim_products_wait(LEFT);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(LEFT) : "memory");
#endif
}

/* Compilers think that a product is done with its registers as soon as it begins. Called after products_wait, this
 * keeps uses of its sums after the wait, and keeps other values out of its left-hand side's registers until then. */
template <int N> static __device__ inline void products_done(float (&d)[N][4]) {
    (void)d;
#if defined __CUDA_ARCH_FEAT_SM90_ALL
    UNROLL
    for (int j = 0; j < N; j++) asm volatile("" : "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])::"memory");
#endif
}
template <int N> static __device__ inline void products_done(uint32_t (&a)[N][4]) {
    (void)a;
#if defined __CUDA_ARCH_FEAT_SM90_ALL
    UNROLL
    for (int j = 0; j < N; j++) asm volatile("" : "+r"(a[j][0]), "+r"(a[j][1]), "+r"(a[j][2]), "+r"(a[j][3])::"memory");
#endif
}

#ifndef __CUDACC__
/* This thread's numbers: rows 16 warp + lane / 4 and eight further, columns as in `multiply`. */
template <class T, int N> static void shim_multiply_wide(const ShimProduct &p, unsigned thread) {
    unsigned row = thread / 32 % 4 * 16 + thread % 32 / 4, column = thread % 4 * 2;
    float x[2][16], y[16];
    for (unsigned half = 0; half < 2; half++)
        for (unsigned k = 0; k < 16; k++) {
            T number;
            if (p.registers) number.bits = (uint16_t)(p.quad[k % 8 / 2][k / 8 * 2 + half] >> 16 * (k % 2));
            else number = ((const T *)shim_tile_number(p.a, row + 8 * half, k & 8, false))[k % 8];
            x[half][k] = to_f32(number);
        }
    unsigned run = p.transposed ? 1 : 8; /* so many lie together, however they are swizzled */
    for (unsigned j = 0; j < N / 8; j++)
        for (unsigned i = 0; i < 2; i++) {
            for (unsigned k = 0; k < 16; k += run) {
                const T *from = (const T *)shim_tile_number(p.b, 8 * j + column + i, k, p.transposed);
                for (unsigned r = 0; r < run; r++) y[k + r] = to_f32(from[r]);
            }
            for (unsigned half = 0; half < 2; half++) {
                float sum = 0;
                for (unsigned k = 0; k < 16; k++) sum += x[half][k] * y[k];
                p.d[4 * j + 2 * half + i] = (p.add ? p.d[4 * j + 2 * half + i] : 0) + sum;
            }
        }
}
#else
#define R20 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19"
#define R32 R20 ",%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define R40 R32 ",%32,%33,%34,%35,%36,%37,%38,%39"
#define R64 R40 ",%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define R80 R64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define FOUR(d, j) "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])
#define SUMS20 FOUR(d, 0), FOUR(d, 1), FOUR(d, 2), FOUR(d, 3), FOUR(d, 4)
#define SUMS32 SUMS20, FOUR(d, 5), FOUR(d, 6), FOUR(d, 7)
#define SUMS40 SUMS32, FOUR(d, 8), FOUR(d, 9)
#define SUMS64 SUMS40, FOUR(d, 10), FOUR(d, 11), FOUR(d, 12), FOUR(d, 13), FOUR(d, 14), FOUR(d, 15)
#define SUMS80 SUMS64, FOUR(d, 16), FOUR(d, 17), FOUR(d, 18), FOUR(d, 19)
/* The last operands: whether to add to d; a and b not negated; which of them are transposed. */
#define WIDE(n, sums, types, a, b, add, transposed, ...)                                                               \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " add ", 0;\nwgmma.mma_async.sync.aligned.m64n" #n "k16.f32." types \
                 " {" R##sums "}, " a ", " b ", p, 1, 1, " transposed ";\n}"                                           \
                 : SUMS##sums                                                                                          \
                 : __VA_ARGS__)
#define WIDE_EITHER(...)                                                                                               \
    if constexpr (std::is_same<T, Half>::value) WIDE_AS("f16.f16", __VA_ARGS__);                                       \
    else WIDE_AS("bf16.bf16", __VA_ARGS__)
#define WIDE_AS(types, n, sums, ...) WIDE(n, sums, types, __VA_ARGS__)
#endif

/* d[64 x N] = a[64 x 16] b[N x 16]^T, or with `add` +=, by a group of four warps. Not done until products_wait says so.
 * Warp w has the rows from 16 w on and, of each eight columns, what it has in `multiply`. */
template <class T, int N>
static __device__ inline void multiply_wide(float (&d)[N / 8][4], uint64_t a, uint64_t b, int add = 1) {
    static_assert(N == 80 || N == 128 || N == 160, "one of the shapes written out below");
#if !defined __CUDACC__
    shim_multiply_later({&d[0][0], a, b, add != 0, false, NULL, {}, shim_multiply_wide<T, N>, 0}, N / 2);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
    if constexpr (N == 80) {
        WIDE_EITHER(80, 40, "%40", "%41", "%42", "0, 0", "l"(a), "l"(b), "r"(add));
    } else if constexpr (N == 128) {
        WIDE_EITHER(128, 64, "%64", "%65", "%66", "0, 0", "l"(a), "l"(b), "r"(add));
    } else {
        WIDE_EITHER(160, 80, "%80", "%81", "%82", "0, 0", "l"(a), "l"(b), "r"(add));
    }
#endif
}

/* d[64 x N] += a[64 x 16] b[16 x N], with a in registers (a warp's 16 rows as in `multiply`), which must not change
 * until it is done, and b a transposed tile. */
template <class T, int N>
static __device__ inline void multiply_wide_transposed(float (&d)[N / 8][4], const uint32_t (&a)[4], uint64_t b) {
    static_assert(N == 40 || N == 64 || N == 80 || N == 128 || N == 160, "one of the shapes written out below");
#if !defined __CUDACC__
    shim_multiply_later({&d[0][0], 0, b, true, true, a, {}, shim_multiply_wide<T, N>, 0}, N / 2);
#elif defined __CUDA_ARCH_FEAT_SM90_ALL
#define FROM_REGISTERS(n, sums, a0, a1, a2, a3, b4, one)                                                               \
    WIDE_EITHER(n, sums, "{" a0 "," a1 "," a2 "," a3 "}", b4, one, "1", "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]),    \
                "l"(b), "r"(1))
    if constexpr (N == 40) {
        FROM_REGISTERS(40, 20, "%20", "%21", "%22", "%23", "%24", "%25");
    } else if constexpr (N == 64) {
        FROM_REGISTERS(64, 32, "%32", "%33", "%34", "%35", "%36", "%37");
    } else if constexpr (N == 80) {
        FROM_REGISTERS(80, 40, "%40", "%41", "%42", "%43", "%44", "%45");
    } else if constexpr (N == 128) {
        FROM_REGISTERS(128, 64, "%64", "%65", "%66", "%67", "%68", "%69");
    } else {
        FROM_REGISTERS(160, 80, "%80", "%81", "%82", "%83", "%84", "%85");
    }
#endif
}

#endif
