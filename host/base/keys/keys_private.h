/* keys_private: how the files of keys walk over a table. */
#ifndef EXTPROCD_BASE_KEYS_KEYS_PRIVATE_H
#define EXTPROCD_BASE_KEYS_KEYS_PRIVATE_H

#include "base/keys/keys.h"

/* The i-th key, i at most the number of keys. NULL: the end, or no table. */
const struct extproc_key *keys_at(struct keys_table table, size_t i);

/* A number in decimal digits, with a fraction or without. */
bool keys_parse_real(struct extproc_str text, double *ret);
/* Of a text that is of the key's type. */
bool keys_within_limits(const struct extproc_key *key, struct extproc_str text);

#endif
