/* form.h: bodies of type multipart/form-data (RFC 7578). */
#ifndef SD_TOOLS_SERVER_HTTP_FORM_H
#define SD_TOOLS_SERVER_HTTP_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum { FORM_NAME = 64 };

typedef struct {
    char name[FORM_NAME];
    bool file; /* it has a file's name */
    const char *bytes;
    size_t size;
} FormPart;

/* Calls `each` for every part of body[0..size), in order, until it returns false. type: the Content-Type, with the
 * boundary. False: the body is no such form. */
bool form_read(const char *type, const char *body, size_t size, bool (*each)(void *user, const FormPart *part),
               void *user);

#endif
