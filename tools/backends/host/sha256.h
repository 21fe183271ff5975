/* SHA-256 (FIPS 180-4) of bytes in memory, as 64 hexadecimal digits. */
#ifndef DSREF_HOST_SHA256_H
#define DSREF_HOST_SHA256_H

#include <stddef.h>

void sha256_hex(const void* bytes, size_t count, char to[65]);

#endif
