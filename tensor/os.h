/* os.h: everything that libsd and sdc need from the operating system. Files os_NAME.c and os_NAME_*.c implement it;
 * `make OS=NAME` compiles those of NAME only (default: posix). A port to another system adds such files and changes
 * nothing else: no other file of libsd or sdc includes a system's headers (tools/dev/check_includes.sh). Each comment
 * says what a system without the feature may do instead. The tests (tests/harness) need POSIX.
 *
 * A function that returns false or OS_NO_FILE leaves the reason in errno, for strerror. */
#ifndef SD_TENSOR_OS_H
#define SD_TENSOR_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* --- time and random numbers --- */

/* Seconds on a clock that never jumps, from any beginning. Without one: time since the epoch. */
double os_clock(void);
/* Seconds of processor time that the calling thread has used. Without it: os_clock; other programs then disturb
 * benchmarks. */
double os_thread_clock(void);
void os_sleep(double seconds); /* a signal may end it early */
/* Random bytes, different in every process: for seeds and names of temporary files, never for secrets. Without a source
 * of them: a generator seeded from the clock. */
void os_random(void *bytes, size_t size);

/* --- memory --- */

size_t os_page_size(void); /* a power of two; without pages: 4096 */
/* Asks for huge pages for memory that has not been touched yet. Without them: nothing. */
void os_huge_pages(void *p, size_t size);
/* Gives back pages of memory or of a mapped file; p is page-aligned. The content of memory is lost; a file's pages are
 * read again when they are touched. May do nothing. */
void os_drop_pages(const void *p, size_t size);
/* Says that pages of a mapped file will be needed soon; p is page-aligned. May do nothing. */
void os_expect_pages(const void *p, size_t size);
/* The same, and waits until they are in memory. What cannot be read is left to whoever touches it. May do nothing. */
void os_read_pages(const void *p, size_t size);
/* Whether allocated memory is only taken once it is touched, page by page, and os_drop_pages gives it back. */
bool os_lazy_memory(void);
/* Bytes that a process can have: the machine's memory, or, if that is less, what a 32-bit program has now and what is
 * left of its addresses in one piece. At most (unknown) SIZE_MAX - 1, so that no size that saturated (sizes.h) fits. */
size_t os_physical_memory(void);
/* What a process takes at least: the program and its libraries as far as they are in memory, stacks, and what the
 * system maps around a page that is read. Without an operating system: what is allocated now, but for `counted` bytes
 * of it that the caller counts itself. */
size_t os_program_memory(size_t counted);
/* Whether what a program holds as constants is mapped from its file, so that os_drop_pages may give it back. */
bool os_maps_program(void);
/* How many of these bytes, which the caller handed over, count as memory: all; none where they are in a ROM. */
size_t os_counted_memory(const void *p, size_t size);
size_t os_peak_memory(void); /* the most bytes that this process has had in memory; unknown: 0 */
size_t os_memory(void);      /* and those that it has now; unknown: 0 */

/* --- threads --- */

int os_processors(void); /* that this process may use; unknown: 1 */
/* Whether several threads may be in libc at once. Where its libc knows no threads: false. Then a thread that
 * os_thread_start has started may compute, allocate and lock, as thread_pool.h's jobs do, but not print, nor open, read
 * and write files. */
bool os_threads_share_libc(void);

/* Without threads: os_thread_start returns NULL, and locks and conditions do nothing. */
typedef struct OsThread OsThread;
typedef struct OsLock OsLock;
typedef struct OsCondition OsCondition;

OsThread *os_thread_start(void (*run)(void *arg), void *arg); /* NULL: no more threads */
void os_thread_join(OsThread *t);                             /* waits for its end, frees it */
OsLock *os_lock_new(void);                                    /* NULL: out of memory */
void os_lock_free(OsLock *l);                                 /* NULL is fine */
void os_lock(OsLock *l);
void os_unlock(OsLock *l);
OsCondition *os_condition_new(void);
void os_condition_free(OsCondition *c);
void os_condition_wait(OsCondition *c, OsLock *l); /* with l locked; may also return for no reason */
void os_condition_wait_for(OsCondition *c, OsLock *l, double seconds); /* the same, for so long at most */
void os_condition_wake(OsCondition *c);                                /* everyone who waits */

