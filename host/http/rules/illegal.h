/* illegal: what is wrong with a header that HTTP does not allow, in words for its author. */
#ifndef EXTPROCD_HTTP_RULES_ILLEGAL_H
#define EXTPROCD_HTTP_RULES_ILLEGAL_H

#include <extproc/plugin.h>

enum { ILLEGAL_WHY = 128 };

/* Of a name or a value that was refused with -EINVAL. Nothing of the value is shown but the byte
 * that is wrong, since a value may be a secret. */
void illegal_header(struct extproc_str name, struct extproc_str value,
                    char ret_why[static ILLEGAL_WHY]);

#endif
