/* contact.h: contact sheets of small pictures, enlarged so that a person can see them. */
#ifndef SD_TOOLS_SHAPES_CONTACT_H
#define SD_TOOLS_SHAPES_CONTACT_H

#include "sd/image/draw/sheet.h"

/* Writes a sheet of count pictures of w x h to a PNG file; narrower ones than 192 pixels are enlarged by a whole
 * factor.
 */
bool contact_sheet(const SheetPicture *pictures, int count, int w, int h, const char *path, Error *e);

#endif