/* --- names of files --- */

enum { OS_PATH_SIZE = 4096, OS_NAME_SIZE = 256 }; /* bytes of the longest path and of a name in it, with the NUL */

typedef enum {
    OS_NOTHING, /* the system says that there is none */
    OS_UNKNOWN, /* it does not say (permissions, too many open files, a loop of links): errno has the reason */
    OS_REGULAR,
    OS_DIRECTORY,
    OS_LINK,
    OS_PIPE,
    OS_DEVICE,
    OS_OTHER
} OsKind;

typedef struct {
    OsKind kind;
    uint64_t size;               /* bytes of a regular file */
    int64_t changed;             /* when the content last changed: seconds since the epoch */
    int64_t changed_ns;          /* and nanoseconds; a coarser clock: 0 */
    uint64_t device, number;     /* two names of one file share both */
    uint32_t mode, owner, group; /* for os_copy_permissions alone; without them: 0 */
} OsInfo;

bool os_info(const char *path, OsInfo *info); /* follows symbolic links */
OsKind os_kind(const char *path);             /* likewise; OS_NOTHING and OS_UNKNOWN are never the same */
/* The absolute path without symbolic links. May always fail. */
bool os_real_path(const char *path, char out[OS_PATH_SIZE]);

/* --- open files --- */

typedef intptr_t OsFile; /* an open file or directory */
enum { OS_NO_FILE = -1, OS_HERE = -2 /* the current directory, never opened or closed */ };

/* Opens for reading, without waiting for the other end of a pipe. Child processes inherit no OsFile. */
OsFile os_open(const char *path);
/* Opens what exists for writing at its end, without waiting. */
OsFile os_open_end(const char *path);
/* What whoever started the program handed over open, where `path` names that (/dev/stdin, /dev/fd/N): a handle of its
 * own, which continues where the other one stands. OS_NO_FILE with errno 0: the path names a file. */
OsFile os_handed(const char *path);
bool os_file_info(OsFile f, OsInfo *info);
/* Reads at offset `at`. Returns the number of bytes, less than size only at the end of the file; -1: failed. */
int64_t os_read(OsFile f, void *bytes, size_t size, uint64_t at);
/* Reads what comes next, waiting for it, also of a pipe or a terminal. Returns as os_read does. */
int64_t os_read_next(OsFile f, void *bytes, size_t size);
/* The first `size` > 0 bytes of a regular file as read-only memory, which outlives os_close. NULL: failed. Without
 * mapping: malloc and os_read. Where the file is cut afterwards or its disk fails, touching the memory ends the
 * process; after os_begin_program with exit code 1 and a line that says `name`, which must outlive the memory. */
const void *os_map(OsFile f, size_t size, const char *name);
void os_unmap(const void *map, size_t size);
bool os_write(OsFile f, const void *bytes, size_t size); /* all of them, after the last write */
/* To the disk; true if the file system cannot. False also for what closing would report. */
bool os_flush(OsFile f);
bool os_close(OsFile f); /* false: what was written was lost after all */
/* Whether the file is now this handle's alone, until it is closed or the process ends, however it ends. False with
 * errno 0: another process's. Without locks: false. */
bool os_own(OsFile f);
void os_copy_permissions(OsFile f, const OsInfo *from); /* and the owner, if the system allows */

/* --- directories --- */

/* A handle that follows a directory when it is moved. Without such handles: remember the path and join names to it. */
OsFile os_open_directory(const char *path);
bool os_flush_directory(OsFile dir);                         /* the names in it; may do nothing */
bool os_info_at(OsFile dir, const char *name, OsInfo *info); /* does not follow a symbolic link */
OsFile os_create_at(OsFile dir, const char *name);           /* for writing; EEXIST: the name is taken */
/* A new file for writing and reading that has no name yet: if it gets none, nothing is left of it, however the process
 * ends. Without such files: OS_NO_FILE. */
