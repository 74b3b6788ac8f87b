/* ask_hires.h: hires fix by the names that the webui's API has for it. */
#ifndef SD_TOOLS_SERVER_API_ASK_HIRES_H
#define SD_TOOLS_SERVER_API_ASK_HIRES_H

#include "tools/server/serve.h"

/* Once the rows are taken and the model is known: what else the body of a request without a picture says of hires fix,
 * by either names, with its upscaler's file and its strength. */
bool ask_hires(Serve *s, Job *j, const json_t *body, Fault *f);
/* Whether a key is one of the webui's names. */
bool ask_hires_key(const char *key);
/* Number i, 0.., of those that are the names of rows; NULL past the last. */
const char *ask_hires_name(int i, const Param **row);
/* What hires fix or SD upscale enlarges by may be a file, which is opened when the job is drawn. field: what a fault
 * names. */
bool ask_upscaler(Serve *s, Job *j, const char *field, Fault *f);

#endif
