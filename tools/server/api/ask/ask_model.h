/* ask_model.h: the models of a job by the names that clients give them. */
#ifndef SD_TOOLS_SERVER_API_ASK_MODEL_H
#define SD_TOOLS_SERVER_API_ASK_MODEL_H

#include "tools/server/serve.h"

/* What the model, a VAE or a refiner (key: sd_model_checkpoint, sd_vae, refiner_checkpoint) is to be in place of the
 * settings'. 404: the server has none of that name. */
bool ask_model(Serve *s, Job *j, const char *key, const char *name, Fault *f);

#endif
