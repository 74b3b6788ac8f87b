/* contact.h: contact sheets of small pictures, their pixels enlarged so that a person sees them. */
#ifndef SD_TOOLS_SHAPES_CONTACT_H
#define SD_TOOLS_SHAPES_CONTACT_H

#include "sd/image/sheet.h"

/* Writes a sheet of count pictures of w x h to a PNG file, enlarged to a width of about 192 pixels where they are
 * smaller. */
bool contact_sheet(const SheetPicture *pictures, int count, int w, int h, const char *path, Error *e);

#endif
