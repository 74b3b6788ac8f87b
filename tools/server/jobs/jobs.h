/* jobs.h: the queue: what is waiting to be drawn, what is being drawn, and who waits for it. */
#ifndef SD_TOOLS_SERVER_JOBS_JOBS_H
#define SD_TOOLS_SERVER_JOBS_JOBS_H

#include "tools/server/http/call.h"
#include "sd/sd.h"
#include "tensor/os.h"

typedef enum { JOB_DRAW, JOB_LOAD, JOB_ENLARGE, JOB_HINT } JobKind;

/* What JOB_ENLARGE makes of its image. */
typedef struct {
    char *upscaler; /* a network's file; NULL: the filter alone */
    SdFilter filter;
    double scale;      /* 0: to the size, */
    int width, height; /* which is covered; and, with crop, what is too much is cut off on both sides */
    bool crop;
} JobEnlarge;

/* What JOB_HINT makes of its images. */
typedef struct {
    SdHint hint;
    double low, high; /* as an SdControl's */
    int side;         /* the shorter one's pixels; 0: the picture's own */
} JobHint;

/* A picture as a client sent it. */
typedef struct {
    uint8_t *bytes;
    size_t size;
} JobFile;
typedef enum { JOB_WAITING, JOB_WORKING, JOB_DONE, JOB_FAILED, JOB_CANCELLED } JobState;

typedef struct {
    uint8_t *png;
    size_t size;
    int width, height;
    int64_t seed, variation_seed;
    char *text;
    char *address; /* in the bucket; NULL: there is none */
} JobPicture;

/* A picture that is not complete: small. */
typedef struct {
    uint8_t *rgb;
    int width, height;
} JobPreview;

/* A ControlNet or an IP-Adapter: its file, the files of its picture (NULL: img2img's) and of that one's mask (NULL:
 * none), and the rest of an SdControl. */
typedef struct {
    char *path;
    uint8_t *image, *mask;
    size_t image_size, mask_size;
    const char *vision; /* an image prompt: the file of the vision encoder; NULL: a ControlNet */
    SdControl how;
} JobControl;

enum { JOB_PREVIEWS = 16, JOB_ID = 48 };

typedef struct Job Job;
struct Job {
    /* What is wanted: fixed once the job is in the queue. */
    JobKind kind;
    char id[JOB_ID];  /* a client may choose it: */
    char file[24];    /* this goes into names of files */
    const char *task; /* "txt2img", "img2img" */
    int key;
    SdRequest request; /* rows that are not given are marked by params_forget */
    int iterations;    /* batches, */
    int passes;        /* of which each is drawn once, by hires fix twice, by SD upscale in batches of tiles */
    char *model, *vae, *refiner, *hires_model; /* paths; NULL: built-in, the model's own, none, none */
    char *title;                               /* the model's */
    char *upscaler;                            /* hires fix's file, and what texts call it; NULL: none */
    char *upscaler_name;
    uint8_t *image, *mask; /* pictures' files; NULL: none */
    size_t image_size, mask_size;
    bool mask_round; /* the mask is only black and white */
    bool mask_alpha; /* where it is transparent, it repaints that: OpenAI's way */
    JobEnlarge enlarge;
    JobHint hint;
    JobFile *files; /* that are enlarged, or of which hints are made */
    int file_count;
    JobControl controls[SD_MOST_CONTROLS];
    int control_count;
    bool send, save;
    bool lasting;                       /* of /v1/jobs: its id leads to it */
    bool resumed;                       /* it was accepted before the server was started */
    json_t *body;                       /* holds the request's strings */
    json_t *echo;                       /* what the reply says was asked for; NULL: nothing */
    json_t *warnings;                   /* a list of what has no effect */
    json_t *drawn;                      /* holds strings of what another machine says it drew; or NULL */
    void *owner;                        /* whom `finish` tells; or NULL */
    void (*finish)(Job *j, void *user); /* makes the answer, when all is done; no lock is held */
    double asked;                       /* by os_clock */
    double stamp;                       /* when that was, in seconds since the epoch; files are named by it */

