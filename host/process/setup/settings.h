/* settings: the [extprocd] and [listener:NAME] sections, typed: the settings of the service
 * itself. */
#ifndef EXTPROCD_PROCESS_SETUP_SETTINGS_H
#define EXTPROCD_PROCESS_SETUP_SETTINGS_H

#include "base/log/log.h"
#include "plugin/policy.h"
#include "process/listen/listener.h"

#include <stdint.h>

struct settings {
    struct keys keys; /* of [extprocd] */
    struct log_options log;
    const struct config_entry *log_entry; /* log_file's; NULL: standard error */
    const char *plugin_dir, *plugin_dir_shown;
    const char *transport;
    const struct transport_ops *ops; /* its own; NULL: it cannot be had, which was reported */
    uint64_t lame_duck_ms, drain_ms;
    unsigned pool_threads;
    size_t max_waiting;            /* bytes that are held for plugins that wait */
    enum policy_action overload;   /* where a plugin may not wait because of that */
    size_t max_held;               /* 0: the transport has no such limit */
    size_t max_transaction_memory; /* 0: any */
    struct listener *listeners;
    size_t n_listeners;
};

/* The kinds of sections, in the order in which people read them; a NULL name ends them. */
struct settings_section {
    const char *name;
    const struct extproc_key *keys; /* that the host reads */
    bool named;
};
extern const struct settings_section settings_sections[];

/* Keys that a section type knows: for config_read(). */
bool settings_knows(const char *section_type, const char *key, void *arg);

/* Types both kinds of section, and reports sections that are none of the four kinds. Errors are
 * added; lives in the arena and borrows from the config. False: there were errors. */
bool settings_read(const struct config *config, struct arena *arena, struct config_errors *errors,
                   struct settings *ret);

#endif
