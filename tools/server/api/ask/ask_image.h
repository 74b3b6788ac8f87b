/* ask_image.h: pictures in requests. */
#ifndef SD_TOOLS_SERVER_API_ASK_IMAGE_H
#define SD_TOOLS_SERVER_API_ASK_IMAGE_H

#include "tools/server/api/values.h"

/* A picture's file, from base64 or a data URL, in place of *file. */
bool ask_image(uint8_t **file, size_t *size, const char *key, const char *text, Fault *f);

#endif
