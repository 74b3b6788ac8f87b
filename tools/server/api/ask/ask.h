/* ask.h: what the webui's clients ask for, as a job. */
#ifndef SD_TOOLS_SERVER_API_ASK_H
#define SD_TOOLS_SERVER_API_ASK_H

#include "tools/server/serve.h"

/* The job that the body of txt2img or img2img describes, with the settings as they are now. Takes the body over. NULL:
 * f says why. */
Job *ask_webui(Serve *s, json_t *body, bool img2img, Fault *f);

/* For other routes.
 * A job with the settings as they are now, for the model of that name (NULL or "": the one in use). */
Job *ask_begin(Serve *s, const char *model, Fault *f);
/* Frees what of the body is in the job as files: init_images and mask. */
void ask_forget_pictures(Job *j);
/* Checks the request as far as it can be without the model. */
bool ask_check(Serve *s, Job *j, Fault *f);

#endif
