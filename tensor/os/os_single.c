/* os_single.c: os.h for systems without sockets, shared libraries, signals and pages that could be given back. */
#include "tensor/os.h"

#include <errno.h>

/* --- memory --- */

size_t os_page_size(void) { return 4096; }
void os_huge_pages(void *p, size_t size) { (void)p, (void)size; }
void os_drop_pages(const void *p, size_t size) { (void)p, (void)size; }
void os_expect_pages(const void *p, size_t size) { (void)p, (void)size; }
void os_read_pages(const void *p, size_t size) { (void)p, (void)size; }

/* --- sockets and shared libraries --- */

bool os_listen(const char *host, const char *port, bool loopback_only, OsListener *out, const char **why) {
    (void)host, (void)port, (void)loopback_only, (void)out;
    *why = "this system has no sockets";
    return false;
}

void os_socket_close(intptr_t socket) { (void)socket; }
void os_socket_cut(intptr_t socket) { (void)socket; }

bool os_peer_gone(intptr_t socket) {
    (void)socket;
    return false;
}

bool os_readable(intptr_t socket, double seconds) {
    (void)socket, (void)seconds;
    return false;
}

void os_ignore_sigpipe(void) {}

void *os_library_open(const char *name, const char *variable, const char *value) {
    (void)name, (void)variable, (void)value;
    return NULL;
}

OsFunction os_library_function(void *library, const char *name) {
    (void)library, (void)name;
    return NULL;
}

/* --- the program --- */

void os_run_beside(const char *name, char **argv) {
    (void)name, (void)argv;
    errno = ENOENT;
}

void os_begin_program(const char *name) { (void)name; }
void os_catch_stop(void) {}
int os_stop_signal(void) { return 0; }
bool os_reader_gone(void) { return false; }

int os_remove_when_stopped(OsFile dir, const char *name) {
    (void)dir, (void)name;
    return -1;
}

void os_kept(int number) { (void)number; }
