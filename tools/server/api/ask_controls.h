/* ask_controls.h: units of the webui's ControlNet extension. */
#ifndef SD_TOOLS_SERVER_API_ASK_CONTROLS_H
#define SD_TOOLS_SERVER_API_ASK_CONTROLS_H

#include "tools/server/serve.h"

/* Adds the enabled units of a list to j; NULL and an empty list have none. */
bool ask_controls(Serve *s, Job *j, const json_t *units, Fault *f);
/* The modules' names, in the order of SdHint, then image prompts'; NULL after the last. */
extern const char *const CONTROL_MODULES[];

#endif
