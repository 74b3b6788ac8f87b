/* infotext.h: the line of parameters that the webui writes into its pictures, so that any of its kin can read ours. */
#ifndef SD_INFO_INFOTEXT_H
#define SD_INFO_INFOTEXT_H

#include "tensor/error.h"

#include <stdint.h>

/* Strings that are NULL and numbers that are 0 are left out, except those marked "always". */
typedef struct {
    const char *prompt, *negative; /* UTF-8, may have several lines */
    int steps;                     /* always */
    const char *sampler;           /* always; "Euler a" */
    const char *schedule_type;     /* "Karras"; "Automatic" */
    double cfg;                    /* always; shortest form that reads back the same: 7, 7.5 */
    int64_t seed;                  /* always */
    int width, height;             /* always; pixels */
    const char *model_hash;        /* the first 10 hex digits of the file's SHA-256 */
    const char *model;             /* file name without extension */
    const char *vae_hash, *vae;
    int64_t variation_seed; /* with variation_strength != 0 */
    double variation_strength;
    double denoising; /* img2img: strength in (0, 1] */
    int clip_skip;    /* left out when 1 */
    int ensd;         /* eta noise seed delta */
    const char *rng;  /* "CPU"; NULL for the webui's NV noise */
    bool tiling;
    double eta;                              /* when not the sampler's default: under eta_key, "Eta" or "Eta DDIM" */
    const char *eta_key;                     /* NULL: left out */
    double s_churn, s_tmin, s_tmax, s_noise; /* left out at 0, 0, 0 or infinity, 1 or 0 */
    const char *lora_hashes;                 /* "name: 0123456789ab, other: ..." */
    const char *version;                     /* "sd.c" */
} InfoText;

/* The text as a new string that the caller frees: prompt, "Negative prompt: " line, then "Key: value, " pairs in the
 * webui's order; values with a comma, colon or newline as JSON strings. NULL on ERR_MEMORY. */
char *infotext(const InfoText *t, Error *e);

#endif
