/* os.h: all that libsd and sdc ask of an operating system. A port to another one rewrites os_posix*.c and nothing else:
 * no other file includes a POSIX header (tools/dev/check_includes.sh). Each comment says what a system that lacks the
 * thing may do instead.
 *
 * Functions that return false or a handle that is OS_NO_FILE leave the reason in errno, as strerror knows it. */
#ifndef SD_TENSOR_OS_H
#define SD_TENSOR_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* --- time and chance --- */

/* Seconds on a clock that never jumps, from any beginning. Without one: time since the epoch. */
double os_clock(void);
/* Seconds that the calling thread has computed. Without them: os_clock; benchmarks then feel other programs. */
double os_thread_clock(void);
/* Random bytes, different in every process. Without a source of them: a generator seeded by the clock. They choose
 * seeds and names of temporary files; no secret depends on them. */
void os_random(void *bytes, size_t size);

/* --- memory --- */

size_t os_page_size(void); /* a power of two; without pages: 4096 */
/* Asks for huge pages under memory that nothing has touched yet. Without them: nothing. */
void os_huge_pages(void *p, size_t size);
/* Gives back the pages of memory or of a mapped file that begin at p, on a page. Memory's content is lost; a file's
 * pages are read again when they are touched. May do nothing. */
void os_drop_pages(const void *p, size_t size);
/* Pages of a mapped file that will be needed soon, to be read meanwhile. May do nothing. */
void os_expect_pages(const void *p, size_t size);
size_t os_physical_memory(void); /* bytes that the machine has; unknown: SIZE_MAX */
size_t os_peak_memory(void);     /* the most bytes that this process had in memory so far; unknown: 0 */

/* --- threads --- */

int os_processors(void); /* that this process may use; unknown: 1 */

/* Without threads os_thread_start returns NULL, always, and the rest is never called. */
typedef struct OsThread OsThread;
typedef struct OsLock OsLock;
typedef struct OsCondition OsCondition;

OsThread *os_thread_start(void (*run)(void *arg), void *arg); /* NULL: the system gives no more */
void os_thread_join(OsThread *t);                             /* waits for its end, frees it */
OsLock *os_lock_new(void);                                    /* NULL: out of memory */
void os_lock_free(OsLock *l);                                 /* NULL is fine */
void os_lock(OsLock *l);
void os_unlock(OsLock *l);
OsCondition *os_condition_new(void);
void os_condition_free(OsCondition *c);
void os_condition_wait(OsCondition *c, OsLock *l); /* with l held; may return without a reason */
void os_condition_wake(OsCondition *c);            /* all that wait */

/* --- what a name stands for --- */

enum { OS_PATH_ROOM = 4096, OS_NAME_ROOM = 256 }; /* bytes of the longest path, of a name in it, each with its NUL */

typedef enum { OS_NOTHING, OS_REGULAR, OS_DIRECTORY, OS_LINK, OS_PIPE, OS_DEVICE, OS_OTHER } OsKind;

typedef struct {
    OsKind kind;
    uint64_t size;               /* bytes of a regular file */
    int64_t changed;             /* when its content last changed: seconds since the epoch */
    int64_t changed_ns;          /* and nanoseconds; a coarser clock: 0 */
    uint64_t device, number;     /* two names of one file share both */
    uint32_t mode, owner, group; /* for os_copy_permissions alone; without them: 0 */
} OsInfo;

bool os_info(const char *path, OsInfo *info); /* of what a symbolic link leads to */
OsKind os_kind(const char *path);             /* likewise; OS_NOTHING also where the system does not tell */
/* The absolute path without links. Without a way to tell: false. */
bool os_real_path(const char *path, char out[OS_PATH_ROOM]);

/* --- open files --- */

typedef intptr_t OsFile; /* an open file or directory */
enum { OS_NO_FILE = -1, OS_HERE = -2 /* the current directory, never opened or closed */ };

/* For reading; does not wait for a pipe's other end. Child processes do not inherit it, nor any other OsFile. */
OsFile os_open(const char *path);
bool os_file_info(OsFile f, OsInfo *info);
/* Bytes read from `at` on, fewer than size at the end of the file only; -1: failed. */
int64_t os_read(OsFile f, void *bytes, size_t size, uint64_t at);
/* A regular file's first `size` > 0 bytes, in memory that is never written; lasts beyond os_close. NULL: failed.
 * Without maps: malloc and os_read. */
const void *os_map(OsFile f, size_t size);
void os_unmap(const void *map, size_t size);
bool os_write(OsFile f, const void *bytes, size_t size); /* all of them, where the last write ended */
bool os_flush(OsFile f);                                 /* to the disk; true where there is nothing to flush */
bool os_close(OsFile f);                                 /* false: what was written did not fit after all */
void os_copy_permissions(OsFile f, const OsInfo *from);  /* and the owner, as far as the system lets us */

/* --- directories --- */

/* A handle that stays with a directory when it is moved. Without such handles: keep its path, and join names to it. */
OsFile os_open_directory(const char *path);
bool os_flush_directory(OsFile dir);                                /* its names, to the disk; without: true */
bool os_info_at(OsFile dir, const char *name, OsInfo *info);        /* of a link itself */
OsFile os_create_at(OsFile dir, const char *name);                  /* for writing; EEXIST: something has that name */
bool os_replace_at(OsFile dir, const char *from, const char *name); /* renames; what had the name is gone, at once */
bool os_remove_at(OsFile dir, const char *name);
/* Whether a file may be written, or names be made in a directory. Without permissions: true. */
bool os_may_write(const char *path);

bool os_make_directory(const char *path, bool personal); /* personal: for this user alone */
/* Calls `each` for every name but "." and "..", in any order, until it returns false. False: cannot be listed. */
bool os_list(const char *path, bool (*each)(void *user, const char *name), void *user);
/* A file to write and read again, in the directory of `path`, that goes when it is closed. NULL: none can be made. */
FILE *os_scratch_file(const char *path);

/* --- the program --- */

bool os_is_terminal(FILE *f);
int os_terminal_width(FILE *f); /* columns; 0: not a terminal, or unknown */
/* From now on the first of SIGINT, SIGTERM and SIGHUP is noted (those that were not ignored from the start), and a
 * second one ends the process; and writing to a closed pipe fails. Without signals: nothing; the process simply ends.
 */
void os_catch_stop(void);
int os_stop_signal(void); /* its number, or 0 */
/* From now on a file that outgrows a limit fails as on a full disk and does not end the process. May do nothing. */
void os_survive_file_limit(void);

#endif
