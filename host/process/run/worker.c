/* worker: one loop that serves all listeners with one generation, until a signal ends it. */
#include "base/log/writer.h"
#include "base/loop/pool.h"
#include "base/loop/watch.h"
#include "base/str.h"
#include "plugin/trial/trial.h"
#include "plugin/wait/wait.h"
#include "process/listen/listen.h"
#include "process/process.h"
#include "process/run/bridge.h"
#include "process/run/counts.h"
#include "process/run/notify.h"
#include "process/run/signals.h"
#include "process/run/stop.h"
#include "process/setup/setup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WORK_END_MS = 5000 };

struct worker {
    struct setup setup;
    struct bridge bridge;
    struct bridge_door *doors;                   /* of each listener */
    const struct transport_listener **listeners; /* each one's part */
    size_t n_open;                               /* that are open */
    const struct transport_ops *ops;
    struct transport *transport;
    struct watch *watch; /* NULL: no plugin has a timeout */
    struct stop stop;
};

static void on_signal(void *arg, int signo)
{
    struct worker *w = arg;
    switch (signo) {
    case SIGTERM:
    case SIGINT:
        stop_asked(&w->stop, signo == SIGTERM ? "SIGTERM" : "SIGINT");
        break;
    case SIGUSR1:
        writer_reopen(w->setup.writer);
        break;
    default:
        log_line(w->setup.log, EXTPROC_LEVEL_WARN, NULL, "%s is not supported; restart the service",
                 signo == SIGHUP ? "SIGHUP ignored: reload" : "SIGUSR2 ignored: upgrade");
    }
}

static void take_signals(void *arg)
{
    signals_take(on_signal, arg);
}

/* Every stream's connection needs a descriptor; the hard limit is what the operator allows. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_listener(struct worker *w, struct listener *l, struct config_errors *errors)
{
    const struct config_entry *entry = listener_entry(l, "address");
    struct bridge_door *door = &w->doors[w->n_open];
    char text[ADDRESS_TEXT];
    const char *key, *why;
    if (listen_open(l, &w->setup.arena, &key, &why) < 0) {
        address_format(&l->address, text);
        config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, key), "cannot %s %.*s: %s",
                   strcmp(key, "address") == 0 ? "listen on" : "change the group of",
                   EXTPROC_ARG(config_shown(entry, extproc_str_of(text))),
                   why ? why : "out of memory");
        return false;
    }
    w->listeners[w->n_open++] = &l->transport;
    address_format(&l->bound, text);
    l->transport.address = arena_format(&w->setup.arena, "%.*s",
                                        EXTPROC_ARG(config_shown(entry, extproc_str_of(text))))
                               .ptr;
    l->transport.arg = door;
    door->bridge = &w->bridge;
    if (l->transport.address &&
        coverage_init(&door->coverage, &l->session, w->setup.generation, &w->setup.arena) == 0)
        return true;
    config_say(errors, CONFIG_ERROR, l->section, NULL, "out of memory");
    return false;
}

static bool open_listeners(struct worker *w)
{
    size_t n = w->setup.settings.n_listeners;
    struct config_errors errors = {0};
    bool good = true;
    w->doors = arena_zalloc(&w->setup.arena, n * sizeof *w->doors);
    w->listeners = arena_zalloc(&w->setup.arena, n * sizeof *w->listeners);
    if (!w->doors || !w->listeners) {
        process_say("extprocd: out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++) /* all of them, so that all mistakes are reported */
        good = open_listener(w, &w->setup.settings.listeners[i], &errors) && good;
    process_say_errors(&errors);
    config_errors_fini(&errors);
    return good;
}

/* The keys say how the proxy sends bodies, not whether it sends headers. */
static void log_modes(const struct worker *w, const struct listener *l)
{
    struct log_context context = {.listener = l->transport.name};
    for (enum lane lane = LANE_REQUEST; lane < N_LANES; lane++)
        if (mode_of(l->session.modes[lane])->holds_headers)
            log_line(w->setup.log, EXTPROC_LEVEL_INFO, &context,
                     "%s_body_mode is %s: upgrades and CONNECT hang if the proxy does not "
                     "send these headers (in the proxy, set %s_header_mode: SEND)",
                     lane_name(lane), body_mode_name(l->session.modes[lane]), lane_name(lane));
}

static void log_off(const struct worker *w)
{
    for (size_t i = 0; i < w->setup.generation->n_instances; i++) {
        const struct instance *in = w->setup.generation->instances[i];
        struct log_context context = {.plugin = in->name};
        if (in->policy.mode == POLICY_MODE_OFF)
            log_line(w->setup.log, EXTPROC_LEVEL_INFO, &context,
                     "the plugin is loaded and is not called (mode = off)");
    }
}

static void log_start(const struct worker *w)
{
    log_off(w);
    for (size_t i = 0; i < w->n_open; i++) {
        log_line(w->setup.log, EXTPROC_LEVEL_INFO, NULL, "listener %s: listening on %s",
                 w->listeners[i]->name, w->listeners[i]->address);
        log_modes(w, &w->setup.settings.listeners[i]);
    }
    log_line(w->setup.log, EXTPROC_LEVEL_INFO, NULL,
             "extprocd %s is ready: %zu plugin%s, transport %s", EXTPROCD_VERSION,
             w->setup.generation->n_instances, w->setup.generation->n_instances == 1 ? "" : "s",
             w->ops->name);
    notify("READY=1");
}

