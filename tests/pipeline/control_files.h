/* control_files.h: files of ControlNets and their kin with generated weights, and pictures by them against goldens. */
#ifndef SD_TESTS_PIPELINE_CONTROL_FILES_H
#define SD_TESTS_PIPELINE_CONTROL_FILES_H

#include "sd/models/config.h"
#include "sd/models/t2i_adapter.h"
#include "sd/sd.h"

typedef struct {
    SdConfig config;
    int number;            /* whose values: those of "controlN_model." */
    const char *prefix;    /* of its names; NULL: diffusers' */
    const char *lacks;     /* a tensor that is left out, or NULL */
    AdapterConfig adapter; /* a T2I-Adapter; factor 0: none */
    int rank;              /* a ControlLoRA; 0: none */
    int kinds;             /* a ControlNet Union; 0: none */
    bool small;            /* without attention */
    bool differs;          /* its file says that it holds differences */
    const char *more;      /* a vector that it has besides, or NULL */
} ControlFile;

/* One check. */
void make_control(const char *path, ControlFile k);

enum { CONTROL_SIDE = 64 }; /* of hints and pictures */

/* Hint `number` of the goldens, [64][64][3]; and a control that is shown it. */
void fill_hint(uint8_t *rgb, int number);
SdControl control_of(SdControlNet *net, const uint8_t *rgb);

typedef struct {
    const char *name; /* the golden's */
    SdConfig (*config)(void);
    int count;
    double weights[2];
    SdControlMode mode;
    AdapterConfig adapter; /* factor 0: none */
    int rank;
    int kinds;                   /* 0: no union, whose hint is of lines */
    bool small, differs, pooled; /* pooled: the first, which its name tells */
    int steps;                   /* 0: 3 */
} ControlCase;

/* Writes the case's model and the files of its controls, and compares every tap of its golden. */
void control_against_golden(const ControlCase *k, char model[1024], char files[2][1024]);

#endif
