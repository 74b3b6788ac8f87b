/* table.cu: the tables of ops that run on a GPU, one for each type of activations. */
#include "kernels.cuh"

template <class A> static const Ops *table(const char *name, DType type) {
    static const Ops OPS = [=] {
        Ops o = {};
        o.name = name;
        o.type = type;
        o.exact = type == F32;
        o.memory = &cuda_memory;
        o.prepared_bytes = cuda_prepared_bytes<A>;
        o.prepare = cuda_prepare<A>;
        o.linear = cuda_linear;
        o.conv2d = cuda_conv2d;
        o.group_norm = cuda_group_norm;
        o.layer_norm = cuda_layer_norm;
        o.attention = cuda_attention;
        o.activation = cuda_activation;
        o.geglu = cuda_geglu;
        o.affine = cuda_affine;
        o.accumulate = cuda_accumulate;
        o.prelu = cuda_prelu;
        o.embedding = cuda_embedding;
        o.timestep_embedding = cuda_timestep_embedding;
        return o;
    }();
    return &OPS;
}

const Ops *gpu_ops(const Gpu *gpu, DType type) {
    (void)gpu;
    if (type == F16) return table<Half>("cuda f16", F16);
    if (type == BF16) return table<Brain>("cuda bf16", BF16);
    return table<float>("cuda f32", F32);
}
