/* limits: clients that exceed what a listener lets them have: counted, and logged.
 *
 * A counter is named after the key that sets its limit. An event that may not be the client's fault
 * is not logged as a warning. A line names the key, its value and the amount that was seen (for a
 * time, the amount is the value itself); the peer and the transaction, or the stream before it has
 * one, are fields of it. The log
 * suppresses repetitions by the format, regardless of the peer, so that neither one attacker nor
 * many can fill the disk.
 */
#include "transport/limits/limits.h"

#include "base/rows.h"

#include <stddef.h>
#include <stdio.h>

enum { VALUE_MAX = 64 };

/* How a value is written. */
enum unit { NO_VALUE, BYTES, COUNT, TIME, RATE };

#define VALUE(unit, member) unit, offsetof(struct transport_limits, member)

static const struct limit_type {
    const char *metric, *help; /* NULL: the help of the one above with the same metric */
    enum extproc_level level;
    enum unit unit;
    size_t value;       /* its place in struct transport_limits */
    const char *format; /* of the line: %1$s is the value, if there is one, and then the amount */
} types[N_LIMITS] = {
    [LIMIT_MESSAGE] = {"max_message_exceeded", "Streams reset: a message was too large.",
                       EXTPROC_LEVEL_WARN, VALUE(BYTES, max_message),
                       "stream reset: message of %2$s bytes exceeds max_message (%1$s)"},
    [LIMIT_HEADER_LIST] = {"max_header_list_exceeded", "Streams refused: too much metadata.",
                           EXTPROC_LEVEL_WARN, VALUE(BYTES, max_header_list),
                           "stream refused: metadata of %2$s bytes exceeds max_header_list (%1$s)"},
    [LIMIT_HEADER_BURST] =
        {"max_header_list_exceeded", NULL, EXTPROC_LEVEL_WARN, VALUE(BYTES, max_header_list),
         "connection closed: metadata of %2$s bytes exceeds max_header_list (%1$s) many times"},
    [LIMIT_STREAMS] = {"max_streams_exceeded", "Streams refused: too many on their connection.",
                       EXTPROC_LEVEL_WARN, VALUE(COUNT, max_streams),
                       "stream refused: max_streams (%1$s) reached, %2$s open on the connection"},
    [LIMIT_CONNECTIONS] = {"max_connections_exceeded", "Connections refused or closed: too many.",
                           EXTPROC_LEVEL_WARN, VALUE(COUNT, max_connections),
                           "connection refused: max_connections (%1$s) reached, %2$s open"},
    [LIMIT_ROOM] =
        {"max_connections_exceeded", NULL, EXTPROC_LEVEL_WARN, VALUE(COUNT, max_connections),
         "connection closed: the longest idle of %2$s when max_connections (%1$s) was reached"},
    [LIMIT_DESCRIPTORS] = {"descriptors_exceeded",
                           "Connections closed: idle when the process ran out of descriptors.",
                           EXTPROC_LEVEL_WARN, NO_VALUE, 0,
                           "connection closed: the longest idle one when no descriptor was left "
                           "(LimitNOFILE = %1$s)"},
    [LIMIT_IDLE] = {"idle_timeout_exceeded", "Connections drained: no stream for too long.",
                    EXTPROC_LEVEL_DEBUG, VALUE(TIME, idle_ms),
                    "connection drained: no stream for idle_timeout (%1$s)"},
    [LIMIT_AGE] = {"max_connection_age_exceeded", "Connections drained: too old.",
                   EXTPROC_LEVEL_DEBUG, VALUE(TIME, age_ms),
                   "connection drained: max_connection_age (%1$s) reached"},
    [LIMIT_GRACE] = {"max_connection_age_grace_exceeded",
                     "Streams ended: open for too long after their connection was drained.",
                     EXTPROC_LEVEL_WARN, VALUE(TIME, grace_ms),
                     "stream ended: max_connection_age_grace (%1$s) exceeded"},
    [LIMIT_HANDSHAKE] = {"handshake_timeout_exceeded",
                         "Connections closed: no HTTP/2 preface in time.", EXTPROC_LEVEL_INFO,
                         VALUE(TIME, handshake_ms),
                         "connection closed: no HTTP/2 preface within handshake_timeout (%1$s)"},
    [LIMIT_FIRST_MESSAGE] = {"first_message_timeout_exceeded",
                             "Streams ended, connections closed: something begun and not completed "
                             "in time.",
                             EXTPROC_LEVEL_WARN, VALUE(TIME, first_message_ms),
                             "stream ended: no message within first_message_timeout (%1$s)"},
    [LIMIT_MESSAGE_REST] =
        {"first_message_timeout_exceeded", NULL, EXTPROC_LEVEL_WARN, VALUE(TIME, first_message_ms),
         "stream ended: silent inside a message for first_message_timeout (%1$s)"},
    [LIMIT_FRAME_REST] = {"first_message_timeout_exceeded", NULL, EXTPROC_LEVEL_WARN,
                          VALUE(TIME, first_message_ms),
                          "connection closed: frame, header block or TLS record not completed "
                          "within first_message_timeout (%1$s)"},
    [LIMIT_WRITE] = {"write_timeout_exceeded",
                     "Connections closed or streams reset: no answer taken.", EXTPROC_LEVEL_WARN,
                     VALUE(TIME, write_ms),
                     "connection closed: write timed out: %2$s bytes of answers not taken "
                     "within write_timeout (%1$s)"},
    [LIMIT_STALL] = {"write_timeout_exceeded",
                     "Connections closed or streams reset: no answer taken.", EXTPROC_LEVEL_WARN,
                     VALUE(TIME, write_ms),
                     "stream reset: write timed out: %2$s bytes of answers not taken within "
                     "write_timeout (%1$s)"},
    [LIMIT_QUEUED] = {"max_queued_exceeded", "Streams ended: too many queued answers.",
                      EXTPROC_LEVEL_WARN, VALUE(BYTES, max_queued),
                      "stream ended: %2$s bytes of queued answers exceed max_queued (%1$s)"},
    [LIMIT_HELD] = {"max_held_exceeded", "Streams ended: too many bytes in memory.",
                    EXTPROC_LEVEL_WARN, NO_VALUE, 0, "stream ended: %1$s"},
    [LIMIT_CONTINUATIONS] =
        {"max_continuations_exceeded", "Connections closed: a header block in too many frames.",
         EXTPROC_LEVEL_WARN, VALUE(COUNT, max_continuations),
         "connection closed: %2$s CONTINUATION frames of a header block exceed max_continuations "
         "(%1$s)"},
    [LIMIT_RESETS] =
        {"max_resets_exceeded",
         "Connections closed: too many streams reset before they were answered.",
         EXTPROC_LEVEL_WARN, VALUE(RATE, resets),
         "connection closed: %2$s streams reset before they were answered exceed max_resets "
         "(%1$s)"},
    [LIMIT_IDLES] =
        {"max_idle_frames_exceeded", "Connections closed: too many frames without content.",
         EXTPROC_LEVEL_WARN, VALUE(RATE, idles),
         "connection closed: %2$s frames without content (PING, SETTINGS, empty DATA, ...) "
         "exceed max_idle_frames (%1$s)"},
};
ROWS(types, N_LIMITS, 21);

