/* ask_controls.h: units of the webui's ControlNet extension. */
#ifndef SD_TOOLS_SERVER_API_ASK_CONTROLS_H
#define SD_TOOLS_SERVER_API_ASK_CONTROLS_H

#include "tools/server/serve.h"

/* Adds the enabled units of a list to j; NULL and an empty list have none. */
bool ask_controls(Serve *s, Job *j, const json_t *units, Fault *f);

/* What is made of a picture before a ControlNet is shown it, by the webui's names. */
typedef struct {
    const char *name, *label; /* of its lists: short, and as its page has it */
    const char *was;          /* one more name that is taken; NULL: none */
    SdHint hint;
    bool image_prompt; /* the server's vision encoder makes it */
} ControlModule;
enum { CONTROL_MODULE_COUNT = 9 };
extern const ControlModule CONTROL_MODULES[CONTROL_MODULE_COUNT];
/* By any of its names, in any case of letters; NULL: there is none. */
const ControlModule *control_module_named(const char *name);

#endif
