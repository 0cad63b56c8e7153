/* template: a text with %REQ(name)% and the like, compiled once and expanded per transaction.
 *
 *     %REQ(name)%  %RESP(name)%    the first value of a header
 *     %ATTR(name)%                 an attribute
 *     %METADATA(namespace:key)%    one key of the proxy's dynamic metadata
 *     %PATH%                       :path unchanged, with its query
 *     %METHOD%  %STATUS%           :method, the response's :status
 *     %UUID%                       a new random one (RFC 9562, version 4)
 *     %TIME(format)%  %TIME%       now in UTC, as strftime has it; without a format: RFC 3339
 *     %%                           a percent sign
 *
 * An absent value expands to an empty text, or to the text after `:-` in the parentheses. A number
 * is written with as many digits as it needs; null, a list and a dict have no text and count as
 * absent.
 */
#ifndef EXTPROCD_PLUGIN_TEMPLATE_TEMPLATE_H
#define EXTPROCD_PLUGIN_TEMPLATE_TEMPLATE_H

#include "base/arena.h"
#include "base/str.h"
#include "plugin/template/wants.h"

/* Compiles into the arena, which must outlive the template; the text is copied. maps: attributes
 * that are maps or messages, whatever the transaction, so that they have no text. 0; -ENOMEM;
 * -EINVAL with *ret_why, one line that names the place. */
int template_compile(struct extproc_str text, struct str_list maps, struct arena *arena,
                     struct extproc_template **ret, const char **ret_why);

/* Its i-th part: a text, or absent for one that only a transaction has. False: it has fewer. */
bool template_part_at(const struct extproc_template *t, size_t i, struct extproc_str *ret);

/* The phases, as bits, whose message it looks at. */
uint32_t template_reads(const struct extproc_template *t);

/* Adds the attributes and metadata namespaces that it reads. 0 or -ENOMEM. */
int template_wants(const struct extproc_template *t, struct wants *wants, struct arena *arena);

/* What it says of this transaction: in the arena, or in the template if it is plain text. It asks
 * x->api alone, so it knows nothing of how a transaction is kept. 0, -ENOMEM, or -EIO: no random
 * bytes for %UUID%. */
int template_expand(const struct extproc_template *t, struct extproc_txn *x, struct arena *arena,
                    struct extproc_str *ret);

#endif