static struct metric *define(const struct transport_options *options, const char *name,
                             const char *help)
{
    if (!options->metrics)
        return NULL;
    return metrics_define(options->metrics,
                          &(struct metric_definition){.name = name, .help = help});
}

void limits_init(struct limits *limits, const struct transport_options *options)
{
    *limits = (struct limits){.loop = options->loop, .log = options->log};
    for (enum limit i = 0; i < N_LIMITS; i++)
        limits->metrics[i] = define(options, types[i].metric, types[i].help);
    limits->tls_failed = define(options, "tls_failed", "Connections closed: TLS failed.");
}

static int write_time(char *to, size_t size, uint64_t ms)
{
    bool seconds = ms % 1000 == 0;
    return snprintf(to, size, "%llu%s", (unsigned long long)(seconds ? ms / 1000 : ms),
                    seconds ? "s" : "ms");
}

static void write_value(char ret_text[static VALUE_MAX], const struct limit_type *type,
                        const struct transport_limits *limits)
{
    const void *value = (const char *)limits + type->value;
    const struct budget_rate *rate = value;
    int n;
    switch (type->unit) {
    case NO_VALUE:
        *ret_text = 0;
        break;
    case BYTES:
        snprintf(ret_text, VALUE_MAX, "%zu", *(const size_t *)value);
        break;
    case COUNT:
        snprintf(ret_text, VALUE_MAX, "%u", *(const uint32_t *)value);
        break;
    case TIME:
        write_time(ret_text, VALUE_MAX, *(const uint64_t *)value);
        break;
    case RATE:
        n = snprintf(ret_text, VALUE_MAX, "%u in ", rate->n);
        write_time(ret_text + n, VALUE_MAX - (size_t)n, rate->period_ms);
        break;
    }
}

static struct log_context context_of(const struct limit_place *place)
{
    return (struct log_context){.listener = place->listener->name,
                                .peer = place->peer,
                                .transaction = place->transaction,
                                .stream = place->transaction.len > 0 ? 0 : place->stream};
}

void limits_tls_failed(const struct limits *limits, const struct limit_place *place,
                       const char *why)
{
    const struct log_context context = context_of(place);
    loop_count(limits->loop, limits->tls_failed, 1);
    log_line(limits->log, EXTPROC_LEVEL_WARN, &context, "connection closed: TLS: %s", why);
}

void limits_exceeded(const struct limits *limits, enum limit which, const struct limit_place *place,
                     const char *amount)
{
    const struct limit_type *type = &types[which];
    const struct log_context context = context_of(place);
    char value[VALUE_MAX];
    loop_count(limits->loop, limits->metrics[which], 1);
    write_value(value, type, &place->listener->limits);
/* Each type's format is a text of its own, by which the log knows what repeats; they are all
 * above. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    log_line(limits->log, type->level, &context, type->format,
             type->unit == NO_VALUE ? amount : value, amount);
}