    /* Under the queue's lock. */
    JobState state;
    bool cancel, interrupted, skipped, stopped; /* stopped: cancelled as the server stops */
    int iteration, pass, step, steps;
    SdStage stage;
    double began, ended;
    JobPreview previews[JOB_PREVIEWS];
    int preview_count, preview_step;
    double done; /* that another machine has done; -1: it is drawn here */
    Call *call;  /* waits for the answer; NULL: nobody */
    int version; /* counts changes */
    Job *next;

    /* The worker's, until the job is done. */
    JobPicture *pictures;
    int count;
    Error error;
    bool partial; /* it was interrupted: not all pictures are there, or complete */
    Answer answer;
    Job *then; /* the publisher's list */
};

typedef struct Jobs Jobs;

/* most: jobs that may wait; most_bytes: of pictures that they bring; quota: jobs of a key, 0: any number. one_other: of
 * jobs that enlarge or make hints, one at a time is at work. */
Jobs *jobs_new(int most, size_t most_bytes, int quota, bool one_other, Error *e);
void jobs_free(Jobs *q);
Job *job_new(void); /* NULL: out of memory */
void job_free(Job *j);
/* Room for one more picture, all 0, which counts once j->count does. */
JobPicture *job_picture(Job *j, Error *e);
/* One more of j's files, empty; NULL: out of memory. */
JobFile *job_file(Job *j);
/* Notes what has no effect, for the reply. */
void job_warn(Job *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How much is done, 0..1. With the queue's lock. */
double job_progress(const Job *j);

/* Puts a job at the end of the queue, which owns it from now on; call waits for it, or is NULL. A resumed one is
 * always taken. */
typedef enum { JOBS_TAKEN, JOBS_FULL, JOBS_QUOTA, JOBS_CLOSED } JobsAdd;
JobsAdd jobs_add(Jobs *q, Job *j, Call *call);

/* For a worker: the next job, now JOB_WORKING; waits for one. NULL: *unload changed, so drop what is loaded; or, with
 * *ended set, stop. */
Job *jobs_take(Jobs *q, int *unload, bool *ended);
/* A worker's job is done: j->answer goes to the call that waits, and j is freed. */
void jobs_done(Jobs *q, Job *j, JobState state);
/* Makes the answer (Job.finish) and is done with the job, which has ended as its error says. */
void jobs_finish(Jobs *q, Job *j, void *user);
/* From the midst of a job: something in it changed. False: it is to stop. */
bool jobs_step(Jobs *q, Job *j, int iteration, const SdProgress *p);
void jobs_preview(Jobs *q, Job *j, const SdPicture *p, int step);
/* Whether the batch at work is to be left out, or everything; forgets the former. */
bool jobs_skipped(Jobs *q, Job *j);
bool jobs_interrupted(Jobs *q, Job *j);
bool jobs_stopped(Jobs *q, Job *j);

/* The call has ended: nobody waits for its job any more, which is cancelled unless `keep`. */
void jobs_gone(Jobs *q, Call *call, bool keep);
/* Interrupts or skips what is being drawn (key -1: whosever). */
void jobs_interrupt(Jobs *q, int key, bool skip);
/* Cancels the lasting job of that id. *waited: it had not begun, and is gone. False: there is none. */
bool jobs_cancel(Jobs *q, const char *id, bool *waited);
/* The job of that owner: "cancel", "interrupt" or "skip". */
void jobs_tell(Jobs *q, const void *owner, const char *what);
/* What another machine says of a job: how much is done, 0..1. */
void jobs_hear(Jobs *q, Job *j, double done, SdStage stage, int step, int steps);
/* Whether it is to stop, for any reason. */
bool jobs_told(Jobs *q, Job *j);
void jobs_unload(Jobs *q);

/* Calls `each` for the jobs at work, then for those that wait, oldest first, with the lock held; until it returns
 * false.
 */
void jobs_each(Jobs *q, bool (*each)(void *user, const Job *j, int place), void *user);
void jobs_count(Jobs *q, int *waiting, int *working);

/* No more jobs; and once all are done or cancelled, workers end. */
void jobs_close(Jobs *q);
void jobs_cancel_all(Jobs *q);
void jobs_end(Jobs *q);

#endif
