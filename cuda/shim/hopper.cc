/* hopper.cc: see hopper.h. Addresses are those of the shared window, so that tiles that are not aligned to a swizzle's
 * pattern come out wrong, as they would on a GPU. */
#include "shim.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

struct Map { /* what a CUtensorMap holds here */
    const unsigned char *address;
    uint64_t dims[5], strides[5];
    uint8_t box[5], every[5], rank; /* box: what arrives, less 1 */
};
static_assert(sizeof(Map) <= sizeof(CUtensorMap), "a map has 128 bytes");

struct Barrier { /* eight bytes of shared memory */
    int32_t bytes;
    uint8_t arrivals, waiting, phase, valid; /* waiting: for how many */
};
enum { VALID = 0x5a };

struct Box {
    void *to;
    Map map;
    int at[4];
    uint64_t *barrier;
};
struct Products {
    std::vector<ShimProduct> pending;
    int group;
};
thread_local std::vector<Box> boxes;
thread_local std::vector<Products> products; /* one for each thread */

[[noreturn]] void refuse(const char *why) {
    fprintf(stderr, "shim: %s\n", why);
    abort();
}

uint32_t swizzled(uint32_t address) { return address ^ (address >> 7 & 7) << 4; }

unsigned char *at_address(uint32_t address) {
    unsigned char *base = (unsigned char *)shim_shared();
    return base + (int32_t)(address - shim_shared_address(base));
}

Barrier *barrier_of(uint64_t *b) {
    Barrier *k = (Barrier *)b;
    if (k->valid != VALID) refuse("a barrier that nobody initialised");
    return k;
}

void look(Barrier *k) { /* ends the phase if it is over */
    if (k->waiting || k->bytes) return;
    k->phase ^= 1;
    k->waiting = k->arrivals;
    shim_progress();
}

/* Copies the box row by row, 128 bytes each; zeros outside the tensor. */
void bring(const Box &b) {
    const Map &m = b.map;
    uint32_t to = shim_shared_address(b.to);
    unsigned rows = 1, bytes = (m.box[0] + 1u) * 2;
    for (unsigned i = 1; i < m.rank; i++) rows *= m.box[i] + 1u;
    for (unsigned r = 0; r < rows; r++) {
        const unsigned char *from = m.address;
        bool there = true;
        for (unsigned i = 1, rest = r; i < m.rank; rest /= m.box[i] + 1u, i++) {
            int64_t place = b.at[i] + (int64_t)(rest % (m.box[i] + 1u) * m.every[i]);
            there = there && place >= 0 && place < (int64_t)m.dims[i];
            from += place * (int64_t)m.strides[i];
        }
        for (unsigned c = 0; c < bytes; c += 2) {
            int64_t place = b.at[0] + (int64_t)c / 2;
            uint16_t number = 0;
            if (there && place >= 0 && place < (int64_t)m.dims[0]) std::memcpy(&number, from + 2 * place, 2);
            std::memcpy(at_address(swizzled(to + r * bytes + c)), &number, 2);
        }
    }
    Barrier *k = barrier_of(b.barrier);
    k->bytes -= (int32_t)(rows * bytes);
    look(k);
}

Products *mine() {
    if (products.size() <= shim_thread()) products.resize(shim_thread() + 1);
    return &products[shim_thread()];
}

} // namespace

CUresult shim_encode_tiled(CUtensorMap *map, CUtensorMapDataType, cuuint32_t rank, void *address,
                           const cuuint64_t *dims, const cuuint64_t *strides, const cuuint32_t *box,
                           const cuuint32_t *element_strides, CUtensorMapInterleave, CUtensorMapSwizzle swizzle,
                           CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
    Map m = {};
    bool ok = rank >= 1 && rank <= 5 && (uintptr_t)address % 16 == 0 && (uintptr_t)map % 64 == 0 &&
              swizzle == CU_TENSOR_MAP_SWIZZLE_128B && box[0] * 2 == 128;
    for (unsigned i = 0; ok && i < rank; i++) {
        uint32_t every = i ? element_strides[i] : 1; /* the innermost's is ignored */
        ok = dims[i] && dims[i] <= (1ull << 32) && box[i] && box[i] <= 256 && every && every <= 8 &&
             (!i || (strides[i - 1] % 16 == 0 && strides[i - 1] < (1ull << 40)));
        m.dims[i] = dims[i], m.strides[i] = i ? strides[i - 1] : 2;
        if (ok) m.every[i] = (uint8_t)every, m.box[i] = (uint8_t)((box[i] + every - 1) / every - 1);
    }
    if (!ok) return CUDA_ERROR_INVALID_VALUE;
    m.address = (const unsigned char *)address;
    m.rank = (uint8_t)rank;
    std::memcpy(map, &m, sizeof m);
    return CUDA_SUCCESS;
}

