/* reply.h: a job that is done, as the answer that its client expects. */
#ifndef SD_TOOLS_SERVER_API_REPLY_H
#define SD_TOOLS_SERVER_API_REPLY_H

#include "tools/server/serve.h"

/* Job.finish of the webui's routes; user is the Serve. */
void reply_webui(Job *j, void *user);
/* HTTP's status for what a job failed of. */
int reply_status(const Error *e);
/* Whether what a row is of is there: the picture, the mask, hires fix. */
bool reply_has(const Job *j, const Param *p);
/* The picture in base64, as a JSON string; NULL: out of memory. */
json_t *reply_base64(const uint8_t *bytes, size_t size);
/* Writes the pictures of a job that is to be saved to the outputs folder. */
bool reply_save(const Serve *s, Job *j, Error *e);

#endif
