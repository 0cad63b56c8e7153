/* keys_private: how the files of keys walk over a table. */
#ifndef EXTPROCD_BASE_KEYS_PRIVATE_H
#define EXTPROCD_BASE_KEYS_PRIVATE_H

#include "base/keys.h"

/* The i-th key, i at most the number of keys. NULL: the end, or no table. */
const struct extproc_key *keys_at(struct keys_table table, size_t i);

#endif
