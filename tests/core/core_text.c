/* core_text.c: what sd_core has in place of sd/text's, under other names. */
#include "core_text.h"

#define unicode_flags core_unicode_flags
#define runes_free core_runes_free
#define text_clean core_text_clean
#define text_clean_references_kept core_text_clean_references_kept
#include "sd/core/ascii.c"

#define tokenizer_new core_tokenizer_new
#define tokenizer_free core_tokenizer_free
#define bpe_pair core_bpe_pair
#define bpe_merged core_bpe_merged
#include "sd/core/bpe_pairs.c"
