/* config_detect.h: a model's numbers as its checkpoint tells them. Each function starts from the family's configuration
 * in *out (families.c) and overwrites what the checkpoint says. */
#ifndef SD_MODELS_CONFIG_DETECT_H
#define SD_MODELS_CONFIG_DETECT_H

#include "weights/checkpoint.h"
#include "config.h"
#include "config_keys.h"
#include "taesd.h"

/* Prefixes of a single file's keys. */
#define KEY_UNET "model.diffusion_model."
#define KEY_VAE "first_stage_model."
#define KEY_TRANSFORMER "cond_stage_model.transformer."
#define KEY_CLIP KEY_TRANSFORMER "text_model."
#define KEY_OPEN_CLIP "cond_stage_model.model."
#define KEY_TAESD_DECODER "taesd_decoder." /* where a file holds both halves */
#define KEY_TAESD_ENCODER "taesd_encoder."
#define KEY_CONTROL "control_model." /* of a ControlNet's own file */
#define KEY_VISION "clip_vision."    /* of a vision encoder's */
enum { KEY_ENCODER_SIZE = 48 };
/* Text encoder i's: "cond_stage_model." or "conditioner.embedders.i.", then "model." (open_clip) or "transformer.". */
const char *key_encoder(const SdConfig *c, int i, char out[KEY_ENCODER_SIZE]);

/* The family whose U-Nets read text states of this width; "": none that is known. */
const char *family_of_context(int context);

/* A single file: by the names and shapes of its tensors. What is missing becomes 0, which config_check refuses. Where
 * blocks of a level differ, as in distilled models, the deepest counts: the others then lack tensors. */
void config_from_shapes(const Checkpoint *c, SdConfig *out);
/* The same of the parts that come from files of their own (weights/given.h), over what the checkpoint said of others.
 * Where a width stays the same, so do its heads. */
void config_given_shapes(const Checkpoint *c, SdConfig *out);
/* That, and before it what the config.json of a part's own folder says. False, with a line that names the key, for what
 * is not computed here. */
bool config_from_given(const Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e);
/* Whether parts from files of their own fit the others; a line that names both files and families otherwise. */
bool config_check_given(const Checkpoint *c, const SdConfig *k, Error *e);
/* TAESD's numbers. False, with a line, for what is not built. */
bool taesd_from_shapes(const Checkpoint *c, bool decoder, TaesdConfig *out, Error *e);
/* The mean and standard deviation that a VAE's configuration gives each channel of v->latent. */
bool config_statistics(const ConfigFile *f, VaeConfig *v);
/* --- config_folder_words.c --- */
/* What a chunk is padded with, and that it begins and ends as CLIP's do. */
bool config_tokens(const ConfigFile *f, bool begins, ClipConfig *k);
/* Words that were added to the tokenizer, as textual inversion does, are not read as one token here. */
void config_note_added(const Json *added, const ConfigFile *tokenizer, ConfigNotes *notes);
/* The words are CLIP's own, or what a prompt's ids mean would differ; some of them from all over the table tell. */
bool config_words(const Checkpoint *c, int which, Error *e);

/* A diffusers folder that has a U-Net, a VAE and a text encoder: by their config.json and the tokenizer's. False, with
 * a line that names the key, for what is not computed here; *notes gets what is passed over. */
bool config_from_folder(const Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e);
/* The YAML beside a single file, where there is one: what shapes do not tell. False, with a line that names the key. */
bool config_from_yaml(const Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e);

#endif
