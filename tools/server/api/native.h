/* native.h: jobs that outlive their calls (native.c). */
#ifndef SD_TOOLS_SERVER_API_NATIVE_H
#define SD_TOOLS_SERVER_API_NATIVE_H

#include "tools/server/serve.h"

/* Puts jobs that the file still has waiting into the queue again. */
void native_resume(Serve *s);

#endif
