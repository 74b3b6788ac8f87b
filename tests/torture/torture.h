/* torture.h: sdc under faults: a scene is a command with its folder, whose files are known before and after it. */
#ifndef SD_TESTS_TORTURE_TORTURE_H
#define SD_TESTS_TORTURE_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* --- a folder's files --- */

typedef struct {
    char name[240]; /* below the folder */
    uint64_t inode, size;
    int64_t changed;
    char hash[65]; /* of the content; of a .csv without its last column, which is a time */
} Seen;

typedef struct {
    Seen *at;
    int count;
} Folder;

/* Looks at every file below the path. What `known` (or NULL) has with the same inode, size and time is not read. */
void folder_look(Folder *f, const char *path, const Folder *known);
void folder_free(Folder *f);
void folder_add(Folder *f, const Seen *s);
void folder_lines(Folder *f, const char *path, const char *name); /* adds what a .csv holds after each of its lines */
bool folder_has(const Folder *f, const Seen *s);                  /* that name with that content */
const Seen *folder_find(const Folder *f, const char *name);

/* --- commands --- */

typedef struct {
    const char *name;
    const char *args;  /* sdc's: words, '...' around those with spaces */
    const char *again; /* what goes on after a stop, where it is not the same; or NULL */
    const char *setup; /* run first, when the scene is made; or NULL */
    const char *old;   /* files that it replaces: names with spaces between; they hold old bytes before; or NULL */
    const char *may;   /* a file that may be missing though the run succeeds: its line then says why; or NULL */
    bool times;        /* its output tells times, or one run differs from another */
    bool plain;        /* cheap and simple: its short form is run in full */
    bool slow;         /* has no short form */
    bool once;         /* another run would find its folder full, or give its files other names */
    const char *part;  /* a PNG that a stop leaves with what was done */
    bool model;        /* works on a model for a while: worth killing */
} TortureCase;

extern const TortureCase TORTURE[];
extern const int TORTURE_COUNT;

typedef struct {
    const TortureCase *c;
    char dir[600], keep[600]; /* where it runs; copies of the files from before */
    Folder before, after;
    Folder also; /* what is right at a moment between: a model after each save, a log's first lines */
    int told;    /* failures so far */
    char *out;   /* what it prints, without faults */
    double wall; /* seconds that it takes, without faults */
    char *calls; /* of scene_calls */
} Scene;

/* Whether sdc-torture and a model are there; makes the inputs once. Says why not. */
bool torture_begin(void);
const char *torture_input(const char *name); /* the path of one */
/* Makes the folder and runs the command without faults. One check. */
bool scene_begin(Scene *s, const TortureCase *c);
void scene_end(Scene *s);
/* How many calls of a kind it makes without faults. */
long scene_calls(Scene *s, const char *kind);
/* Copies the files from before into its folder. */
void scene_fill(const Scene *s);
/* Files as they were before. */
void scene_restore(Scene *s, const Folder *now);

/* --- runs --- */

typedef struct {
    bool killed; /* by a signal */
    int code;    /* 128 + N after signal N, killed or not; 124: still running after the time limit, and killed */
    char *out, *err;
} TortureRun;

typedef struct {
    const char *fail;   /* SDC_FAIL, or NULL */
    const char *count;  /* SDC_COUNT, or NULL */
    const char *victim; /* SDC_VICTIM, or NULL */
    bool named;         /* SDC_NAMED */
    int signal;         /* sent after `delay` seconds, and once more, with `twice`; or 0 */
    double delay;
    bool twice;
    void (*prepare)(void *user); /* in the child, before sdc begins; or NULL */
    void *user;
} TortureHow;

TortureRun torture_run(const char *dir, const char *args, const TortureHow *how);
void torture_free(TortureRun *r);

enum {
    MUST_WORK = 1,
    MAY_STOP = 2,  /* 128 + N with a line, or killed */
    MAY_LEAVE = 4, /* temporaries, by kill -9 */
    DEAF = 8,      /* standard error is closed: no line can be seen */
    MUTE = 16,     /* standard output is closed or full: what would have been printed there is an error */
    LOOSE = 32,    /* inputs changed: files may hold anything, but no temporary is left */
};

/* What is wrong with how a run ended and what the folder holds now, as text, or NULL. */
const char *scene_judge(Scene *s, const TortureRun *r, const Folder *now, int allowed);
/* Whether some output is no longer as it was. */
bool scene_mixed(const Scene *s, const Folder *now);
/* A run without faults from what the folder holds now. NULL if it then holds what it must, else what is wrong. After a
 * log that could not be written, a line may be missing: allowed is LOOSE. */
const char *scene_again(Scene *s, int allowed);
/* Prints the command line that repeats a failure. */
void scene_tell(Scene *s, const char *fault, const TortureRun *r, const char *wrong);

/* Of SDC_TORTURE="NAME FAULT", what concerns this scene: false: another one is wanted; *fault: its fault, or NULL. */
bool torture_only(const char *name, const char **fault);

#endif
