/* test_info.h: the parts of the suite info. */
#ifndef SD_TESTS_INFO_TEST_INFO_H
#define SD_TESTS_INFO_TEST_INFO_H

void info_write(void);    /* info_write.c: the text of parameters that a picture gets */
void info_read(void);     /* info_read.c: reading such texts */
void info_other(void);    /* info_other.c: what other programs write */
void info_replay(void);   /* info_replay.c: sdc png-info and replay */
void info_comments(void); /* info_comments.c: comments in prompts */
void info_pointers(void); /* info_pointers.c: NULL where sd.h allows it */
void info_settings(void); /* info_settings.c: every row of the table of settings */
void info_ranges(void);   /* info_ranges.c: its ranges */

#endif
