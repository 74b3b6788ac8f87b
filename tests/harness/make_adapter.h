/* make_adapter.h: writes IP-Adapters and vision encoders of generated weights. */
#ifndef SD_TESTS_HARNESS_MAKE_ADAPTER_H
#define SD_TESTS_HARNESS_MAKE_ADAPTER_H

#include "tools/ledger/made_model.h"

typedef struct {
    SdConfig config; /* of the model that the adapter is for */
    bool plus, full, vision;
    int projected;     /* of an encoder: width of its vectors; 0: that of the adapters */
    const char *more;  /* a vector that it has besides, or NULL */
    const char *lacks; /* a tensor that is left out, or NULL */
} MadeAdapter;

/* One check: the adapter's file is written; with `vision` the encoder's. */
void make_adapter(const char *path, MadeAdapter k);
/* Writes an encoder's folder, whose configuration tells the heads. */
void make_vision(char folder[1024]);

#endif
