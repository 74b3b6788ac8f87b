/* test_os_program.c: what belongs to a whole process in tensor/os.h: streams, signals, files cut while they are mapped.
 * Each case is a child process, of which the exit code, the lines and the files are looked at. */
#define _GNU_SOURCE
#include "tests/harness/test.h"
#include "tensor/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNSEEN = 77 }; /* a case that runs to its end */

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGBUS};

/* Runs the case; what it says on stderr goes to `err`. Returns 128 + N if signal N ended it without a handler. */
static int child(void (*run)(int), int number, char err[512]) {
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) signal(SIGNALS[i], SIG_DFL);
        int fd = open(test_path("child.err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dup2(fd, 2) < 0) _exit(99);
        close(fd);
        alarm(20);
        run(number);
        _exit(UNSEEN);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
    char *text = test_read(test_path("child.err"), NULL);
    snprintf(err, 512, "%s", text ? text : "");
    free(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* --- signals --- */

static void with_temporary(int number) {
    os_begin_program("prog");
    OsFile dir = os_open_directory(test_path("program")), file = os_create_at(dir, "t");
    if (file == OS_NO_FILE) _exit(99);
    os_kept(os_remove_when_stopped(dir, "kept"));
    os_remove_when_stopped(dir, "t");
    raise(number);
}

static void noted(int number) {
    os_begin_program("prog");
    os_catch_stop();
    if (os_stop_signal()) _exit(98);
    raise(number);
    if (os_stop_signal() != number) _exit(97);
    raise(SIGPIPE); /* whoever read our output was stopped too */
    if (os_stop_signal() != number) _exit(96);
    if (number != SIGPIPE) raise(number);
    else raise(SIGINT);
}

static void ignored(int number) {
    signal(number, SIG_IGN);
    os_begin_program("prog");
    raise(number);
    os_catch_stop();
    raise(number);
    if (os_stop_signal()) _exit(98);
}

static void full_table(int number) {
    static char names[70][8];
    os_begin_program("prog");
    OsFile dir = os_open_directory(test_path("program"));
    bool refused = false;
    for (int i = 0; i < 70; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        refused = os_remove_when_stopped(dir, names[i]) < 0;
    }
    if (!refused) _exit(98);
    os_kept(5);
    if (os_remove_when_stopped(dir, "again") != 5) _exit(97);
    os_kept(-1);
    raise(number);
}

static void signals(void) {
    static const char *const LINES[] = {"prog: stopped by SIGINT\n", "prog: stopped by SIGTERM\n",
                                        "prog: stopped by SIGHUP\n", ""};
    char err[512], kept[512];
    mkdir(test_path("program"), 0777);
    snprintf(kept, sizeof kept, "%s", test_path("program/kept"));
    test_write(kept, "x", 1);
    for (int i = 0; i < 4; i++) {
        int code = child(with_temporary, SIGNALS[i], err);
        test_check(code == 128 + SIGNALS[i] && !strcmp(err, LINES[i]),
                   "signal %d ends with 128 + N and its line: %d, %s", SIGNALS[i], code, err);
        test_check(os_kind(test_path("program/t")) == OS_NOTHING && os_kind(kept) == OS_REGULAR,
                   "and removes what is temporary");
        remove(test_path("program/t"));
        code = child(noted, SIGNALS[i], err);
        int second = SIGNALS[i] == SIGPIPE ? SIGINT : SIGNALS[i];
        test_check(code == 128 + second, "signal %d is noted once, the next ends the process: %d", SIGNALS[i], code);
        code = child(ignored, SIGNALS[i], err);
        test_check(code == UNSEEN && !*err, "signal %d stays ignored: %d", SIGNALS[i], code);
    }
    test_check(child(full_table, SIGTERM, err) == 143, "more temporary files than the table holds: %s", err);
}

/* --- mapped files --- */

static void touch(const char *p) { (void)*(const volatile char *)p; }

static void cut(int which) {
    os_begin_program("prog");
    char path[512];
    snprintf(path, sizeof path, "%s", test_path("mapped"));
    enum { SIZE = 1 << 16 };
    static const char zeros[SIZE];
    test_write(path, zeros, SIZE);
    OsFile f = os_open(path);
    const char *map = os_map(f, SIZE, "dir/na\nme"), *other = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, (int)f, 0);
    touch(map + SIZE - 1);
    if (truncate(path, 10)) _exit(99);
    touch(map);
    if (which == 0) touch(map + SIZE - 1);
    else if (which == 1) touch(other + SIZE - 1);
    else if (which == 2) os_unmap(map, SIZE), touch(other + SIZE - 1);
    else if (os_write(open("/dev/null", O_WRONLY), map, SIZE)) { /* needs no bytes */ int ends[2];
        if (!pipe(ends)) os_write(ends[1], map + SIZE / 2, 100);
    }
}

static void maps(void) {
    char err[512];
    int code = child(cut, 0, err);
    test_check(code == 1 && !strncmp(err, "prog: dir/na?me: was cut", 24) && strchr(err, '\n') == err + strlen(err) - 1,
               "a mapped file that is cut: %d, %s", code, err);
    for (int i = 1; i < 3; i++) {
        code = child(cut, i, err);
        test_check((code == 1000 + SIGBUS || TEST_SANITIZED) && !strstr(err, "prog"), "memory that is not ours: %d, %s",
                   code, err);
    }
    code = child(cut, 3, err);
    test_check(code == 1 && strstr(err, "was cut"), "writing from it: %d, %s", code, err);
}

/* --- streams --- */

static void closed(int which) {
    char c;
    for (int fd = 0; fd < 3; fd++)
        if (which & 1 << fd) close(fd);
    os_begin_program("prog");
    int next = open("/dev/null", O_RDONLY);
    if (next < 3) _exit(98);
    if (which & 1 && (read(0, &c, 1) >= 0 || errno != EBADF)) _exit(97);
    if (which & 2 && (write(1, "x", 1) >= 0 || errno != EBADF)) _exit(96);
    if (which & 4 && (write(2, "x", 1) >= 0 || errno != EBADF)) _exit(95);
    if (!(which & 4) && write(2, "x", 1) != 1) _exit(94);
}

static void streams(void) {
    char err[512];
    for (int which = 0; which < 8; which++) {
        int code = child(closed, which, err);
        test_check(code == UNSEEN, "streams closed at the start (bits %d) are filled, and fail: %d", which, code);
    }
}

SUITE(os_program, .seconds = 1) {
    signals();
    maps();
    streams();
}
