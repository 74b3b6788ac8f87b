/* no_card.c: card.h in a build without CUDA. Programs with a table for cards link it before this one. */
#include "gpu.h"

#ifndef SDC_CUDA

int card_count(void) { return 0; }
bool card_idle(Error *why) { return (void)why, false; }

bool card_there(int number, Error *e) {
    return error_set(e, ERR_DEVICE,
                     "--device cuda:%d: no CUDA in this build; use --device cpu, or build with `make CUDA=1`", number);
}

Card *card_open(int number, Error *e) { return card_there(number, e), NULL; }

void card_close(Card *card) { (void)card; }
const char *card_name(const Card *card) { return (void)card, "none"; }
const Ops *card_ops(const Card *card, DType type) { return (void)card, (void)type, NULL; }

bool card_peaks(Card *card, CardPeaks *out, Error *e) { return (void)card, (void)out, card_there(0, e); }
bool card_mark(Card *card, int i, Error *e) { return (void)card, (void)i, card_there(0, e); }
bool card_between(Card *card, int from, int to, double *seconds, Error *e) {
    return (void)card, (void)from, (void)to, (void)seconds, card_there(0, e);
}
size_t card_used(Card *card) { return (void)card, 0; }

#endif
