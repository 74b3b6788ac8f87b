/* info_network.h: what `sdc info` says of a network's file (LoRA and its kin). */
#ifndef SD_TOOLS_COMMANDS_INFO_NETWORK_H
#define SD_TOOLS_COMMANDS_INFO_NETWORK_H

#include "sd/sd.h"

/* The report, the hash that pictures have of it (if hashed, for which all of the file may be read), and the metadata
 * that training left. False with e set: the file cannot be opened once more. */
bool info_network_print(const char *path, const SdNetworkReport *r, bool json, bool hashed, Error *e);

#endif
