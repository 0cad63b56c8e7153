/* limits: clients that go beyond what a listener lets them: counted, and told.
 *
 * A counter is named after the key that sets its limit. What may well be no fault of the client's is no
 * warning. The log itself leaves out what repeats, so that an attack cannot fill the disk.
 */
#include "transport/limits.h"

static const struct limit_type {
    const char *metric, *help;
    enum extproc_level level;
    const char *format; /* of the line: the listener's name, and the detail */
} types[N_LIMITS] = {
    [LIMIT_MESSAGE] = {"max_message_exceeded", "Calls ended: a message was too large.",
                       EXTPROC_INFO, "listener %s: a call is ended: a message is too large%s"},
    [LIMIT_HEADER_LIST] = {"max_header_list_exceeded", "Calls refused: too much metadata.",
                           EXTPROC_WARN,
                           "listener %s: a call is refused: more metadata than max_header_list%s"},
    [LIMIT_STREAMS] = {"max_streams_exceeded", "Calls refused: too many on their connection.",
                       EXTPROC_WARN,
                       "listener %s: a call is refused: max_streams are open on its connection%s"},
    [LIMIT_CONNECTIONS] = {"max_connections_exceeded", "Connections refused: too many.",
                           EXTPROC_WARN,
                           "listener %s: a connection is refused: max_connections are open%s"},
    [LIMIT_IDLE] = {"idle_timeout_exceeded", "Connections ended: without a call for too long.",
                    EXTPROC_DEBUG,
                    "listener %s: a connection is ended: idle_timeout without a call%s"},
    [LIMIT_AGE] = {"max_connection_age_exceeded", "Connections ended: too old.", EXTPROC_DEBUG,
                   "listener %s: a connection is ended: max_connection_age is over%s"},
    [LIMIT_HANDSHAKE] = {"handshake_timeout_exceeded",
                         "Connections closed: they did not begin in time.", EXTPROC_INFO,
                         "listener %s: a connection is closed: it has not begun to speak HTTP/2 "
                         "within handshake_timeout%s"},
    [LIMIT_TLS] = {"tls_failed", "Connections closed: their TLS was wrong.", EXTPROC_WARN,
                   "listener %s: a connection is closed: TLS: %s"},
    [LIMIT_WRITE] =
        {"write_timeout_exceeded", "Connections closed: they took nothing.", EXTPROC_WARN,
         "listener %s: a connection is closed: it has taken nothing of what we sent for "
         "write_timeout%s"},
    [LIMIT_QUEUED] = {"max_queued_exceeded", "Connections closed: too many answers waited.",
                      EXTPROC_WARN,
                      "listener %s: a connection is closed: more answers wait for it than "
                      "max_queued%s"},
    [LIMIT_CONTINUATIONS] = {"max_continuations_exceeded",
                             "Connections closed: a head in too many frames.", EXTPROC_WARN,
                             "listener %s: a connection is closed: more CONTINUATION frames in one "
                             "head than max_continuations%s"},
    [LIMIT_RESETS] =
        {"max_resets_exceeded",
         "Connections closed: too many calls reset before they were answered.", EXTPROC_WARN,
         "listener %s: a connection is closed: more streams were reset before they were "
         "answered than max_resets%s"},
    [LIMIT_IDLES] = {"max_idle_frames_exceeded",
                     "Connections closed: too many frames that carry nothing.", EXTPROC_WARN,
                     "listener %s: a connection is closed: more frames that carry nothing than "
                     "max_idle_frames%s"},
};

void limits_init(struct limits *limits, const struct transport_options *options)
{
    *limits = (struct limits){.log = options->log};
    for (unsigned i = 0; options->metrics && i < N_LIMITS; i++)
        limits->metrics[i] =
            metrics_define(options->metrics, NULL, types[i].metric, false, types[i].help);
}

void limits_exceeded(const struct limits *limits, enum limit which,
                     const struct transport_listener *listener, const char *detail)
{
    const struct limit_type *type = &types[which];
    if (limits->metrics[which])
        metric_add(limits->metrics[which], 1);
/* Each type's format is a text of its own, by which the log knows what repeats; they are all above. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    log_line(limits->log, type->level, NULL, type->format, listener->name, detail ? detail : "");
}
