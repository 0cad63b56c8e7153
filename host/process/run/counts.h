/* counts: what was counted, in lines of the log. */
#ifndef EXTPROCD_PROCESS_RUN_COUNTS_H
#define EXTPROCD_PROCESS_RUN_COUNTS_H

#include "base/log/log.h"
#include "base/metrics.h"

/* All that is not 0, plugins' own too: "counters: streams_closed{reason="done"}=3
 * plugin_hits{plugin="tags"}=1". */
void counts_log(const struct metrics *metrics, struct log *log);

#endif
