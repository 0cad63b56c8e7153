/* number: a number of attributes and metadata as text. */
#ifndef EXTPROCD_PLUGIN_TEMPLATE_NUMBER_H
#define EXTPROCD_PLUGIN_TEMPLATE_NUMBER_H

#include "base/arena.h"

/* As many digits as are needed to distinguish it from its neighbours. ptr NULL: out of memory. */
struct extproc_str number_text(double number, struct arena *arena);

#endif
