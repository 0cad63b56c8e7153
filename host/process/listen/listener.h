/* listener: one [listener:NAME] section, typed, and what it has become. */
#ifndef EXTPROCD_PROCESS_LISTEN_LISTENER_H
#define EXTPROCD_PROCESS_LISTEN_LISTENER_H

#include "base/keys/keys.h"
#include "http/mode.h"
#include "http/phase.h"
#include "process/listen/address.h"
#include "session/coverage.h"
#include "session/proxy_rules.h"
#include "transport/transport.h"

#include <sys/types.h>

/* All that is known of a listener, from its section to its socket. The two floors that know no
 * configuration borrow a part each, and copy nothing. */
struct listener {
    const struct config_section *section;
    struct keys keys;
    struct address address; /* as the section has it */
    mode_t socket_mode;
    gid_t socket_group;                   /* (gid_t)-1: as it comes */
    struct proxy_settings proxy_settings; /* what its proxies allow and take */
    struct proxy_rules proxy;             /* the same as rules               */
    struct session_listener session;
    struct transport_listener transport; /* fd -1: it is not open */
    /* Of one that is open: */
    struct address bound; /* with the port that was free */
    dev_t dev;            /* of a unix socket's file: ours is removed, another's is not */
    ino_t ino;
};

extern const struct extproc_key listener_keys[];

/* As this transport can have it; NULL: it is not known. Errors are added; lives in the arena and
 * borrows from the section. */
void listener_read(struct config_section *s, const struct transport_ops *transport,
                   struct arena *arena, struct config_errors *errors, struct listener *ret);

/* What is wrong with the value of a key, and what would be right. */
void listener_say_invalid(const struct listener *l, const char *key, struct arena *arena,
                          struct config_errors *errors, const char *expected);
/* The keys that say what the proxies allow. */
void listener_read_proxy(struct listener *l, struct arena *arena, struct config_errors *errors);

/* Where a key stands; NULL: it is not there. */
const struct config_entry *listener_entry(const struct listener *l, const char *key);

#endif
