#include "file_open.h"
#include "path.h"

#include <errno.h>
#include <string.h>

const char *file_shown(const char *path) {
    return !strcmp(path, "/dev/stdin") ? "standard input" : !strcmp(path, "/dev/stdout") ? "standard output" : path;
}

static OsFile refused(const char *path, const char *advice, int code, Error *e) {
    OsInfo info;
    const char *todo = code == EMFILE || code == ENFILE  ? "raise the limit on open files (ulimit -n)"
                       : code == EACCES || code == EPERM ? "change its permissions"
                       : code == EIO                     ? "check the disk"
                                                         : advice;
    if (code == ENOENT && os_info_at(OS_HERE, path, &info) && info.kind == OS_LINK)
        error_set(e, ERR_FILE, "%s: is a symbolic link to nothing; %s", path, todo);
    else error_set(e, ERR_FILE, "%s: cannot be opened: %s; %s", file_shown(path), strerror(code), todo);
    return OS_NO_FILE;
}

static bool readable(const char *path, const char *advice, OsKind kind, bool handed, Error *e) {
    if (kind == OS_REGULAR || (handed && kind != OS_DIRECTORY)) return true;
    if (kind == OS_PIPE)
        return error_set(e, ERR_FILE, "%s: is a named pipe, which may never end; hand it over as /dev/stdin, or %s",
                         path, advice);
    return error_set(e, ERR_FILE, "%s: is %s, not a file; %s", path,
                     kind == OS_DIRECTORY ? "a directory"
                     : kind == OS_DEVICE  ? "a device"
                                          : "something special",
                     advice);
}

OsFile file_open(const char *path, const char *advice, OsInfo *info, Error *e) {
    if (e && e->code) return OS_NO_FILE;
    if (!*path) {
        error_set(e, ERR_ARGUMENT, "the name of a file is empty; %s", advice);
        return OS_NO_FILE;
    }
    if (!path_fits(path, e)) return OS_NO_FILE;
    OsFile f = os_handed(path);
    bool handed = f != OS_NO_FILE;
    if (!handed && errno) return refused(path, advice, errno, e);
    if (!handed) {
        if (!os_info(path, info)) return refused(path, advice, errno, e);
        if (!readable(path, advice, info->kind, false, e)) return OS_NO_FILE;
        f = os_open(path);
        if (f == OS_NO_FILE) return refused(path, advice, errno, e);
    }
    bool ok =
        os_file_info(f, info) || error_set(e, ERR_FILE, "%s: cannot be read: %s; %s", path, strerror(errno), advice);
    if (ok && readable(path, advice, info->kind, handed, e)) return f;
    os_close(f);
    return OS_NO_FILE;
}

FilePresence file_presence(const char *path, Error *e) {
    OsInfo info;
    if (os_info_at(OS_HERE, path, &info)) return FILE_PRESENT;
    if (errno == ENOENT || errno == ENOTDIR) return FILE_ABSENT;
    refused(path, "name another file", errno, e);
    return FILE_UNKNOWN;
}

bool file_same(const char *a, const char *b) {
    OsInfo x, y;
    return a && b && os_info(a, &x) && os_info(b, &y) && x.device == y.device && x.number == y.number;
}
