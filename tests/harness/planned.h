/* planned.h: running a network in exactly the memory that the plan backend found. */
#ifndef SD_TESTS_HARNESS_PLANNED_H
#define SD_TESTS_HARNESS_PLANNED_H

#include "tensor/ctx.h"

/* A network to run: in and out are its own business. */
typedef void (*Forward)(Ctx *c, const void *network, Tensor out, const Tensor *in);

/* Plans, reserves exactly that much, runs, in pieces of `strip` bytes (ctx.h). One check: the peak is what the plan
 * said. False when the run fails. */
bool run_planned(const char *label, const Ops *table, size_t strip, Forward f, const void *network, Tensor out,
                 const Tensor *in);

/* A Unet: in is x [N,H,W,C], times [N], contexts [N,T,K] and, if it has labels, y [N,label]. */
void forward_unet(Ctx *c, const void *unet, Tensor out, const Tensor *in);

#endif
