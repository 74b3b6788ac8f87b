/* spectrum.h: noise that looks like a picture: random numbers with the picture's spectrum, then with its colours. Where
 * outpainting mk2 begins. Source: AUTOMATIC1111, scripts/outpainting_mk_2.py, get_matched_noise (by parlance-zz,
 * g-diffuser-bot); the same noise for every seed. */
#ifndef SD_IMAGE_SPECTRUM_H
#define SD_IMAGE_SPECTRUM_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills rgb[h][w][3] where mask[h][w] is not 0; of the rest, which is not empty, come spectrum and colours. falloff:
 * the exponent of the spectrum's amplitudes; the lower, the more detail. color: how little of the noise is grey, 0..1.
 * w, h: even. False on ERR_MEMORY. */
bool spectrum_fill(uint8_t *rgb, const uint8_t *mask, int w, int h, double falloff, double color, Error *e);
size_t spectrum_bytes(size_t pixels);

#endif
