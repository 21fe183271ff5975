/* Inputs from a seed (docs/spec/random.md and goldens.md), so that large ones need not be sent. */
#ifndef DSREF_HOST_GENERATE_H
#define DSREF_HOST_GENERATE_H

#include <stdint.h>

/* Writes count elements of a dtype's safetensors name; row is the last dimension. NULL, or why this one is not made here. */
const char* generate(uint64_t seed, const char* tensor, const char* map, const char* dtype, uint64_t count, uint64_t row, void* to);

#endif
