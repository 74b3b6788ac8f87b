/* verify_model.h: a model held to the record that lies beside it. */
#ifndef SD_TOOLS_COMMANDS_VERIFY_MODEL_H
#define SD_TOOLS_COMMANDS_VERIFY_MODEL_H

#include "tensor/error.h"

#include <stdbool.h>

/* Runs the settings of PATH.record with the model PATH again, on this device and with so many threads (sd.h), and
 * prints what came out. *holds: whether it is what the record says. False, with a line in e, when it cannot be run:
 * also where no record lies there, or it is of another file (by SHA-256). */
bool verify_model(const char *path, const char *device, int threads, bool *holds, Error *e);

#endif
