/* core_text.h: core_text.c's functions: as those of sd/text without `core_`. */
#ifndef SD_TESTS_CORE_TEXT_H
#define SD_TESTS_CORE_TEXT_H

#include "sd/core/ascii.h"
#include "sd/text/bpe.h"
#include "sd/text/text_clean.h"

unsigned core_unicode_flags(uint32_t c);
void core_runes_free(Runes *r);
bool core_text_clean(const char *text, size_t size, Runes *out);
bool core_text_clean_references_kept(const char *text, size_t size, Runes *out);
Tokenizer *core_tokenizer_new(void);
void core_tokenizer_free(Tokenizer *t);
int32_t core_bpe_pair(const Tokenizer *t, int32_t a, int32_t b);
void core_bpe_merged(int k, int32_t pair[2]);

#endif
