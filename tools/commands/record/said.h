/* said.h: the files besides the model that a picture's text or a record names, and those that are there. */
#ifndef SD_TOOLS_COMMANDS_SAID_H
#define SD_TOOLS_COMMANDS_SAID_H

#include "sd/sd.h"

/* list: "NAME: HASH, ..." of embeddings, "TI hashes"; networks: likewise, "Lora hashes", which may bring some of these
 * along; NULL or "": none. ERR_FORMAT where the list names others and no folder is given, or the other way round. */
bool said_folder(const char *list, const char *networks, const char *folder, Error *e);
/* Whether the model's embeddings have these names; warns of other vectors than `what` ("picture", "record") was made
 * with. ERR_FORMAT. */
bool said_embeddings(const char *list, const char *networks, const char *what, const SdModel *m, Error *e);
/* Warns where a new picture's text names other networks than the list, "Lora hashes". */
void said_networks(const char *list, const char *what, const char *parameters);
/* The value of a key of a picture's text, a new string; NULL: it has none. False on ERR_MEMORY. */
bool said_value(const char *parameters, const char *key, char **out, Error *e);

#endif
