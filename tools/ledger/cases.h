/* cases.h: the table of op cases. tests/golden/ops.safetensors holds what PyTorch computes for each, under its name.
 *
 * Define the macros you need and include it; the others are skipped, and all are undefined at the end.
 * tools/goldens/ops.py reads the same lines: one case per line, plain numbers, names without quotes.
 *
 *   LINEAR(name, N, T, K, O, K2, bias, act, vector, residual, xscale, xmean)
 *     x [N,T,K], x2 [N,T,K2] (none if K2 is 0), weight [O,K+K2], bias [O], vector [N,O], residual and y [N,T,O]
 *   CONV(name, N, H, W, I, O, k, stride, pad_top, pad_left, Ho, Wo, up_h, up_w, bias, act, vector, residual, xscale, xmean)
 *     x [N,H,W,I], weight [O,I,k,k], bias [O], vector [N,O], residual and y [N,Ho,Wo,O]; up_h, up_w: nearest resize
 *     first (row i of the resized picture is row i*H/up_h, in integers), 0: none; zeros below and right as Ho, Wo need
 *   GROUP_NORM(name, N, T, C, C2, groups, eps, act, xscale, xmean)     x [N,T,C], x2 [N,T,C2], y [N,T,C+C2]
 *   LAYER_NORM(name, N, T, C, eps, xscale, xmean)                      x, y [N,T,C]
 *   ATTENTION(name, N, T, S, heads, d, causal, xscale)                 q, y [N,T,heads*d], k and v [N,S,heads*d]
 *   ACTIVATION(name, N, T, C, act, xscale, xmean)                      x, y [N,T,C]
 *   GEGLU(name, N, T, C, xscale, xmean)                                x [N,T,2C], y [N,T,C]
 *   AFFINE(name, N, T, C, scale, offset, xscale, xmean)                x, y [N,T,C]
 *   ADD(name, N, T, C, scale)                                          x, residual and y [N,T,C], y = residual + scale x
 *   PRELU(name, N, T, C)                                               x, y [N,T,C], bias [C] (the slopes)
 *   TIMESTEP(name, N, C, t0, t1, t2, t3, t4)                           t = the first N of the five, y [N,C]
 *   EMBEDDING(name, N, T, C, V)                                        ids [N,T], table [V,C], positions [T,C], y [N,T,C]
 *
 * Values are generated (tools/goldens/values.py; tools/ledger/generated.h) from a name and the flat index:
 *   weights   "NAME.weight", "NAME.bias" by the rule for weights (a norm's is 1-D: 1 + 0.1 r), flat in torch's order
 *             ([O,I,k,k] for a convolution); an embedding's are "NAME.embedding.weight" (the table) and
 *             "NAME.position_embedding.weight" (the positions)
 *   inputs    "NAME.x" and "NAME.x2" with xscale and xmean; "NAME.q" and "NAME.k" with xscale, mean 0; "NAME.v",
 *             "NAME.vector" and "NAME.residual" with scale 1, mean 0; all flat in the order above (channels last)
 *   ids       "NAME.ids": floor(x * V / 2^32), x the 32 mixed bits
 * y is flat in the order above, too. A product's epilogue, in order: + bias, + vector, activation, + residual. */

#ifndef LINEAR
#define LINEAR(...)
#endif
#ifndef CONV
#define CONV(...)
#endif
#ifndef GROUP_NORM
#define GROUP_NORM(...)
#endif
#ifndef LAYER_NORM
#define LAYER_NORM(...)
#endif
#ifndef ATTENTION
#define ATTENTION(...)
#endif
#ifndef ACTIVATION
#define ACTIVATION(...)
#endif
#ifndef GEGLU
#define GEGLU(...)
#endif
#ifndef AFFINE
#define AFFINE(...)
#endif
#ifndef ADD
#define ADD(...)
#endif
#ifndef PRELU
#define PRELU(...)
#endif
#ifndef TIMESTEP
#define TIMESTEP(...)
#endif
#ifndef EMBEDDING
#define EMBEDDING(...)
#endif