void shim_barrier_init(uint64_t *b, int arrivals) {
    Barrier k = {0, (uint8_t)arrivals, (uint8_t)arrivals, 0, VALID};
    std::memcpy(b, &k, sizeof k);
}

void shim_barrier_arrive(uint64_t *b, int bytes) {
    Barrier *k = barrier_of(b);
    if (!k->waiting--) refuse("more arrivals at a barrier than it waits for");
    k->bytes += bytes;
    shim_progress();
    look(k);
}

bool shim_barrier_over(uint64_t *b, int parity) {
    for (size_t i = 0; i < boxes.size();) {
        if (boxes[i].barrier != b) {
            i++;
            continue;
        }
        Box box = boxes[i];
        boxes.erase(boxes.begin() + (std::ptrdiff_t)i);
        bring(box);
    }
    return barrier_of(b)->phase != parity;
}

void shim_load_box(void *to, const CUtensorMap *map, const int *at, unsigned rank, uint64_t *b) {
    Box box = {to, {}, {}, b};
    std::memcpy(&box.map, map, sizeof box.map);
    std::memcpy(box.at, at, rank * sizeof *at);
    size_t bytes = 2;
    for (unsigned i = 0; i < rank; i++) bytes *= box.map.box[i] + 1u;
    if (box.map.rank != rank || shim_shared_address(to) % 128) refuse("a box that does not match its map");
    for (size_t i = 0; i < bytes; i++) /* a thread that does not wait reads NaN */
        *at_address(swizzled(shim_shared_address(to) + (uint32_t)i)) = 0xff;
    boxes.push_back(box);
    shim_progress();
}

const void *shim_tile_number(uint64_t tile, unsigned row, unsigned k, bool transposed) {
    if (tile >> 62 != 1 || (tile >> 49 & 7))
        refuse("a tile whose descriptor does not say swizzled by 128 bytes from its beginning");
    uint32_t start = (uint32_t)(tile & 0x3fff) << 4, eight = (uint32_t)(tile >> 32 & 0x3fff) << 4;
    uint32_t wide = (uint32_t)(tile >> 16 & 0x3fff) << 4; /* from 64 numbers to the next, if K runs down the rows */
    if (transposed) return at_address(swizzled(start + row / 64 * wide + row % 64 * 2 + k / 8 * eight + k % 8 * 128));
    return at_address(swizzled(start + row / 8 * eight + row % 8 * 128 + k * 2));
}

void shim_multiply_later(ShimProduct p, unsigned sums) {
    if (p.registers) {
        const uint32_t *quad[4];
        std::memcpy(shim_slot(shim_lane()), p.registers, sizeof p.quad[0]);
        for (unsigned i = 0; i < 4; i++) quad[i] = (const uint32_t *)shim_slot(shim_lane() / 4 * 4 + i);
        shim_warp_wait();
        for (unsigned i = 0; i < 4; i++) std::memcpy(p.quad[i], quad[i], sizeof p.quad[i]);
    }
    for (unsigned i = 0; !p.add && i < sums; i++) p.d[i] = NAN; /* for a thread that does not wait */
    p.group = mine()->group;
    mine()->pending.push_back(p);
}

void shim_products_commit() { mine()->group++; }

void shim_products_wait(int groups) {
    Products *p = mine();
    size_t kept = 0;
    for (ShimProduct &k : p->pending) {
        if (k.registers && std::memcmp(k.registers, k.quad[shim_lane() % 4], sizeof k.quad[0]))
            refuse("a product's registers changed before it was done");
        if (k.group >= p->group - groups) p->pending[kept++] = k;
        else k.run(k, shim_thread());
    }
    p->pending.resize(kept);
}

void shim_hopper_end() {
    for (Products &p : products) {
        if (!p.pending.empty()) refuse("a block ended before its products");
        p.group = 0;
    }
    if (!boxes.empty()) refuse("a block ended before its copies");
}
