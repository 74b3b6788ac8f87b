/* transformer.h: attention layers and the blocks around them. Sources: CompVis, attention.py; Hugging Face
 * transformers, modeling_clip.py; open_clip, transformer.py. */
#ifndef SD_NN_TRANSFORMER_H
#define SD_NN_TRANSFORMER_H

#include "layers.h"

/* Multi-head attention: out(softmax(q k^T / sqrt(d)) v). Three input projections, or one fused (open_clip). */
typedef struct {
    Linear q, k, v, in, out;
    int heads;
    bool fused;
} Attention;

/* attn1 on the tokens, or on the context as well (only_cross), attn2 on the context, a GEGLU feed-forward layer; each
 * takes a layer norm of x and adds to x. */
typedef struct {
    Norm norm1, norm2, norm3;
    Attention attn1, attn2;
    Linear ff_in, ff_out;
    bool only_cross;
    int64_t cross_kv_at; /* where attn2's keys, then its values, begin in the cross_kv of all blocks; attn1's follow */
} TransformerBlock;

/* The U-Net's spatial transformer: group norm (eps 1e-6), projection, blocks, projection, residual. */
typedef struct {
    Norm norm;
    Linear proj_in, proj_out;
    TransformerBlock *blocks; /* owned; freed by free_transformer */
    int depth;
} Transformer;

/* Keys and values of cross attention depend only on the text, so they are computed once for each text, as cross_kv
 * [S,T,cross_kv]: along channels every block's keys, then its values. N pictures share the S texts: pictures i N / S up
 * to (i + 1) N / S have text i. */

void bind_attention(WeightList *l, Attention *m, int64_t channels, int64_t context, int heads);
/* attn1 reads the text, too, if m->only_cross is set. */
void bind_transformer_block(WeightList *l, TransformerBlock *m, int64_t channels, int64_t context, int heads);
/* linear_projection: projections are linear layers (SD 2.x, SDXL), else 1x1 convolutions (the same arithmetic, other
 * shapes). only_cross: of its blocks. cross_kv: channels of cross_kv bound so far; grows by this transformer's. */
void bind_transformer(WeightList *l, Transformer *m, int64_t channels, int64_t context, int heads, int depth,
                      bool linear_projection, bool only_cross, int groups, int64_t *cross_kv);
void free_transformer(Transformer *m);

/* This transformer's channels of cross_kv [S,T,cross_kv], from text states context [S,T,K]. */
void transformer_cross_kv(Ctx *c, Tensor cross_kv, const Transformer *m, Tensor context);

/* A picture that cross attention reads beside the text (IP-Adapter): attn2 adds what it attends to there. Its keys and
 * values lie along channels as those of texts. */
typedef struct {
    Tensor kv;     /* [2,T,cross_kv]: of no picture, and of this one, with values times its weight */
    int64_t plain; /* as many pictures of a call, the first ones, read of no picture; the others of this one */
} ImageStates;

typedef struct CrossKv CrossKv;

/* Who looks on: called in each block before its cross attention, with the queries q [N,T,C] and what they are about to
 * read. It changes neither. */
typedef struct {
    void (*see)(void *user, Ctx *c, const TransformerBlock *m, Tensor q, const CrossKv *kv);
    void *user;
} CrossListener;

struct CrossKv {
    Tensor text; /* [S,T,cross_kv] */
    bool states; /* text is the states [S,T,K] themselves: to save memory, a block makes its keys and values of them */
    const ImageStates *images;
    int image_count;
    int64_t first;                 /* the place in the call of the first picture of x */
    const CrossListener *listener; /* NULL: nobody */
};

void transformer_block(Ctx *c, Tensor x, const TransformerBlock *m, const CrossKv *kv); /* x [N,T,C], in place */
void transformer(Ctx *c, Tensor x, const Transformer *m, const CrossKv *kv);            /* x [N,H,W,C], in place */

/* A layer of CLIP: x += attn(norm1 x), causal in text encoders; x += fc2(act(fc1(norm2 x))). */
typedef struct {
    Norm norm1, norm2;
    Attention attn;
    bool causal;
    Linear fc1, fc2;
} ClipLayer;

/* Of a text encoder; a vision encoder's is not causal. open_clip: that library's names and fused projection, else
 * Hugging Face's. */
void bind_clip_layer(WeightList *l, ClipLayer *m, int64_t width, int64_t mlp, int heads, bool open_clip);
void clip_layer(Ctx *c, Tensor x, const ClipLayer *m, Act act); /* x [N,T,C], in place */

/* The VAE's attention: one head over all pixels. x += proj_out(attention(norm x)). */
typedef struct {
    Norm norm;
    Attention attn;
} PixelAttention;

void bind_pixel_attention(WeightList *l, PixelAttention *m, int64_t channels, int groups);
void pixel_attention(Ctx *c, Tensor x, const PixelAttention *m); /* x [N,H,W,C], in place */

#endif
