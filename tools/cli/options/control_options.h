/* control_options.h: --control FILE:IMAGE[:WEIGHT[:START[:END]]][:KEY=VALUE...], once for each ControlNet, and
 * --image-prompt IMAGE[:WEIGHT[:START[:END]]] with --ip-adapter and --image-encoder. */
#ifndef SD_TOOLS_CLI_CONTROL_OPTIONS_H
#define SD_TOOLS_CLI_CONTROL_OPTIONS_H

#include "option.h"
#include "sd/image/image.h"
#include "sd/sd.h"
#include "tensor/os.h"

typedef struct {
    char file[OS_PATH_SIZE], image[OS_PATH_SIZE], mask[OS_PATH_SIZE]; /* image, mask "": img2img's, or none */
    bool prompt;                                                      /* an image prompt, of the one adapter */
    SdControl control;                                                /* without net and picture */
} ControlArgument;

typedef struct {
    OptionList control, image_prompt; /* as they were given */
    const char *ip_adapter, *image_encoder;
    ControlArgument *at; /* [count]: ControlNets, then image prompts */
    int count;
} ControlOptions;

/* Reads each text; what is wrong, as an exit code, or GO_ON. control_options_free in any case. */
int control_options_read(const Command *c, ControlOptions *o);
void control_options_free(ControlOptions *o);
/* Whether files are named for all of them, as a run needs; an exit code, or GO_ON. */
int control_options_complete(const Command *c, const ControlOptions *o);
/* What of them a run with these pictures (NULL: none) cannot be given, or lacks; an exit code, or GO_ON. */
int control_options_check(const Command *c, const ControlOptions *o, const char *image, const char *mask);
/* Whether one of their files is this one. */
bool control_options_name(const ControlOptions *o, const char *path);

/* ControlNets that are open, with their pictures. */
typedef struct {
    SdControl controls[SD_MOST_CONTROLS];
    SdControlNet *nets[SD_MOST_CONTROLS], *adapter; /* NULL where there is none */
    Image images[SD_MOST_CONTROLS], masks[SD_MOST_CONTROLS];
    int count;
} OpenControls;

/* Opens them for the model and hands them to the request; both must outlive it. controls_close in any case, before the
 * model is closed. */
bool controls_open(OpenControls *o, const ControlOptions *from, const SdModel *m, SdRequest *r, Error *e);
void controls_close(OpenControls *o);

#endif