/* Linear: one element, odd sizes, edges of tiles. */
/*     name                     N    T     K      O    K2 bias act          vec res xscale xmean */
LINEAR(linear_one,              1,   1,    1,     1,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_1x3,              1,   1,    1,     3,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_3x1,              2,   3,    3,     1,   0, 1, ACT_SILU,       0, 1,  1, 0)
LINEAR(linear_4x5,              1,   5,    4,     5,   0, 0, ACT_NONE,       1, 0,  1, 0)
LINEAR(linear_5x17,             3,   7,    5,    17,   0, 1, ACT_GELU,       1, 1,  1, 0)
LINEAR(linear_17x4,             2,   9,   17,     4,   0, 1, ACT_QUICK_GELU, 0, 1,  1, 0)
LINEAR(linear_row,              1,   1, 1280,     1,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_column,           1,  33,    1,   129,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_65_63_67,         1,  65,   63,    67,   0, 1, ACT_NONE,       0, 1,  1, 0)
LINEAR(linear_127_129_131,      2, 127,  129,   131,   0, 1, ACT_SILU,       1, 1,  1, 0)
LINEAR(linear_16_16_16,         1,  16,   16,    16,   0, 0, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_batch_5,          5,  13,   48,    40,   0, 1, ACT_NONE,       1, 0,  1, 0)
/* the shapes of SD 1.5 */
LINEAR(linear_q_320,            2,  64,  320,   320,   0, 0, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_out_320,          2,  64,  320,   320,   0, 1, ACT_NONE,       0, 1,  1, 0)
LINEAR(linear_k_768_640,        2,  77,  768,   640,   0, 0, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_k_1024_320,       1, 154, 1024,   320,   0, 0, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_geglu_320,        1,  64,  320,  2560,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_ff_2560_640,      2,  16, 2560,   640,   0, 1, ACT_NONE,       0, 1,  1, 0)
LINEAR(linear_geglu_1280,       1,   4, 1280, 10240,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_time_1,           2,   1,  320,  1280,   0, 1, ACT_SILU,       0, 0,  1, 0)
LINEAR(linear_time_2,           2,   1, 1280,  1280,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_emb_640,          1,   1, 1280,   640,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_proj_1280,        1,  16, 1280,  1280,   0, 1, ACT_NONE,       0, 1,  1, 0)
LINEAR(linear_clip_q,           1,  77,  768,   768,   0, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_clip_fc1,         1,  77,  768,  3072,   0, 1, ACT_QUICK_GELU, 0, 0,  1, 0)
LINEAR(linear_clip_fc2,         1,  77, 3072,   768,   0, 1, ACT_NONE,       0, 1,  1, 0)
LINEAR(linear_clip_h_fc1,       1,  13, 1024,  4096,   0, 1, ACT_GELU,       0, 0,  1, 0)
/* two sources */
LINEAR(linear_skip_1920_640,    2,  36, 1280,   640, 640, 1, ACT_NONE,       0, 0,  1, 0)
LINEAR(linear_skip_960_320,     1,  64,  640,   320, 320, 1, ACT_NONE,       0, 1,  1, 0)
LINEAR(linear_skip_odd,         3,   7,    5,     7,   3, 1, ACT_SILU,       1, 1,  1, 0)
LINEAR(linear_skip_one,         1,   1,    1,     1,   1, 0, ACT_NONE,       0, 0,  1, 0)
/* magnitudes */
LINEAR(linear_mean_10,          1,  33,  320,    64,   0, 1, ACT_NONE,       0, 0,  1, 10)
LINEAR(linear_mean_1000,        1,  33,  320,    64,   0, 1, ACT_NONE,       0, 0,  1, 1000)
LINEAR(linear_small,            1,  33,  320,    64,   0, 1, ACT_NONE,       0, 0,  0.01, 0)
LINEAR(linear_small_no_bias,    1,  33,  320,    64,   0, 0, ACT_GELU,       0, 0,  0.01, 0)
LINEAR(linear_large,            1,  33,  320,    64,   0, 1, ACT_SILU,       0, 1,  1000, 0)

