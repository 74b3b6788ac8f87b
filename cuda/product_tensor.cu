/* product_tensor.cu: chooses products for tensor cores. */
#include "product_tensor.cuh"

template <class Source>
static bool by_kind(Ctx *c, const char *name, const Source &source, const Weight *w, int64_t k, const Finish &f) {
    const void *numbers = numbers_of(w);
    if (f.y.dtype == F16) return product_on_tensor_cores(c, name, source, (const Half *)numbers, k, f);
    return f.y.dtype == BF16 && product_on_tensor_cores(c, name, source, (const Brain *)numbers, k, f);
}

bool cuda_linear_tensor(Ctx *c, const Rows &rows, const Weight *w, const Finish &f) {
    return by_kind(c, "linear", rows, w, w->t.n[1], f);
}

bool cuda_conv2d_tensor(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f) {
    return by_kind(c, "conv2d", pixels, w, tensor_count(w->t) / w->t.n[0], f);
}
