/* stop: how the service leaves its clients, step by step. */
#ifndef EXTPROCD_PROCESS_RUN_STOP_H
#define EXTPROCD_PROCESS_RUN_STOP_H

#include "process/listen/listen.h"
#include "transport/transport.h"

enum stop_state { STOP_SERVING, STOP_LAME, STOP_DRAINING, STOP_IMMEDIATE };

/* Its owner fills in all but the state, which begins as STOP_SERVING. */
struct stop {
    struct loop *loop;
    struct log *log;
    const struct transport_ops *ops;
    struct transport *transport;
    struct listener *listeners;
    size_t n_listeners;
    uint64_t lame_duck_ms, drain_ms;
    enum stop_state state;
};

/* In the loop: TERM or INT has come, for the first time or again. */
void stop_asked(struct stop *stop, const char *signal);

#endif
