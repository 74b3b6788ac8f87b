/* block_cases.h: the table of block cases. tests/golden/blocks.safetensors holds what diffusers' and transformers' own
 * modules compute for each, under its name.
 *
 * Use it as cases.h: define the macros you need and include it; the others are skipped, and all are undefined at the end.
 *
 *   RES_BLOCK(name, N, H, W, I, I2, O, groups, emb, xscale)          the U-Net's; eps 1e-5
 *     x [N,I,H,W], x2 [N,I2,H,W] concatenated after it (none if I2 is 0), emb [N,emb] (before its SiLU), y [N,O,H,W]
 *     in_layers.{0,2} emb_layers.1 out_layers.{0,3} and, if I+I2 != O, skip_connection
 *   SPATIAL_TRANSFORMER(name, N, H, W, C, heads, groups, S, context, depth, linear, xscale)     group norm eps 1e-6
 *     x, y [N,C,H,W], context [N,S,context]; norm proj_in transformer_blocks.K... proj_out; linear: proj_* are [C,C], else
 *     [C,C,1,1] (the same values: a generated weight depends on the count of its elements and rows)
 *   TRANSFORMER_BLOCK(name, N, T, C, heads, S, context, xscale)
 *     x, y [N,T,C], context [N,S,context]; norm{1,2,3} attn{1,2}.{to_q,to_k,to_v,to_out.0} ff.net.0.proj ff.net.2
 *   VAE_RES_BLOCK(name, N, H, W, I, O, groups, xscale)               eps 1e-6
 *     x [N,I,H,W], y [N,O,H,W]; norm1 conv1 norm2 conv2 and, if I != O, nin_shortcut
 *   VAE_ATTENTION(name, N, H, W, C, groups, xscale)                  eps 1e-6; x, y [N,C,H,W]; norm q k v proj_out
 *   DOWNSAMPLE(name, N, H, W, C)       the U-Net's: pads 1 on all sides; y [N,C,ceil(H/2),ceil(W/2)]; op
 *   VAE_DOWNSAMPLE(name, N, H, W, C)   pads right and bottom only;    y [N,C,H/2,W/2]; conv
 *   UPSAMPLE(name, N, H, W, C, to_h, to_w)   nearest to to_h x to_w, then the convolution; y [N,C,to_h,to_w]; conv
 *   TAESD_DECODER(name, N, H, W, C, levels, xscale)    C channels, blocks 3, ..., 3, 1; a level's side is twice the last one's
 *     x [N,4,H,W], y [N,3,..,..]; the names of taesd_decoder.pth: 1, 3.conv.0, ...
 *   TAESD_ENCODER(name, N, H, W, C, levels, xscale)    blocks 1, 3, ..., 3; x [N,3,H,W], y [N,4,..,..]; of taesd_encoder.pth
 *   CLIP_LAYER(name, N, T, C, heads, mlp, act, xscale)               causal; x, y [N,T,C]
 *     layer_norm{1,2} self_attn.{q,k,v,out}_proj mlp.fc{1,2}
 *
 * Weights are "NAME." and the part's name in a single-file checkpoint, ".weight" and ".bias", by the rule for weights.
 * Inputs are "NAME.x" and "NAME.x2" with xscale (1 if there is none), "NAME.emb" and "NAME.context" with scale 1; mean 0.
 * Inputs and y are flat in torch's order, as written above (channels before rows). */

#ifndef RES_BLOCK
#define RES_BLOCK(...)
#endif
#ifndef SPATIAL_TRANSFORMER
#define SPATIAL_TRANSFORMER(...)
#endif
#ifndef TRANSFORMER_BLOCK
#define TRANSFORMER_BLOCK(...)
#endif
#ifndef VAE_RES_BLOCK
#define VAE_RES_BLOCK(...)
#endif
#ifndef VAE_ATTENTION
#define VAE_ATTENTION(...)
#endif
#ifndef DOWNSAMPLE
#define DOWNSAMPLE(...)
#endif
#ifndef VAE_DOWNSAMPLE
#define VAE_DOWNSAMPLE(...)
#endif
#ifndef UPSAMPLE
#define UPSAMPLE(...)
#endif
#ifndef TAESD_DECODER
#define TAESD_DECODER(...)
#endif
#ifndef TAESD_ENCODER
#define TAESD_ENCODER(...)
#endif
#ifndef CLIP_LAYER
#define CLIP_LAYER(...)
#endif

/*        name             N  H  W    I  I2    O groups emb xscale */
RES_BLOCK(res,             2, 8, 8,  32,  0,  32,  8,  128, 1)
RES_BLOCK(res_shortcut,    2, 8, 8,  32,  0,  64,  8,  128, 1)
RES_BLOCK(res_skip,        2, 6, 5,  64, 32,  32,  8,  128, 1)
RES_BLOCK(res_skip_odd,    1, 3, 7,  24, 40,  32, 32,   96, 1)
RES_BLOCK(res_one,         1, 1, 1,  32,  0,  32,  8,   64, 1)
RES_BLOCK(res_small,       1, 8, 8,  32,  0,  32,  8,  128, 0.01)
RES_BLOCK(res_small_skip,  1, 8, 8,  32, 32,  64,  8,  128, 0.01)
RES_BLOCK(res_320,         1, 8, 8, 320,  0, 320, 32, 1280, 1)
RES_BLOCK(res_320_640,     1, 4, 4, 320,  0, 640, 32, 1280, 1)

