/* temporary.h: a file under way to its name.
 *
 * Where the system can (os_create_unnamed), it has no name until it is complete, so that nothing is left of it however
 * the process ends. Else, and for the moment in which it replaces an older file, it is ".NAME.sdc-XXXXXXXX" beside that
 * one, which a signal removes, and after kill -9 the next writer of NAME: the writer's lock tells whether it lives. */
#ifndef SD_WEIGHTS_FILES_TEMPORARY_H
#define SD_WEIGHTS_FILES_TEMPORARY_H

#include "tensor/os.h"

typedef struct {
    OsFile dir, file;
    bool unnamed;
    int guard;               /* of os_remove_when_stopped */
    char name[OS_NAME_SIZE]; /* "": it has none */
} Temporary;

/* Makes one for `final` in a directory that stays open for as long as it. False: errno says why. */
bool temporary_begin(Temporary *t, OsFile dir, const char *final);
/* Puts it in place, replacing an older file. False: errno says why; temporary_end removes it. */
bool temporary_place(Temporary *t, const char *final);
void temporary_end(Temporary *t);

/* Removes what writers of `final` that have ended left in the directory, whose name is `path`. */
void temporary_clean(OsFile dir, const char *path, const char *final);

#endif