static void start_watch(struct worker *w)
{
    const struct generation *g = w->setup.generation;
    size_t i = 0;
    while (i < g->n_instances && !g->instances[i]->policy.timeout_ms)
        i++;
    if (i == g->n_instances)
        return;
    int r = watch_start(w->setup.loop, w->setup.log, &w->watch);
    if (r < 0)
        log_line(w->setup.log, EXTPROC_LEVEL_WARN, NULL,
                 "cannot start a thread that looks for plugins that block: %s", strerror(-r));
}

/* Names of the metadata of streams that conditions look at. False: out of memory. */
static bool collect_metadata(struct worker *w, struct transport_options *options)
{
    struct arena *arena = &w->setup.arena;
    struct wants wants = {0};
    size_t n = 0;
    if (generation_wants(w->setup.generation, WANT_STREAM_METADATA, arena, &wants) < 0)
        return false;
    for (const struct want *want = wants.first[WANT_STREAM_METADATA]; want; want = want->next)
        n++;
    const char **names = arena_array(arena, n, sizeof *names);
    if (!names)
        return false;
    options->metadata = names;
    for (const struct want *want = wants.first[WANT_STREAM_METADATA]; want; want = want->next) {
        *names = arena_format(arena, "%.*s", EXTPROC_ARG(want->name)).ptr;
        if (!*names++)
            return false;
        options->n_metadata++;
    }
    return true;
}

/* Serves until a signal stops it. */
static bool serve(struct worker *w, int signal_fd)
{
    static const char *const health_names[] = {GRPC_SERVICE};
    struct transport_options options = {
        .loop = w->setup.loop,
        .log = w->setup.log,
        .metrics = w->setup.metrics,
        .max_held = w->setup.settings.max_held,
        .listeners = w->listeners,
        .n_listeners = w->n_open,
        .handlers = &bridge_process,
        .n_handlers = 1,
        .health_names = health_names,
        .n_health_names = 1,
        .notice_fd = signal_fd,
        .on_notice = take_signals,
        .arg = w,
    };
    const char *why = NULL;
    if (!collect_metadata(w, &options)) {
        process_say("extprocd: out of memory");
        return false;
    }
    int r = w->ops->create(&options, &w->setup.arena, &w->transport, &why);
    if (r < 0) {
        process_say("extprocd: cannot start the transport %s: %s", w->ops->name,
                    why ? why : strerror(-r));
        return false;
    }
    r = writer_start(w->setup.writer);
    if (r < 0)
        log_line(w->setup.log, EXTPROC_LEVEL_WARN, NULL, "cannot start a thread for the log: %s",
                 strerror(-r));
    start_watch(w);
    w->stop = (struct stop){
        .loop = w->setup.loop,
        .log = w->setup.log,
        .ops = w->ops,
        .transport = w->transport,
        .listeners = w->setup.settings.listeners,
        .n_listeners = w->setup.settings.n_listeners,
        .lame_duck_ms = w->setup.settings.lame_duck_ms,
        .drain_ms = w->setup.settings.drain_ms,
    };
    signals_serving();
    log_start(w);
    w->ops->run(w->transport);
    signals_ending();
    for (size_t i = 0; i < w->n_open; i++)
        w->setup.settings.listeners[i].transport.fd = -1; /* closed by the transport */
    return true;
}

/* False: some does not end. */
static bool stop_work(struct worker *w)
{
    const struct running_plugin *busy = NULL;
    trials_close(w->setup.trials);
    if (pool_stop(w->setup.pool, WORK_END_MS, &busy)) {
        waits_close(w->setup.waits);
        return true;
    }
    struct log_context context = {.plugin = busy->name};
    log_line(
        w->setup.log, EXTPROC_LEVEL_ERROR, &context,
        "work of plugin %s (extproc_work(), extproc_every(), or blocking = yes) has not returned "
        "within %d ms: the service stops without fini()",
        busy->name, WORK_END_MS);
    w->setup.busy = true;
    return false;
}

/* A callback that blocks may still read a message, which the transport gets back before it goes.
 * fini() may not run beside work of its plugin: where some does not end, no fini() runs. */
static void stop_plugins(struct worker *w)
{
    bool ended = stop_work(w);
    w->transport = w->ops->destroy(w->transport);
    if (ended)
        generation_stop(w->setup.generation);
}

int process_run(const char *file)
{
    struct worker w = {0};
    int signal_fd, r = signals_init(&signal_fd);
    if (r < 0) {
        process_say("extprocd: cannot receive signals: %s", strerror(-r));
        return EXIT_BAD;
    }
    raise_descriptors();
    if (!setup_load(file, false, &w.setup))
        return EXIT_BAD;
    w.bridge = (struct bridge){.env = {.log = w.setup.log, .loop = w.setup.loop},
                               .current = w.setup.generation};
    stream_env_counts(&w.bridge.env, w.setup.metrics);
    w.ops = w.setup.settings.ops;
    bool good = open_listeners(&w) && serve(&w, signal_fd);
    for (size_t i = 0; i < w.setup.settings.n_listeners; i++)
        listen_close(&w.setup.settings.listeners[i]);
    stop_plugins(&w); /* fini() may block too */
    w.watch = watch_stop(w.watch);
    if (good) {
        counts_log(w.setup.metrics, w.setup.log);
        log_line(w.setup.log, EXTPROC_LEVEL_INFO, NULL, "stopped");
    }
    setup_fini(&w.setup);
    return good ? EXIT_GOOD : EXIT_BAD;
}