/*                  name         N  H  W    C heads groups S context depth linear xscale */
SPATIAL_TRANSFORMER(st,          2, 8, 8,  32, 4,  8, 77,   32, 1, 0, 1)
SPATIAL_TRANSFORMER(st_odd,      2, 5, 3,  64, 4,  8, 11,   24, 1, 0, 1)
SPATIAL_TRANSFORMER(st_one,      1, 1, 1,  64, 4,  8, 77,   32, 1, 0, 1)
SPATIAL_TRANSFORMER(st_small,    1, 8, 8,  64, 4,  8, 77,   32, 1, 0, 0.01)
SPATIAL_TRANSFORMER(st_linear,   1, 6, 6,  64, 2,  8, 77,   32, 2, 1, 1)
SPATIAL_TRANSFORMER(st_320,      1, 8, 8, 320, 8, 32, 77,  768, 1, 0, 1)
SPATIAL_TRANSFORMER(st_320_154,  1, 4, 4, 320, 8, 32, 154, 768, 1, 0, 1)

/*                name     N   T    C heads S context xscale */
TRANSFORMER_BLOCK(tb,      2, 16,  32, 4, 77,   32, 1)
TRANSFORMER_BLOCK(tb_odd,  1, 15,  48, 3,  5,   20, 1)
TRANSFORMER_BLOCK(tb_one,  1,  1,  32, 4,  1,   32, 1)
TRANSFORMER_BLOCK(tb_tiny, 1, 16,  32, 4, 77,   32, 0.001)
TRANSFORMER_BLOCK(tb_320,  1, 36, 320, 8, 77,  768, 1)

/*            name              N   H   W    I    O groups xscale */
VAE_RES_BLOCK(vae_res,          1, 16, 16,  32,  32,  8, 1)
VAE_RES_BLOCK(vae_res_shortcut, 2,  9,  7,  64,  32,  8, 1)
VAE_RES_BLOCK(vae_res_small,    1, 16, 16,  32,  32,  8, 0.01)
VAE_RES_BLOCK(vae_res_tiny,     1, 16, 16,  32,  64,  8, 0.001)
VAE_RES_BLOCK(vae_res_256,      1,  8,  8, 256, 128, 32, 1)

/*            name            N  H  W    C groups xscale */
VAE_ATTENTION(vae_attn,       1, 8, 8,  64,  8, 1)
VAE_ATTENTION(vae_attn_odd,   2, 5, 7,  32,  8, 1)
VAE_ATTENTION(vae_attn_small, 1, 8, 8,  64,  8, 0.01)
VAE_ATTENTION(vae_attn_512,   1, 4, 4, 512, 32, 1)

/*         name      N  H   W    C */
DOWNSAMPLE(down,     2, 8,  8,  32)
DOWNSAMPLE(down_odd, 1, 9, 13,  24)
DOWNSAMPLE(down_one, 1, 1,  1,  160)
DOWNSAMPLE(down_320, 1, 8,  8, 320)

/*             name           N   H   W    C */
VAE_DOWNSAMPLE(vae_down,      1, 16, 16,  32)
VAE_DOWNSAMPLE(vae_down_odd,  2, 10, 14,  16)
VAE_DOWNSAMPLE(vae_down_128,  1,  8,  8, 128)

/*       name       N  H  W    C to_h to_w */
UPSAMPLE(up,        2, 4, 4,  32,  8,  8)
UPSAMPLE(up_odd,    1, 5, 7,  24,  9, 13)
UPSAMPLE(up_odd_2,  2, 2, 4,  16,  3,  7)
UPSAMPLE(up_mixed,  1, 3, 2,  16,  5,  4)
UPSAMPLE(up_one,    1, 1, 1,  16,  2,  2)
UPSAMPLE(up_320,    1, 4, 4, 320,  8,  8)
UPSAMPLE(up_phases, 1, 8, 12, 32, 16, 24)

/*            name            N   H   W   C levels xscale */
TAESD_DECODER(taesd_dec,      1,  8, 12, 32, 3, 1)
TAESD_DECODER(taesd_dec_odd,  2,  3,  5, 24, 2, 3)
TAESD_ENCODER(taesd_enc,      1, 32, 48, 32, 3, 0.5)
TAESD_ENCODER(taesd_enc_odd,  2,  6, 10, 24, 2, 0.5)

/*         name        N   T    C heads mlp act        xscale */
CLIP_LAYER(clip,       1, 77,  32,  4,   64, ACT_QUICK_GELU, 1)
CLIP_LAYER(clip_odd,   2,  5,  48,  3,  100, ACT_QUICK_GELU, 1)
CLIP_LAYER(clip_gelu,  1, 77,  32,  4,   64, ACT_GELU,       1)
CLIP_LAYER(clip_tiny,  1, 77,  32,  4,   64, ACT_QUICK_GELU, 0.001)
CLIP_LAYER(clip_320,   1, 77, 320,  5, 1280, ACT_QUICK_GELU, 1)

#undef RES_BLOCK
#undef SPATIAL_TRANSFORMER
#undef TRANSFORMER_BLOCK
#undef VAE_RES_BLOCK
#undef VAE_ATTENTION
#undef DOWNSAMPLE
#undef VAE_DOWNSAMPLE
#undef UPSAMPLE
#undef TAESD_DECODER
#undef TAESD_ENCODER
#undef CLIP_LAYER