/* Convolution: small and odd. */
/*   name                  N   H   W     I     O  k  s  pt pl  Ho  Wo uh uw bias act    vec res xscale xmean */
CONV(conv_one,             1,  1,  1,    1,    1, 3, 1, 1, 1,  1,  1, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_1x1_picture,     2,  1,  1,   17,    5, 3, 1, 1, 1,  1,  1, 0, 0, 1, ACT_NONE, 1, 1, 1, 0)
CONV(conv_1x5_picture,     1,  1,  5,    3,    4, 3, 1, 1, 1,  1,  5, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_5x1_picture,     1,  5,  1,    4,    3, 3, 1, 1, 1,  5,  1, 0, 0, 0, ACT_SILU, 0, 1, 1, 0)
CONV(conv_2x2_picture,     3,  2,  2,    5,   17, 3, 1, 1, 1,  2,  2, 0, 0, 1, ACT_NONE, 1, 0, 1, 0)
CONV(conv_odd,             2,  7,  9,   17,   19, 3, 1, 1, 1,  7,  9, 0, 0, 1, ACT_SILU, 1, 1, 1, 0)
CONV(conv_valid,           1,  8,  7,    6,    8, 3, 1, 0, 0,  6,  5, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_k1,              2,  5,  7,    9,   11, 1, 1, 0, 0,  5,  7, 0, 0, 1, ACT_NONE, 0, 1, 1, 0)
CONV(conv_k1_stride_2,     1,  7,  5,    8,   12, 1, 2, 0, 0,  4,  3, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_1_to_1,          1, 11, 13,    1,    1, 3, 1, 1, 1, 11, 13, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_wide_picture,    1,  3, 67,    8,    8, 3, 1, 1, 1,  3, 67, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_tall_picture,    1, 67,  3,    8,    8, 3, 1, 1, 1, 67,  3, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_33x33,           1, 33, 33,   24,   20, 3, 1, 1, 1, 33, 33, 0, 0, 1, ACT_NONE, 0, 1, 1, 0)
/* the shapes of SD 1.5 */
CONV(conv_in,              2,  8,  8,    4,  320, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_in_inpaint,      1,  8,  8,    9,  320, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_res_1,           2,  8,  8,  320,  320, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 1, 0, 1, 0)
CONV(conv_res_2,           1,  8,  8,  320,  320, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 1, 1, 0)
CONV(conv_640,             1,  8,  8,  320,  640, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 1, 0, 1, 0)
CONV(conv_1280,            1,  3,  4, 1280, 1280, 3, 1, 1, 1,  3,  4, 0, 0, 1, ACT_NONE, 0, 1, 1, 0)
CONV(conv_out,             2,  8,  8,  320,    4, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_down_320,        1,  8,  8,  320,  320, 3, 2, 1, 1,  4,  4, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_down_odd,        2,  9, 13,   32,   32, 3, 2, 1, 1,  5,  7, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_down_1x1,        1,  1,  1,    8,    8, 3, 2, 1, 1,  1,  1, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_up_320,          1,  4,  4,  320,  320, 3, 1, 1, 1,  8,  8, 8, 8, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_up_1x1,          1,  1,  1,    5,    3, 3, 1, 1, 1,  2,  2, 2, 2, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_up_odd,          2,  5,  7,   16,   24, 3, 1, 1, 1,  9, 13, 9, 13, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_up_odd_2,        1,  2,  4,    8,    8, 3, 1, 1, 1,  3,  7, 3, 7, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_up_to_same,      1,  3,  5,    8,    8, 3, 1, 1, 1,  3,  5, 3, 5, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_up_to_1,         2,  1,  1,    4,    8, 3, 1, 1, 1,  1,  1, 1, 1, 1, ACT_NONE, 0, 0, 1, 0)
/* the VAE's and ControlNet's */
CONV(conv_vae_in,          1, 16, 16,    3,  128, 3, 1, 1, 1, 16, 16, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_vae_out,         1, 16, 16,  128,    3, 3, 1, 1, 1, 16, 16, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_vae_down,        1, 16, 16,  128,  128, 3, 2, 0, 0,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_vae_down_small,  2, 10, 14,   16,   16, 3, 2, 0, 0,  5,  7, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_vae_down_2x2,    1,  2,  2,    4,    4, 3, 2, 0, 0,  1,  1, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_quant,           1,  8,  8,    8,    8, 1, 1, 0, 0,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_post_quant,      2,  8,  8,    4,    4, 1, 1, 0, 0,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_shortcut_512,    1,  4,  4,  512,  256, 1, 1, 0, 0,  4,  4, 0, 0, 1, ACT_NONE, 0, 0, 1, 0)
CONV(conv_hint,            1, 16, 16,   16,   32, 3, 2, 1, 1,  8,  8, 0, 0, 1, ACT_SILU, 0, 0, 1, 0)
/* magnitudes */
CONV(conv_mean_10,         1,  8,  8,   64,   32, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 10)
CONV(conv_mean_1000,       1,  8,  8,   64,   32, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 1, 1000)
CONV(conv_small,           1,  8,  8,   64,   32, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 0, 0.01, 0)
CONV(conv_small_no_bias,   1,  8,  8,   64,   32, 3, 1, 1, 1,  8,  8, 0, 0, 0, ACT_NONE, 0, 0, 0.01, 0)
CONV(conv_large,           1,  8,  8,   64,   32, 3, 1, 1, 1,  8,  8, 0, 0, 1, ACT_NONE, 0, 1, 1000, 0)

