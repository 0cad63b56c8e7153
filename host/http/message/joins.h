/* joins: the headers for which the proxy keeps one entry, joining further values to it with a
 * comma. */
#ifndef EXTPROCD_HTTP_MESSAGE_JOINS_H
#define EXTPROCD_HTTP_MESSAGE_JOINS_H

#include <extproc/plugin.h>

#include <stdbool.h>

/* Case does not count. */
bool joins(struct extproc_str name);

#endif
