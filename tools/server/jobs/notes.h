/* notes.h: what a model does not do of a request, for the reply's warnings. */
#ifndef SD_TOOLS_SERVER_JOBS_NOTES_H
#define SD_TOOLS_SERVER_JOBS_NOTES_H

#include "jobs.h"

/* Settings without effect, parts of networks without a place, embeddings that prompts name and cannot have. Errors are
 * the call's own, and left to it. */
void notes_of(Job *j, SdModel *m, const SdRequest *r);

#endif
