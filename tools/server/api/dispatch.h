/* dispatch.h: from a call to the handler of its route, and a line in the log. */
#ifndef SD_TOOLS_SERVER_API_DISPATCH_H
#define SD_TOOLS_SERVER_API_DISPATCH_H

#include "routes.h"

/* All tables of routes; NULL ends them. */
extern const Route *const ROUTES[];

/* HttpOptions' functions; user is the Serve. */
bool dispatch_begin(void *user, Call *c);
void dispatch_handle(void *user, Call *c);
void dispatch_ended(void *user, Call *c, int status, size_t sent);

#endif
