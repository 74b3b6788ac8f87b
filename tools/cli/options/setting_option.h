/* setting_option.h: settings of a request (sd/info/params.h) as options. */
#ifndef SD_TOOLS_CLI_SETTING_OPTION_H
#define SD_TOOLS_CLI_SETTING_OPTION_H

#include "option.h"
#include "sd/info/params.h"

/* The option of a setting, which writes into an SdRequest. */
Option setting_option(const Param *p);
/* Row i of those for the settings with these names, NULL at the end; for a row function of OPTION_ROWS. */
bool setting_row(const char *const *names, int i, Option *o);
/* What is wrong with the settings that were given, found without the model, as an exit code, or GO_ON. What the model
 * decides is as params_forget leaves it, and taken to be right. */
int settings_check(const Command *c, const SdRequest *r);
/* As report; a line that begins with a setting's name in words ("sigma min: ...") begins with its option's. */
int report_request(const Command *c, const Error *e);

#endif
