/* control_options.h: --control FILE:IMAGE[:WEIGHT[:START[:END]]][:KEY=VALUE...], once for each ControlNet. */
#ifndef SD_TOOLS_CLI_CONTROL_OPTIONS_H
#define SD_TOOLS_CLI_CONTROL_OPTIONS_H

#include "option.h"
#include "sd/image/image.h"
#include "sd/sd.h"
#include "tensor/os.h"

typedef struct {
    char file[OS_PATH_SIZE], image[OS_PATH_SIZE];
    SdControl control; /* without net and picture */
} ControlArgument;

typedef struct {
    ControlArgument *at; /* [count] */
    int count;
} ControlArguments;

/* Reads each text; what is wrong, as an exit code, or GO_ON. control_arguments_free in any case. */
int control_arguments(const Command *c, const OptionList *texts, ControlArguments *out);
void control_arguments_free(ControlArguments *a);
/* Whether one of their files is this one. */
bool control_arguments_name(const ControlArguments *a, const char *path);

/* ControlNets that are open, with their pictures. */
typedef struct {
    SdControl controls[SD_MOST_CONTROLS];
    Image images[SD_MOST_CONTROLS];
    int count;
} OpenControls;

/* Opens them for the model and hands them to the request; both must outlive it. controls_close in any case, before the
 * model is closed. */
bool controls_open(OpenControls *o, const ControlArguments *a, const SdModel *m, SdRequest *r, Error *e);
void controls_close(OpenControls *o);

#endif
