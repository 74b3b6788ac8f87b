/* conv_few.cu: convolutions to a few outputs in f32. The CPU's twin is tensor/cpu/conv_few.c.
 *
 * Sixteen threads sum for PIXELS neighbours, each every sixteenth channel of every tap, in order; then lanes are added
 * by halves. */
#include "pixels.cuh"

namespace {

enum { PIXELS = 4, THREADS = 128, GROUPS = THREADS / ROW_LANES };

template <class W> __global__ void __launch_bounds__(THREADS) few(Pixels source, const W *w, int64_t taps, Finish f) {
    int64_t channels = source.x.n[3], outputs = f.y.n[2], all = f.y.n[0] * f.y.n[1];
    int64_t first = ((int64_t)blockIdx.x * GROUPS + threadIdx.x / ROW_LANES) * PIXELS;
    int lane = threadIdx.x % ROW_LANES;
    Pixels::Row mine[PIXELS];
    UNROLL
    for (int p = 0; p < PIXELS; p++) {
        int64_t at = min64(first + p, all - 1);
        mine[p] = source.row<float>((uint32_t)at / (uint32_t)f.y.n[1], (uint32_t)at % (uint32_t)f.y.n[1]);
    }
    float sum[PIXELS][FEW_OUTPUTS] = {};
    for (int64_t t = 0; t < taps; t++) {
        const float *from[PIXELS];
        UNROLL
        for (int p = 0; p < PIXELS; p++) from[p] = source.at<float>(mine[p], source.place(t * channels));
        for (int64_t c = lane; c < channels; c += ROW_LANES) {
            float x[PIXELS];
            UNROLL
            for (int p = 0; p < PIXELS; p++) x[p] = from[p] ? from[p][c] : 0.0f;
            UNROLL
            for (int o = 0; o < FEW_OUTPUTS; o++) {
                if (o >= outputs) continue;
                float v = to_f32(w[(o * taps + t) * channels + c]);
                UNROLL
                for (int p = 0; p < PIXELS; p++) sum[p][o] = fma1(x[p], v, sum[p][o]);
            }
        }
    }
    UNROLL
    for (int p = 0; p < PIXELS; p++) {
        UNROLL
        for (int o = 0; o < FEW_OUTPUTS; o++) {
            float s = sum[p][o];
            for (int half = ROW_LANES / 2; half; half /= 2) s += __shfl_xor_sync(~0u, s, half);
            if (lane != p * FEW_OUTPUTS + o || o >= outputs || first + p >= all) continue;
            int64_t picture = (first + p) / f.y.n[1], pixel = (first + p) % f.y.n[1];
            finish<float>(f, s + (f.in_place ? at2<float>(f.y, picture, pixel)[o] : 0.0f), picture, pixel, o);
        }
    }
}

} // namespace

void cuda_conv_few(Ctx *c, const Pixels &pixels, const Weight *w, const Finish &f) {
    by_type(w->t.dtype, [&](auto b) {
        typedef decltype(b) W;
        launch(c, "conv2d", few<W>, blocks_for(f.y.n[0] * f.y.n[1], GROUPS * PIXELS), THREADS, 0, pixels,
               (const W *)numbers_of(w), w->t.n[1] * w->t.n[2], f);
    });
}
