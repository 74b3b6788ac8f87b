/* absent.c: the server's place in sdc, which links none of its libraries: runs sdc-serve, which lies beside it. */
#include "server.h"
#include "tensor/os.h"

#include <errno.h>
#include <string.h>

static bool become(char **argv, Error *e) {
    os_run_beside("sdc-serve", argv);
    if (errno != ENOENT) return error_set(e, ERR_FILE, "sdc-serve: cannot be run: %s", strerror(errno));
    return error_set(
        e, ERR_FILE,
        "sdc-serve is not beside this program: it is built where libmicrohttpd, jansson, SQLite, libcurl and "
        "hiredis are; install them (Debian: libmicrohttpd-dev libjansson-dev libsqlite3-dev "
        "libcurl4-openssl-dev libhiredis-dev) and run make again");
}

bool server_run(const ServerOptions *o, char **argv, Error *e) { return (void)o, become(argv, e); }

bool server_work(const ServerOptions *o, char **argv, Error *e) { return (void)o, become(argv, e); }
