/* infotext_request.h: from the text that a picture carries to the request that makes it again. */
#ifndef SD_INFO_INFOTEXT_REQUEST_H
#define SD_INFO_INFOTEXT_REQUEST_H

#include "infotext_read.h"
#include "params.h"

/* Changes r to what the text says; its strings become the text's, which must outlive it. What the text does not mention
 * keeps its value in r. `noise` is taken from r. False with ERR_ARGUMENT and a line that names the key for a value out
 * of range, for a feature that is not in this version, and for a key that is unknown, since it might change the
 * picture. Not checked: whether the settings agree with each other (params_check), and whether img2img has its picture:
 * where there is a "Denoising strength" it needs one. */
bool infotext_request(const InfoRead *text, SdRequest *r, Error *e);

/* The precision that the text names; SD_F32 where it names none. ERR_ARGUMENT for one that is unknown. */
bool infotext_precision(const InfoRead *text, SdPrecision *out, Error *e);

#endif
