/* pin.h: a job as JSON, so that it is drawn again, later or elsewhere, with the settings of its arrival. */
#ifndef SD_TOOLS_SERVER_API_PIN_H
#define SD_TOOLS_SERVER_API_PIN_H

#include "tools/server/serve.h"

/* The body of a txt2img or img2img that is this job: every row, whatever becomes of the settings; models by their names
 * in the lists. NULL: out of memory. */
json_t *pin_body(Serve *s, Job *j);

#endif
