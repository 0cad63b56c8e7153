/* generation: a configuration with its loaded plugins and chains, as one object.
 *
 * Several may exist: a stream holds a reference to the one it began with, and the last reference
 * runs every fini(). Unchanging once built; references may be taken and dropped on any thread.
 */
#ifndef EXTPROCD_PLUGIN_GENERATION_H
#define EXTPROCD_PLUGIN_GENERATION_H

#include "http/event.h"
#include "plugin/chain.h"

struct generation {
    unsigned refs; /* atomic */
    struct plugin_env env;
    struct config *config; /* owned; NULL where there is none */
    struct arena arena;
    struct instance **instances; /* those that a chain names, in file order */
    size_t n_instances;
    struct chain *chains;
    size_t n_chains;
};

/* Builds the chains and plugins of a configuration, takes over the config (also on failure). Every
 * error of its chain and plugin sections is added. NULL: `errors` has some, now or from before. A
 * plugin that no chain names gets a warning, and is loaded where env->testing only. */
struct generation *generation_build(struct config *config, const struct plugin_env *env,
                                    struct config_errors *errors);
struct generation *generation_ref(struct generation *g);
struct generation *generation_unref(struct generation *g);
/* Runs every fini() and frees nothing: threads that plugins leave running may use it until the
 * process ends. No stream may be open. */
void generation_stop(struct generation *g);

/* The chain for a transaction that begins with this event on this listener (NULL: with any). NULL:
 * it passes untouched. */
const struct chain *generation_select(const struct generation *g, const char *listener,
                                      const struct event *first);

/* The keys of a [chain:NAME] section. */
extern const struct extproc_key chain_keys[];

#endif
