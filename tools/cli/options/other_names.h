/* other_names.h: options as other programs name them, so that an error can say what they are called here. */
#ifndef SD_TOOLS_CLI_OTHER_NAMES_H
#define SD_TOOLS_CLI_OTHER_NAMES_H

#include <stddef.h>

/* The n-th option of sdc, from 0, that `given` ("--sampling_method", "--cfg-scale") may mean, without dashes, or NULL:
 * a name may mean several, of which a command has one. Letter case and '_' for '-' do not matter. */
const char *other_name(const char *given, size_t n);

#endif
