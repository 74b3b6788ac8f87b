/* config_tables.h: the rows of config_keys.h, by configuration. */
#ifndef SD_MODELS_CONFIG_TABLES_H
#define SD_MODELS_CONFIG_TABLES_H

#include "config_keys.h"

/* Up to a row without a key. */
extern const ConfigKey *const CONFIG_TABLES[CONFIG_TABLE_COUNT];

#endif
