/* look: the value of a subject in a transaction. */
#ifndef EXTPROCD_PLUGIN_CHOOSE_LOOK_H
#define EXTPROCD_PLUGIN_CHOOSE_LOOK_H

#include "base/pattern/pattern.h"
#include "plugin/choose/facts.h"
#include "plugin/choose/subject.h"

/* *ret is a view of the facts, or in their arena. 0 or -ENOMEM. */
int look(const struct subject *subject, const struct facts *facts, struct pattern_value *ret);

#endif
