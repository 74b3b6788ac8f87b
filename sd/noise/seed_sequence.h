/* seed_sequence.h: numpy's SeedSequence: 32-bit seeds from a seed and a place in a tree. */
#ifndef SD_NOISE_SEED_SEQUENCE_H
#define SD_NOISE_SEED_SEQUENCE_H

#include <stdint.h>

/* out[count] = SeedSequence(entropy, spawn_key=spawn[spawns], pool_size=pool).generate_state(count); spawns 0: none.
 * spawns <= 4, pool <= 32. */
void seed_sequence(uint64_t entropy, const uint64_t *spawn, int spawns, int pool, uint32_t *out, int count);

#endif
