#include "new_folder.h"

#include "tensor/os.h"

#include <errno.h>
#include <string.h>

static bool any_name(void *user, const char *name) {
    (void)name;
    *(bool *)user = true;
    return false;
}

bool new_folder_check(const char *path, Error *e) {
    bool used = false;
    OsKind kind = os_kind(path);
    if (kind == OS_DIRECTORY) os_list(path, any_name, &used);
    return (!used && (kind == OS_NOTHING || kind == OS_DIRECTORY)) ||
           error_set(e, ERR_FILE, "%s: is there already; name a folder that is new or empty", path);
}

bool new_folder_make(const char *path, Error *e) {
    return new_folder_check(path, e) &&
           (os_kind(path) == OS_DIRECTORY || os_make_directory(path, false) ||
            error_set(e, ERR_FILE, "%s: cannot be made: %s; name another place", path, strerror(errno)));
}
