/* guard: the table of plugins whose callbacks run in the pool. */
#ifndef EXTPROCD_PLUGIN_API_GUARD_H
#define EXTPROCD_PLUGIN_API_GUARD_H

#include "plugin/api/api.h"

extern const struct extproc_api plugin_api_guarded;

#endif
