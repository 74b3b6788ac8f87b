/* yaml.h: the part of YAML that configurations of models are written in. */
#ifndef SD_WEIGHTS_FILES_YAML_H
#define SD_WEIGHTS_FILES_YAML_H

#include "json.h"

/* Maps of maps, of numbers and words, and of lists of these, as one object whose keys are paths:
 * "model.params.timesteps". An indented list and "[1, 2]" are the same; maps in an indented list count from 0:
 * "emb_models.0.target". NULL on error: tabs, anchors, several documents, lists of both maps and words, and text over
 * several lines are ERR_FORMAT, with the line's number. text ends with NUL. */
Json *yaml_parse(const char *what, const char *text, Error *e);

#endif
