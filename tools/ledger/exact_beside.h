/* exact_beside.h: what a picture whose bits are recorded is drawn with beside its model: generated networks, in memory.
 */
#ifndef SD_TOOLS_LEDGER_EXACT_BESIDE_H
#define SD_TOOLS_LEDGER_EXACT_BESIDE_H

#include "exact_runs.h"

enum { EXACT_SHOWN_W = 48, EXACT_SHOWN_H = 40 }; /* of the picture that a ControlNet is shown */

typedef struct {
    void *bytes[2]; /* the networks' files */
    SdControlNet *net;
    SdControl control;
    SdUpscaler *upscaler;
    uint8_t shown[EXACT_SHOWN_W * EXACT_SHOWN_H * 3];
} ExactBeside;

/* Opens them for a model and its table, and has the request name them; both must outlive it. exact_beside_close in any
 * case, before the model is closed. */
bool exact_beside_open(ExactBeside *b, const ExactPicture *p, const LedgerTable *t, const SdOptions *o, SdModel *m,
                       SdRequest *r, Error *e);
void exact_beside_close(ExactBeside *b);

#endif
