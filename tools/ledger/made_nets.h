/* made_nets.h: networks that stand beside a model, of generated weights: files in memory, for the caller to free. NULL
 * on ERR_MEMORY. */
#ifndef SD_TOOLS_LEDGER_MADE_NETS_H
#define SD_TOOLS_LEDGER_MADE_NETS_H

#include "sd/models/config.h"
#include "sd/models/esrgan.h"

/* For this model. */
void *made_controlnet(const SdConfig *k, size_t *size, Error *e);
void *made_t2i_adapter(const SdConfig *k, size_t *size, Error *e);
/* With its vision encoder, which sees 28 x 28 pixels. */
void *made_ip_adapter(const SdConfig *k, bool plus, size_t *size, Error *e);
void *made_upscaler(const EsrganConfig *k, size_t *size, Error *e);

/* Small ones: RRDBNet of two blocks that gathers pixels for scale 2, and the compact kind of scale 4. */
EsrganConfig micro_rrdbnet_config(void);
EsrganConfig micro_compact_config(void);

#endif
