/* ask_infotext.h: a picture's text in place of settings: the webui's member `infotext`. */
#ifndef SD_TOOLS_SERVER_API_ASK_INFOTEXT_H
#define SD_TOOLS_SERVER_API_ASK_INFOTEXT_H

#include "tools/server/serve.h"

/* Adds to a body what its `infotext` says and it does not say itself: settings, hires fix, the model and refiner where
 * the server has them. 422 for a text that is of another version, or not whole. Before anything else is read of it. */
bool ask_infotext(Serve *s, Job *j, json_t *body, bool img2img, Fault *f);

#endif
