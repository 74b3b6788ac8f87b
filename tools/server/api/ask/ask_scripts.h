/* ask_scripts.h: the webui's scripts: ControlNet and soft inpainting are part of sdc; others are refused by name. */
#ifndef SD_TOOLS_SERVER_API_ASK_SCRIPTS_H
#define SD_TOOLS_SERVER_API_ASK_SCRIPTS_H

#include "tools/server/serve.h"

bool ask_scripts(Serve *s, Job *j, const json_t *body, bool img2img, Fault *f);
/* Their names in lower case, of a kind of request; NULL after the last. */
extern const char *const SCRIPTS_TXT2IMG[], *const SCRIPTS_IMG2IMG[];

#endif
