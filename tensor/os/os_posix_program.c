/* os_posix_program.c: os.h for Linux, macOS and the BSDs: what belongs to a whole process: its streams and signals, and
 * what a signal must know, which no argument can tell it: the temporary files and the mapped files. These are the only
 * global variables that change. */
#define _GNU_SOURCE /* a POSIX of 2008, and what the BSDs added */
#include "tensor/os.h"
#include "os_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

bool os_is_terminal(FILE *f) { return isatty(fileno(f)) == 1; }
bool os_file_is_terminal(OsFile f) { return isatty((int)f) == 1; }

int os_terminal_width(FILE *f) {
    struct winsize w;
    return !ioctl(fileno(f), TIOCGWINSZ, &w) ? w.ws_col : 0;
}

/* --- lines from a signal handler, which may not use stdio --- */

static const char *volatile program = "?";

static void say(const char *const *parts) {
    char line[1024];
    size_t n = 0;
    for (; *parts; parts++)
        for (const char *p = *parts; *p && n < sizeof line - 1; p++)
            line[n++] = (unsigned char)*p < 32 || *p == 127 ? '?' : *p;
    line[n++] = '\n';
    ssize_t ignored = write(2, line, n);
    (void)ignored;
}

/* --- temporary files --- */

enum { TEMPORARIES = 64 };

static struct {
    atomic_flag taken;
    int dir;
    const char *_Atomic name; /* NULL: nothing to remove */
} temporaries[TEMPORARIES];

int os_remove_when_stopped(OsFile dir, const char *name) {
    for (int i = 0; i < TEMPORARIES; i++) {
        if (atomic_flag_test_and_set(&temporaries[i].taken)) continue;
        temporaries[i].dir = (int)dir;
        atomic_store(&temporaries[i].name, name);
        return i;
    }
    return -1;
}

void os_kept(int number) {
    if (number < 0) return;
    atomic_store(&temporaries[number].name, NULL);
    atomic_flag_clear(&temporaries[number].taken);
}

static void remove_temporaries(void) {
    for (int i = 0; i < TEMPORARIES; i++) {
        const char *name = atomic_load(&temporaries[i].name);
        if (name) unlinkat(temporaries[i].dir, name, 0);
    }
}

/* --- mapped files --- */

enum { MAPS = 1024 };

static struct {
    atomic_flag taken;
    size_t size;
    const char *name;
    _Atomic(uintptr_t) begin; /* 0: none */
} maps[MAPS];
static atomic_flag told; /* by the first of the threads that fail at once */

void os_posix_mapped(const void *map, size_t size, const char *name) {
    for (int i = 0; i < MAPS; i++) {
        if (atomic_flag_test_and_set(&maps[i].taken)) continue;
        maps[i].size = size, maps[i].name = name;
        atomic_store(&maps[i].begin, (uintptr_t)map);
        return;
    }
}

void os_posix_unmapped(const void *map) {
    for (int i = 0; i < MAPS; i++) {
        if (atomic_load(&maps[i].begin) != (uintptr_t)map) continue;
        atomic_store(&maps[i].begin, 0);
        atomic_flag_clear(&maps[i].taken);
        return;
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr;
    for (int i = 0; i < MAPS; i++) {
        uintptr_t begin = atomic_load(&maps[i].begin);
        if (!begin || at < begin || at - begin >= maps[i].size) continue;
        while (atomic_flag_test_and_set(&told)) pause(); /* until the other's _exit */
        remove_temporaries();
        say((const char *[]){program, ": ", maps[i].name,
                             ": was cut while it was used, or its disk failed; leave it alone and try again", NULL});
        _exit(1);
    }
    signal(number, SIG_DFL); /* no file of ours: on return, the same access ends the process as usual */
}

/* --- stopping --- */

static volatile sig_atomic_t noting, caught, diverted; /* diverted: where standard output is now */

static const struct {
    int number;
    const char *name;
} STOPS[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}, {SIGPIPE, NULL}};
enum { STOP_COUNT = sizeof STOPS / sizeof *STOPS };

static void on_stop(int number) {
    if (noting && !caught && !(number == SIGPIPE && diverted)) {
        caught = number;
        return;
    }
    if (caught && number == SIGPIPE) return; /* whoever read the output was stopped with us */
    remove_temporaries();
    for (int i = 0; i < STOP_COUNT; i++)
        if (STOPS[i].number == number && STOPS[i].name)
            say((const char *[]){program, ": stopped by ", STOPS[i].name, NULL});
    _exit(128 + number);
}

static void handle_stops(void) {
    struct sigaction now = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, old;
    sigemptyset(&now.sa_mask);
    for (int i = 0; i < STOP_COUNT; i++) sigaddset(&now.sa_mask, STOPS[i].number);
    /* A signal ignored from the start (nohup, background jobs of a shell) stays ignored. */
    for (int i = 0; i < STOP_COUNT; i++)
        if (!sigaction(STOPS[i].number, NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(STOPS[i].number, &now, NULL);
}

void os_catch_stop(void) { noting = 1; }

int os_stop_signal(void) { return caught; }
bool os_reader_gone(void) { return caught == SIGPIPE; }

bool os_divert_stdout(void) {
    if (diverted) return true;
    int to = fcntl(1, F_DUPFD_CLOEXEC, 3);
    if (to < 0 || dup2(2, 1) < 0) return false;
    diverted = to;
    return true;
}

int os_posix_stdout(void) { return diverted ? diverted : 1; }

void os_run_beside(const char *name, char **argv) {
    char path[OS_PATH_SIZE + OS_NAME_SIZE];
    ssize_t n = readlink("/proc/self/exe", path, OS_PATH_SIZE - 1);
    int count = 0;
    while (argv[count]) count++;
    char **all = malloc(((size_t)count + 2) * sizeof *all);
    if (!all) return;
    if (n <= 0) {
        free(all);
        errno = ENOENT;
        return;
    }
    while (n > 0 && path[n - 1] != '/') n--;
    snprintf(path + n, OS_NAME_SIZE, "%s", name);
    all[0] = path;
    for (int i = 0; i <= count; i++) all[i + 1] = argv[i];
    execv(path, all);
    int why = errno;
    free(all);
    errno = why;
}

/* --- beginning --- */

/* Opened the wrong way round, so that using it fails. */
static void fill_streams(void) {
    for (int fd = 0; fd <= 2; fd++) {
        struct stat st;
        if (!fstat(fd, &st) || errno != EBADF) continue;
        if (open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0) open("/", O_RDONLY);
    }
}

void os_begin_program(const char *name) {
    program = name;
    fill_streams();
    handle_stops();
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN);
#endif
    struct sigaction bus = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&bus.sa_mask);
    sigaction(SIGBUS, &bus, NULL);
#ifdef __APPLE__ /* which also calls an access beyond a file's end a segmentation fault */
    sigaction(SIGSEGV, &bus, NULL);
#endif
}
