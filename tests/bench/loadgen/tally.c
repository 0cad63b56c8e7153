/* Counters of one thread; threads share none while they run, and are added up when they have
 * ended. */
#include "tally.h"

const char *fault_name(enum fault f)
{
    static const char *const names[N_FAULTS] = {
        [FAULT_CONNECT] = "connect",       [FAULT_HTTP] = "http",   [FAULT_FRAMING] = "framing",
        [FAULT_PARSE] = "parse",           [FAULT_ONEOF] = "oneof", [FAULT_COUNT] = "count",
        [FAULT_STATUS] = "status",         [FAULT_RESET] = "reset", [FAULT_HEADER] = "header",
        [FAULT_UNFINISHED] = "unfinished",
    };
    return names[f];
}

uint64_t tally_faults(const struct tally *t)
{
    uint64_t sum = 0;
    for (unsigned f = 0; f < N_FAULTS; f++)
        sum += t->faults[f];
    return sum;
}

void tally_merge(struct tally *to, const struct tally *from)
{
    to->n_streams += from->n_streams;
    to->n_messages += from->n_messages;
    to->n_refused += from->n_refused;
    to->n_goaways += from->n_goaways;
    to->n_reconnects += from->n_reconnects;
    to->bytes_in += from->bytes_in;
    to->bytes_out += from->bytes_out;
    for (unsigned f = 0; f < N_FAULTS; f++)
        to->faults[f] += from->faults[f];
    hist_merge(&to->message, &from->message);
    hist_merge(&to->stream, &from->stream);
    hist_merge(&to->late, &from->late);
}
