#include "glob.h"

#include <stddef.h>

bool glob_match(const char *pattern, const char *name) {
    const char *star = NULL, *back = NULL;
    while (*name) {
        if (*pattern == '*') star = pattern++, back = name;
        else if (*pattern == '?' || *pattern == *name) pattern++, name++;
        else if (star) pattern = star + 1, name = ++back;
        else return false;
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

bool glob_begins(const char *pattern, const char *begin) {
    for (; *begin && *pattern != '*'; pattern++, begin++)
        if (*pattern != '?' && *pattern != *begin) return false;
    return true;
}
