/* absent_tape.c: sd_core does not train: nothing is recorded (Ctx.tape is NULL). */
#include "tensor/tape.h"

void tape_linear(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Epilogue e) {
    (void)c, (void)y, (void)x, (void)x2, (void)w, (void)b, (void)e;
}
void tape_conv2d(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, Conv2d g, Epilogue e) {
    (void)c, (void)y, (void)x, (void)w, (void)b, (void)g, (void)e;
}
void tape_group_norm(Ctx *c, Tensor y, Tensor x, const Tensor *x2, const Weight *w, const Weight *b, Tensor parts,
                     float eps, Act act) {
    (void)c, (void)y, (void)x, (void)x2, (void)w, (void)b, (void)parts, (void)eps, (void)act;
}
void tape_layer_norm(Ctx *c, Tensor y, Tensor x, const Weight *w, const Weight *b, float eps) {
    (void)c, (void)y, (void)x, (void)w, (void)b, (void)eps;
}
void tape_attention(Ctx *c, Tensor o, Tensor q, Tensor k, Tensor v, int heads, bool causal) {
    (void)c, (void)o, (void)q, (void)k, (void)v, (void)heads, (void)causal;
}
void tape_activation(Ctx *c, Tensor y, Tensor x, Act act) { (void)c, (void)y, (void)x, (void)act; }
void tape_geglu(Ctx *c, Tensor y, Tensor x) { (void)c, (void)y, (void)x; }
void tape_affine(Ctx *c, Tensor y, Tensor x, float scale, float offset) {
    (void)c, (void)y, (void)x, (void)scale, (void)offset;
}
void tape_add(Ctx *c, Tensor y, Tensor x) { (void)c, (void)y, (void)x; }
void tape_embedding(Ctx *c, Tensor y, Tensor ids, const Weight *table, const Weight *positions) {
    (void)c, (void)y, (void)ids, (void)table, (void)positions;
}
void tape_timestep(Ctx *c, Tensor y, Tensor times) { (void)c, (void)y, (void)times; }
void tape_gaussian(Ctx *c, Tensor z, Tensor moments, Tensor noise, float scale) {
    (void)c, (void)z, (void)moments, (void)noise, (void)scale;
}
