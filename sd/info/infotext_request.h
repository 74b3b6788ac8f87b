/* infotext_request.h: from the text that a picture carries to the request that makes it again. */
#ifndef SD_INFO_INFOTEXT_REQUEST_H
#define SD_INFO_INFOTEXT_REQUEST_H

#include "infotext_read.h"
#include "params.h"

/* Sets r to what the text says. Its strings become the text's, which must outlive it; what the text does not mention
 * keeps its value, and so does `noise`, which a text cannot name. ERR_ARGUMENT, with a line that begins with the key,
 * for a value out of range, a feature that this version lacks, and an unknown key, since that might change the picture.
 * Left to the caller: params_check, the picture that img2img needs where there is a "Denoising strength", and the
 * refiner (infotext_refiner). */
bool infotext_request(const InfoRead *text, SdRequest *r, Error *e);

/* The refiner that the text names, "NAME [HASH]" or "NAME"; NULL: it names none. */
const char *infotext_refiner(const InfoRead *text);
/* The same of the model that draws the second time in hires fix. */
const char *infotext_hires_model(const InfoRead *text);
/* What the text calls a part from a file of its own: "VAE", "Text encoder", "Text encoder 2", "U-Net", "TAESD", and an
 * IP-Adapter's "Image encoder"; NULL: it names none. *hash: what it says of the file's SHA-256, its first
 * digits up to anything else, or NULL. */
const char *infotext_part(const InfoRead *text, const char *key, const char **hash);
/* Number i, 0.., of a list such as "TI hashes": "NAME: HASH, ...", its name and the first digits of a hash, "" where
 * there are none; cut to their sizes. False past the last; list NULL: there are none. */
enum { INFOTEXT_NAME = 256, INFOTEXT_HASH = 65 };
bool infotext_hash(const char *list, int i, char name[INFOTEXT_NAME], char hash[INFOTEXT_HASH]);
/* Whether its hash is a name of the list `networks` ("Lora hashes"): the webui says so of an embedding that one of them
 * brings along. */
bool infotext_brought(const char *list, int i, const char *networks);
/* Whether such a list calls it so: without ':' and ','. */
bool infotext_listed(const char *name, const char *listed);
/* The precision that the text names; SD_F32 where it names none. ERR_ARGUMENT for one that is unknown. */
bool infotext_precision(const InfoRead *text, SdPrecision *out, Error *e);
/* What the text says that the U-Net predicts, as it does where the caller overrode the model; SD_PREDICTION_MODEL: it
 * says nothing. ERR_ARGUMENT for a word that is unknown. */
bool infotext_prediction(const InfoRead *text, SdPrediction *out, Error *e);
/* Whether it was drawn with the U-Net's moving averages (SdOptions.ema). */
bool infotext_ema(const InfoRead *text);
/* The version of the same bits that the text promises (sd_exact); 0: none. */
int infotext_exact(const InfoRead *text);

#endif