OsFile os_create_unnamed(OsFile dir);
bool os_name_at(OsFile f, OsFile dir, const char *name);            /* names it; EEXIST: the name is taken */
bool os_replace_at(OsFile dir, const char *from, const char *name); /* renames, replacing atomically */
bool os_remove_at(OsFile dir, const char *name);
/* Removes a file that a process which has ended had called its own (os_own). Without locks: does nothing. */
bool os_remove_abandoned(OsFile dir, const char *name);
bool os_is_writable(OsFile f); /* whether it was opened for writing */
/* Whether a file may be written, or files created in a directory. Without permissions: true. */
bool os_may_write(const char *path);

bool os_make_directory(const char *path, bool personal); /* personal: closed to other users */
/* Calls `each` for every name except "." and "..", in any order, until it returns false. False: cannot be listed, or
 * not to the end. */
bool os_list(const char *path, bool (*each)(void *user, const char *name), void *user);
/* A file to write and read back, in the directory of `path`, that disappears when it is closed. NULL: failed. */
FILE *os_scratch_file(const char *path);

/* --- sockets --- */

/* A socket that listens, and the port that it has. loopback: only this machine reaches it. */
typedef struct {
    intptr_t socket;
    int port;
    bool loopback;
} OsListener;

/* Listens on a host's name or address (NULL: all of this machine's) and a port ("0": any free one). False: *why says
 * why, or is NULL where loopback_only is set and others could reach it; then nothing listens. Without sockets: false.
 */
bool os_listen(const char *host, const char *port, bool loopback_only, OsListener *out, const char **why);
void os_socket_close(intptr_t socket); /* negative: nothing */
/* Whether whoever is at the other end has closed the connection, for a connection of which nothing is read meanwhile.
 * Unknown: false. */
bool os_peer_gone(intptr_t socket);
void os_socket_cut(intptr_t socket); /* ends a connection both ways; the socket stays open */
/* Whether there is something to read, or the end, waiting up to `seconds` for it. Without sockets: false, at once. */
bool os_readable(intptr_t socket, double seconds);
/* From now on writing to a socket or pipe that nobody reads any more fails, in place of ending the process: libraries
 * write to sockets of theirs without asking for that. Without signals: nothing. */
void os_ignore_sigpipe(void);

/* --- shared libraries --- */

typedef void (*OsFunction)(void);
/* Loads a library, for good, with a variable of the environment set that it reads when it starts (NULL: none). NULL:
 * not found, or there are no shared libraries. */
void *os_library_open(const char *name, const char *variable, const char *value);
OsFunction os_library_function(void *library, const char *name); /* NULL: has none of that name */

/* --- the program --- */

/* Becomes the program of that name in the folder of this one, with these arguments (NULL after the last; the program
 * finds its own name before them). Returns only if that fails, with the reason in errno. Without such a call: ENOENT.
 */
void os_run_beside(const char *name, char **argv);

bool os_is_terminal(FILE *f);
bool os_file_is_terminal(OsFile f);
int os_terminal_width(FILE *f); /* columns; 0: not a terminal, or unknown */

/* The following are for programs: libsd leaves signals and standard streams to whoever uses it. */

/* What a program does first. Standard streams that are closed get a place, so that no file is opened as one of them;
 * using one fails. SIGINT, SIGTERM, SIGHUP (unless ignored from the start) and SIGPIPE end the process with 128 + N, a
 * line (none for SIGPIPE) and no temporary file left. Writing beyond a limit on file sizes fails as on a full disk.
 * Touching a mapped file that was cut ends the process with a line (os_map). Without signals: the streams only. */
void os_begin_program(const char *name);
/* From now on the first signal that os_begin_program handles is only noted; the next one ends the process. */
void os_catch_stop(void);
int os_stop_signal(void);  /* the signal that was noted, or 0 */
bool os_reader_gone(void); /* whether it says that whoever read an output of ours has gone (SIGPIPE) */
/* From now on what is printed on standard output goes to standard error, and /dev/stdout (os_handed) is what standard
 * output was; SIGPIPE ends the process even after os_catch_stop. False: errno says why. */
bool os_divert_stdout(void);
/* While a temporary file has its name, a signal that ends the process removes it; `name` must stay until os_kept.
 * Returns a number for os_kept, -1 when there are too many. Without signals: -1. */
int os_remove_when_stopped(OsFile dir, const char *name);
void os_kept(int number); /* -1 is fine */

#endif
