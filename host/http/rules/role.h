/* role: the headers that say what a message is: which kind of message has which, and what values
 * they take.
 *
 * What a message must have, it may have another value of; nothing else with a colon is HTTP (RFC
 * 9113,
 * 8.3), and trailers say nothing of the message (RFC 9110, 6.5.1).
 */
#ifndef EXTPROCD_HTTP_RULES_ROLE_H
#define EXTPROCD_HTTP_RULES_ROLE_H

#include <extproc/plugin.h>

#include <stdbool.h>

enum role {
    ROLE_ORDINARY,
    ROLE_FOREIGN, /* it is a header of another kind of message */
    ROLE_METHOD,
    ROLE_SCHEME,
    ROLE_AUTHORITY, /* :authority, or host */
    ROLE_PATH,
    ROLE_STATUS
};

/* Case does not count. */
enum role role_of(enum extproc_map map, struct extproc_str name);
/* May such a header have this value? An ORDINARY one may have any valid value. */
bool role_takes(enum role role, struct extproc_str value);
/* May a valid value have this text in it, at its beginning or elsewhere? For a value of which only
 * parts are known. */
bool role_takes_part(enum role role, struct extproc_str part, bool begins);
/* `host`: in a response, an ordinary header. */
bool role_is_host(struct extproc_str name);

#endif
