/* prediction.h: whether an SD 2 model predicts eps or v, which its files do not say. */
#ifndef SD_LOAD_PREDICTION_H
#define SD_LOAD_PREDICTION_H

#include "model.h"

/* Whether the family has models of both kinds with the same tensors: SD 2.x, for text to pictures. */
bool prediction_is_open(const SdConfig *k);
/* Runs the U-Net once, as the webui does: on a latent of 8 x 8 and a text of two tokens that are all 0.5, at time 999.
 * At that time x is nearly all noise, so that eps is nearly x and v nearly minus the picture: it is v where the mean of
 * output - x is below -1. On the CPU, with streamed weights; the same bits every time. Source: stable-diffusion-webui,
 * modules/sd_models_config.py. */
bool prediction_measure(SdModel *m, bool *v, Error *e);

#endif
