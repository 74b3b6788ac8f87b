/* values.h: a list of values in one text, as the webui's X/Y/Z plot reads them (scripts/xyz_grid.py): "10,20,30",
 * quoted where a value has commas ("a, b",c), and ranges of numbers. */
#ifndef SD_TOOLS_CLI_VALUES_H
#define SD_TOOLS_CLI_VALUES_H

#include "tensor/error.h"

enum { VALUES_MOST = 1000 };

typedef struct {
    char **at; /* [count], owned */
    int count;
} ValueList;

/* The values between commas and ends of lines, without spaces around them; in double quotes, where "" is a quote, as
 * Python's csv reads them. ERR_ARGUMENT: more than VALUES_MOST, or a quote that is not closed. values_free in any case.
 */
bool values_split(const char *text, ValueList *out, Error *e);
/* Replaces each range by its numbers, both ends among them where steps reach them:
 *     1-5  1..5           in steps of 1
 *     1-10 (+2)  1..10/2  in steps of 2; 10-1 (-3) down
 *     1-10 [5]            5 of them, evenly; whole ones are cut off, as the webui has it
 * What is none stays. ERR_ARGUMENT: a range that has no end, or more than VALUES_MOST values. */
bool values_ranges(ValueList *l, bool whole, Error *e);
void values_free(ValueList *l);

#endif
