/* networks_internal.h: the kinds of changes, for the reader (networks.c) and for those that compute them. */
#ifndef SD_WEIGHTS_NETWORKS_NETWORKS_INTERNAL_H
#define SD_WEIGHTS_NETWORKS_NETWORKS_INTERNAL_H

#include "networks.h"
#include "networks_product.h"

/* Sets kind and rank. False, with the module named: its parts make none of the kinds, or do not fit each other. */
bool network_check(const Network *n, NetworkModule *m, Error *e);
/* The alphas and scales of modules whose alpha is in the file's metadata. */
bool network_adapter(const Network *n, Error *e);
/* What a module's change is multiplied by: its own scale (NAN: none), else alpha / rank where there are both, else 1.
 */
double network_scale(const NetworkModule *m, double own);
/* The matrices that a module is made of: LoRA, full and norm: one; LoHa: two, multiplied element by element; LoKr: two,
 * whose Kronecker product counts; GLoRA: b2 @ b1, and a2 @ a1, which follows the weight. False: of other kinds. */
bool network_product(const Network *n, const NetworkModule *m, int which, Product *p);

/* The side of a block of PEFT's OFT; 0: no side has so many numbers above its diagonal. */
int64_t network_oft_side(const NetworkModule *m);

#endif