/* Group norm. A low variance reveals eps, a large mean reveals E[x^2] - E[x]^2; xscale 0 is a constant picture. */
/*         name                 N     T     C   C2 groups eps  act     xscale xmean */
GROUP_NORM(gn_one,              1,    1,    1,    0,  1, 1e-5, ACT_NONE, 1, 0)
GROUP_NORM(gn_one_token,        2,    1,   64,    0, 32, 1e-5, ACT_NONE, 1, 0)
GROUP_NORM(gn_odd,              3,   35,   24,    0,  8, 1e-6, ACT_SILU, 1, 0)
GROUP_NORM(gn_group_of_one,     2,   15,   32,    0, 32, 1e-5, ACT_NONE, 1, 0)
GROUP_NORM(gn_one_group,        2,   15,   20,    0,  1, 1e-5, ACT_SILU, 1, 0)
GROUP_NORM(gn_320,              2,   64,  320,    0, 32, 1e-5, ACT_SILU, 1, 0)
GROUP_NORM(gn_640_st,           1,   64,  640,    0, 32, 1e-6, ACT_NONE, 1, 0)
GROUP_NORM(gn_1280,             1,   16, 1280,    0, 32, 1e-5, ACT_SILU, 1, 0)
GROUP_NORM(gn_vae_128,          1, 1024,  128,    0, 32, 1e-6, ACT_SILU, 1, 0)
GROUP_NORM(gn_vae_512,          1,   64,  512,    0, 32, 1e-6, ACT_NONE, 1, 0)
GROUP_NORM(gn_long,             1, 9000,   16,    0,  4, 1e-6, ACT_NONE, 1, 3)
GROUP_NORM(gn_skip_2560,        1,   16, 1280, 1280, 32, 1e-5, ACT_SILU, 1, 0)
GROUP_NORM(gn_skip_1920,        2,   16, 1280,  640, 32, 1e-5, ACT_SILU, 1, 0)
GROUP_NORM(gn_skip_960,         1,   36,  640,  320, 32, 1e-5, ACT_SILU, 1, 0)
GROUP_NORM(gn_skip_straddle,    2,    9,    5,    7,  4, 1e-5, ACT_NONE, 1, 0)
GROUP_NORM(gn_eps_5_small,      1,   64,   64,    0, 32, 1e-5, ACT_NONE, 0.01, 0)
GROUP_NORM(gn_eps_6_small,      1,   64,   64,    0, 32, 1e-6, ACT_NONE, 0.01, 0)
GROUP_NORM(gn_eps_5_tiny,       1,   64,   64,    0, 32, 1e-5, ACT_SILU, 0.001, 0)
GROUP_NORM(gn_eps_6_tiny,       1,   64,   64,    0, 32, 1e-6, ACT_SILU, 0.001, 0)
GROUP_NORM(gn_mean_10,          1,   64,   64,    0, 32, 1e-5, ACT_NONE, 1, 10)
GROUP_NORM(gn_mean_1000,        1,   64,   64,    0, 32, 1e-5, ACT_NONE, 1, 1000)
GROUP_NORM(gn_mean_10_small,    1,   64,   64,    0, 32, 1e-6, ACT_NONE, 0.01, 10)
GROUP_NORM(gn_constant,         1,   64,   64,    0, 32, 1e-6, ACT_NONE, 0, 5)
GROUP_NORM(gn_large,            1,   64,   64,    0, 32, 1e-5, ACT_SILU, 10000, 0)

