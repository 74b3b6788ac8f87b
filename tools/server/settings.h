/* settings.h: what the webui calls options: which model is in use, and defaults of requests. POST options changes them;
 * a local file keeps them. */
#ifndef SD_TOOLS_SERVER_SETTINGS_H
#define SD_TOOLS_SERVER_SETTINGS_H

#include "catalog.h"
#include "tools/server/api/values.h"

typedef struct Settings Settings;

/* Reads the file, where there is one; NULL on error. file NULL: nothing is kept. The model in use is the one that the
 * file names, else o->model, else the first of the catalog. */
Settings *settings_new(const ServerOptions *o, Catalog *catalog, Error *e);
void settings_free(Settings *s);

/* The whole object that GET options answers. */
json_t *settings_json(Settings *s);
/* Takes what of an object is a setting; the rest, read-only or unknown, is passed over, as clients post the whole
 * object back. Nothing changes where f is set. *model: whether the model in use is another now. */
bool settings_post(Settings *s, const json_t *object, bool *model, Fault *f);
/* Sets a request's rows to their defaults. */
void settings_apply(Settings *s, SdRequest *r);
/* The name of the model in use, and of the VAE ("": the model's own). */
void settings_model(Settings *s, char model[OS_PATH_SIZE], char vae[OS_PATH_SIZE]);

/* What the fields of the owner's page hold, an object; the file keeps it. */
json_t *settings_page(Settings *s, const char *owner);
bool settings_keep_page(Settings *s, const char *owner, const json_t *fields, Error *e);

#endif
