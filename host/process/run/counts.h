/* counts: what was counted, in lines of the log. */
#ifndef EXTPROCD_PROCESS_RUN_COUNTS_H
#define EXTPROCD_PROCESS_RUN_COUNTS_H

#include "base/log/log.h"
#include "base/metrics.h"

/* All of them, plugins' own too: "counters: streams_closed{reason="done"}=3
 * plugin_hits{plugin="tags"}=1", and then "counters at 0: tls_failed max_resets_exceeded". */
void counts_log(const struct metrics *metrics, struct log *log);

#endif