/*         name                 N   T     C  eps xscale xmean */
LAYER_NORM(ln_one,              1,  1,    1, 1e-5, 1, 0)
LAYER_NORM(ln_3,                2,  5,    3, 1e-5, 1, 0)
LAYER_NORM(ln_17,               1,  4,   17, 1e-5, 1, 0)
LAYER_NORM(ln_320,              2, 64,  320, 1e-5, 1, 0)
LAYER_NORM(ln_768,              1, 77,  768, 1e-5, 1, 0)
LAYER_NORM(ln_1280,             1, 16, 1280, 1e-5, 1, 0)
LAYER_NORM(ln_small,            1, 16,  320, 1e-5, 0.01, 0)
LAYER_NORM(ln_tiny,             1, 16,  320, 1e-5, 0.001, 0)
LAYER_NORM(ln_mean_10,          1, 16,  320, 1e-5, 1, 10)
LAYER_NORM(ln_mean_1000,        1, 16,  320, 1e-5, 1, 1000)
LAYER_NORM(ln_constant,         1,  3,  256, 1e-5, 0, 5)
LAYER_NORM(ln_large,            1, 16,  320, 1e-5, 10000, 0)

/* Attention. xscale s gives scores of standard deviation s * s: 4.5 reaches +-80. */
/*        name                  N    T    S heads  d causal xscale */
ATTENTION(attn_one,             1,   1,   1,  1,   1, 0, 1)
ATTENTION(attn_one_key,         2,   7,   1,  2,   8, 0, 1)
ATTENTION(attn_one_query,       1,   1,  19,  2,   8, 0, 1)
ATTENTION(attn_odd,             3,   5,   3,  3,   5, 0, 1)
ATTENTION(attn_17,              2,  33,  31,  3,  17, 0, 1)
ATTENTION(attn_tiles,           1, 129, 131,  2,  24, 0, 1)
ATTENTION(attn_self_40,         2,  64,  64,  8,  40, 0, 1)
ATTENTION(attn_self_40_long,    1, 300, 300,  2,  40, 0, 1)
ATTENTION(attn_self_80,         1,  64,  64,  8,  80, 0, 1)
ATTENTION(attn_self_160,        2,  16,  16,  8, 160, 0, 1)
ATTENTION(attn_self_64,         1,  36,  36, 10,  64, 0, 1)
ATTENTION(attn_cross_40,        2,  64,  77,  8,  40, 0, 1)
ATTENTION(attn_cross_80,        1,  36,  77,  8,  80, 0, 1)
ATTENTION(attn_cross_160,       1,  16, 154,  8, 160, 0, 1)
ATTENTION(attn_cross_64,        2,  16, 154,  5,  64, 0, 1)
ATTENTION(attn_vae_512,         1,  64,  64,  1, 512, 0, 1)
ATTENTION(attn_vae_512_odd,     1,  35,  35,  1, 512, 0, 1)
ATTENTION(attn_causal_clip,     1,  77,  77, 12,  64, 1, 1)
ATTENTION(attn_causal_odd,      2,  17,  17,  3,  12, 1, 1)
ATTENTION(attn_causal_one,      1,   1,   1,  2,   4, 1, 1)
ATTENTION(attn_scores_80,       1,  64,  64,  4,  40, 0, 4.5)
ATTENTION(attn_scores_80_512,   1,  33,  65,  1, 512, 0, 4.5)
ATTENTION(attn_scores_80_mask,  1,  77,  77,  2,  64, 1, 4.5)
ATTENTION(attn_scores_2000,     1,  16,  16,  2,  40, 0, 20)
ATTENTION(attn_scores_flat,     1,  16,  77,  2,  40, 0, 0.01)

