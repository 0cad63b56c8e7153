/* instance: one [plugin:NAME] section: a plugin with its configuration and its `self`.
 *
 * Unchanging once init() has returned, so that any number of transactions, on any thread, may use
 * it.
 */
#ifndef EXTPROCD_PLUGIN_INSTANCE_H
#define EXTPROCD_PLUGIN_INSTANCE_H

#include "base/keys/keys.h"
#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/metrics.h"
#include "http/rules/rules.h"
#include "plugin/choose/conditions.h"
#include "plugin/policy.h"
#include "plugin/refusal.h"
#include "plugin/template/wants.h"

struct output;
struct pool;
struct routine;
struct trials_ops;
struct waits;
struct writer;

/* What the host lends to every instance. */
struct plugin_env {
    const struct extproc_api *api; /* what plugins call: plugin/api/api.h */
    /* What those call that run in the pool; NULL: none do. */
    const struct extproc_api *guarded;
    struct log *log;         /* may be NULL: no log is written */
    struct writer *writer;   /* of files that plugins append to; may be NULL: they have none */
    struct metrics *metrics; /* may be NULL: nothing is counted */
    struct loop *loop;       /* whose thread runs init() and fini(); may be NULL: it is not asked */
    struct waits *waits;     /* of that loop; may be NULL: no callback can wait */
    struct trials_ops *trials;        /* of plugins in shadow; may be NULL: they are not called */
    struct pool *pool;                /* for work that blocks; may be NULL: there is none */
    enum policy_action overload;      /* where a plugin may not wait, because too much is held */
    const char *plugin_dir;           /* where a file without a slash is; NULL: could not be read */
    const char *plugin_dir_shown;     /* the same for messages; NULL: as it is */
    const struct rules *const *rules; /* of the proxies, one for each listener */
    size_t n_rules;                   /* 0: HTTP's own alone */
    struct str_list maps; /* attributes of those proxies that have no text: template.h */
    struct str_list late; /* how those begin that are of the response: choose/subject.h */
    size_t max_memory;    /* of a transaction; 0: any */
    bool testing;         /* extprocd -t */
    bool keeps;           /* nothing is freed: threads that plugins leave may go on using it */
};

/* What a plugin's struct extproc_file is the head of. */
struct instance_file {
    struct extproc_file head;
    struct output *output; /* NULL: it is only looked at */
    struct instance_file *next;
};

struct instance {
    struct extproc_instance pub; /* first: what the plugin sees */
    const char *name;            /* of the section              */
    struct running_plugin who;   /* the same, with its files    */
    const struct plugin_env *env;
    const struct extproc_plugin *plugin; /* as large as ours, zero where the plugin's is shorter */
    extproc_on_fn *on[N_PHASES];
    uint32_t interest;       /* phase bits: callbacks that this configuration needs */
    uint32_t fallback;       /* phase bits: called where headers were skipped       */
    uint32_t effects;        /* what it does there: EXTPROC_FALLBACK_RESPONDS, ...           */
    uint32_t reads;          /* phase bits: messages that later callbacks look back at */
    struct wants wants;      /* beside the messages */
    struct metric *bodiless; /* counts body edits of messages without one; NULL: nothing does */
    struct policy policy;    /* the operator's decisions about it */
    struct conditions when, unless; /* transactions that it takes part in */
    struct keys host_keys, keys;    /* what the host read of the section, and the plugin */
    struct config_section *section;
    struct instance_file *files;   /* that it appends to */
    struct routine *routines;      /* that run until fini() */
    struct arena arena;            /* the instance's life */
    struct config_errors *errors;  /* while init() runs, else NULL */
    struct refusal refused;        /* the last call that was refused in init() */
    struct undeclared *undeclared; /* keys that init() has asked for and the table does not have */
    bool conditional;              /* `when` or `unless` has some */
    bool started;                  /* init() returned 0: fini() is owed */
    bool blocks;                   /* its callbacks run in the pool     */
};

/* Loads the file, checks the section, runs init(). Errors are added, each with file and line.
 * 0 with *ret; -EINVAL: it was refused, and `errors` says why; -ENOMEM. The section must stay. */
int instance_new(struct config_section *section, const struct plugin_env *env,
                 struct config_errors *errors, struct instance **ret);
/* The same for a descriptor that is there already (linked in, or a test's). */
int instance_new_linked(const struct extproc_plugin *exported, struct config_section *section,
                        const struct plugin_env *env, struct config_errors *errors,
                        struct instance **ret);
/* Does it depend on conditions whether it takes part in a transaction? */
static inline bool instance_chooses(const struct instance *in)
{
    return in->conditional;
}
/* ... and on some that are known with the response only? */
static inline bool instance_waits(const struct instance *in)
{
    return in->when.n_late + in->unless.n_late > 0;
}
/* Runs fini(), where it is owed. */
void instance_stop(struct instance *instance);
/* The same, and frees what is left, but where its env keeps it. */
struct instance *instance_free(struct instance *instance);

/* The keys of a [plugin:NAME] section that the host itself reads. */
extern const struct extproc_key instance_keys[];

#endif
