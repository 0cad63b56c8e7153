/* generation: a configuration with its loaded plugins and chains, as one object.
 *
 * Several may exist: a stream holds a reference to the one it began with, and the last reference
 * runs every fini(). Unchanging once built; references may be taken and dropped on any thread.
 */
#ifndef EXTPROCD_PLUGIN_GENERATION_H
#define EXTPROCD_PLUGIN_GENERATION_H

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

/* Has a transaction to be looked at, to know which chain takes it? If not, the first one does. */
static inline bool generation_chooses(const struct generation *g)
{
    return g->n_chains > 0 && g->chains[0].match.n > 0;
}
/* The first chain, in the order of the file, whose conditions hold for a transaction of which this
 * is known. facts NULL: for chains without conditions. YES with *ret; NO: no
 * chain takes it, and it passes untouched; FAILED: whether *ret takes it cannot be decided, because
 * of *ret_failed. */
enum match generation_select(const struct generation *g, const struct facts *facts,
                             const struct chain **ret, const struct condition **ret_failed);

/* Adds what all chains and instances want of a kind, each name once. 0 or -ENOMEM. */
int generation_wants(const struct generation *g, enum want_kind kind, struct arena *arena,
                     struct wants *ret);

/* The keys of a [chain:NAME] section. */
extern const struct extproc_key chain_keys[];

#endif