/*         name                 N   T    C  act           xscale xmean */
ACTIVATION(silu,                2, 16, 320, ACT_SILU,       1, 0)
ACTIVATION(silu_one,            1,  1,   1, ACT_SILU,       1, 0)
ACTIVATION(silu_large,          1,  7,  33, ACT_SILU,       100, 0)
ACTIVATION(silu_small,          1,  7,  33, ACT_SILU,       0.01, 0)
ACTIVATION(silu_negative,       1,  7,  33, ACT_SILU,       1, -10)
ACTIVATION(gelu,                2, 16, 320, ACT_GELU,       1, 0)
ACTIVATION(gelu_one,            1,  1,   1, ACT_GELU,       1, 0)
ACTIVATION(gelu_wide,           1,  7,  33, ACT_GELU,       3, 0)
ACTIVATION(gelu_large,          1,  7,  33, ACT_GELU,       100, 0)
ACTIVATION(gelu_small,          1,  7,  33, ACT_GELU,       0.01, 0)
ACTIVATION(gelu_negative,       1,  7,  33, ACT_GELU,       1, -3)
ACTIVATION(quick_gelu,          1, 77, 128, ACT_QUICK_GELU, 1, 0)
ACTIVATION(quick_gelu_large,    1,  7,  33, ACT_QUICK_GELU, 100, 0)
ACTIVATION(tanh,                2, 16, 320, ACT_TANH,       1, 0)
ACTIVATION(tanh_small,          1,  7,  33, ACT_TANH,       0.01, 0)
ACTIVATION(tanh_large,          1,  7,  33, ACT_TANH,       100, 0)
ACTIVATION(leaky_relu,          2, 16,  33, ACT_LEAKY_RELU, 1, 0)

GEGLU(geglu_one,                1,  1,    1, 1, 0)
GEGLU(geglu_odd,                2,  5,   17, 1, 0)
GEGLU(geglu_1280,               1, 16, 1280, 1, 0)
GEGLU(geglu_wide,               1,  9,   64, 3, 0)
GEGLU(geglu_large,              1,  9,   64, 100, 0)

AFFINE(affine_one,              1,  1,   1, 2, -1, 1, 0)
AFFINE(affine_latent,           1, 64,   4, 5.489981, 0, 1, 0)
AFFINE(affine_image,            2, 35,   3, 2, -1, 1, 0.5)

ADD(add_fifth,                  2,  7,  33, 0.2)
PRELU(prelu_odd,                2,  7,  33)

TIMESTEP(timestep_320,          5, 320, 0, 1, 981, 999, 500.5)
TIMESTEP(timestep_320_one,      1, 320, 999, 0, 0, 0, 0)
TIMESTEP(timestep_256,          3, 256, 512, 1024, 0.25, 0, 0)
TIMESTEP(timestep_32,           2, 32, 12.25, 999, 0, 0, 0)
TIMESTEP(timestep_2,            2, 2, 1, 500.5, 0, 0, 0)

/* (names without "embedding": that word in a weight's name changes its scale) */
EMBEDDING(embed_one,            1,  1,   1,     1)
EMBEDDING(embed_odd,            3,  5,  17,    11)
EMBEDDING(embed_clip,           2, 77, 768,  1000)

#undef LINEAR
#undef CONV
#undef GROUP_NORM
#undef LAYER_NORM
#undef ATTENTION
#undef ACTIVATION
#undef GEGLU
#undef AFFINE
#undef ADD
#undef PRELU
#undef TIMESTEP
#undef EMBEDDING
