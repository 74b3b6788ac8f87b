/* infotext_control.h: "ControlNet 0: "Module: canny, Model: NAME [HASH], Weight: 1.0, ..."", as the webui's ControlNet
 * extension writes and reads it (Mikubill, sd-webui-controlnet, internal_controlnet/args.py). */
#ifndef SD_INFO_INFOTEXT_CONTROL_H
#define SD_INFO_INFOTEXT_CONTROL_H

#include "infotext_read.h"
#include "sd/sd.h"

enum { CONTROL_TEXT = 768, CONTROL_KEY = 24 };

/* The value of one. module: of an image prompt, else NULL; model: "NAME [HASH]"; what in it would end a field is left
 * out. */
void control_text(const SdControl *c, const char *module, const char *model, char out[CONTROL_TEXT]);
/* "ControlNet N" */
const char *control_key(int n, char out[CONTROL_KEY]);
/* Whether a key is one of these. */
bool is_control_key(const char *key);
/* How many a text has. */
int infotext_controls(const InfoRead *text);
/* What the text's i-th says; net and picture stay as they are. model: its "NAME [HASH]"; *prompt: it is
 * an image prompt, of an IP-Adapter. ERR_ARGUMENT, with a line that
 * begins with the key, for a field or a value that this version does not know. */
bool infotext_control(const InfoRead *text, int i, SdControl *out, char model[280], bool *prompt, Error *e);

#endif
