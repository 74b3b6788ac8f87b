/* outpaint.h: pictures extended beyond their sides: sd/image/extend/extend.h says in which parts, and each of these is
 * a request with a mask. The seeds of tiles count up, as in the webui; sides all have the picture's. */
#ifndef SD_WORKFLOW_OUTPAINT_H
#define SD_WORKFLOW_OUTPAINT_H

#include "sd/sd.h"

/* Of the finished picture. */
void outpaint_size(const SdRequest *r, int *width, int *height);

/* For requests that extend (request_extends). */
bool outpaint(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
/* What the part takes that takes most. */
bool outpaint_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e);

#endif
