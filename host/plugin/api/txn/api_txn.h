/* api_txn: the functions of the SDK table that take a transaction. Each is documented in the SDK
 * header, under its name there.
 */
#ifndef EXTPROCD_PLUGIN_API_TXN_API_TXN_H
#define EXTPROCD_PLUGIN_API_TXN_API_TXN_H

#include <extproc/plugin.h>

struct extproc_str api_header(struct extproc_txn *x, enum extproc_map map, struct extproc_str name,
                              size_t i);
bool api_header_at(struct extproc_txn *x, enum extproc_map map, size_t i,
                   struct extproc_header *ret);
enum extproc_map_state api_map_state(struct extproc_txn *x, enum extproc_map map);
int api_edit(struct extproc_txn *x, enum extproc_map map, enum extproc_edit op,
             struct extproc_str name, struct extproc_str value);
int api_remove_prefix(struct extproc_txn *x, enum extproc_map map, struct extproc_str prefix);
struct extproc_str api_body(struct extproc_txn *x);
int api_body_set(struct extproc_txn *x, struct extproc_str bytes, void (*release)(void *),
                 void *arg);
int api_hold(struct extproc_txn *x, size_t n);
enum extproc_form api_body_form(struct extproc_txn *x);
int api_body_changes(struct extproc_txn *x, enum extproc_change change);
struct extproc_value api_attribute(struct extproc_txn *x, struct extproc_str name);
struct extproc_value api_metadata(struct extproc_txn *x, struct extproc_str ns);
struct extproc_value api_value_get(struct extproc_txn *x, struct extproc_value v,
                                   struct extproc_str key);
bool api_value_at(struct extproc_txn *x, struct extproc_value v, size_t i,
                  struct extproc_field *ret);
struct extproc_value api_list(struct extproc_txn *x, const struct extproc_value *items, size_t n);
struct extproc_value api_dict(struct extproc_txn *x, const struct extproc_field *fields, size_t n);
int api_metadata_set(struct extproc_txn *x, struct extproc_str ns, struct extproc_str key,
                     struct extproc_value value);

int api_clear_route(struct extproc_txn *x);
int api_respond(struct extproc_txn *x, const struct extproc_response *response);
int api_skip(struct extproc_txn *x, uint32_t phases);
EXTPROC_PRINTF(2, 0)
void api_vfail(struct extproc_txn *x, const char *fmt, va_list ap);
void api_fail(struct extproc_txn *x, struct extproc_str key, struct extproc_str why);
struct extproc_str api_why(struct extproc_txn *x);

void *api_alloc(struct extproc_txn *x, size_t size);
void *api_scratch(struct extproc_txn *x, size_t size);
struct extproc_str api_vformat(struct extproc_txn *x, const char *fmt, va_list ap);
struct extproc_str api_expand(struct extproc_txn *x, const struct extproc_template *t);
void api_vlog(struct extproc_instance *instance, struct extproc_txn *x, enum extproc_level level,
              const char *fmt, va_list ap);
void api_log(struct extproc_instance *instance, struct extproc_txn *x, enum extproc_level level,
             struct extproc_str key, struct extproc_str text);

struct extproc_wait *api_defer(struct extproc_txn *x, uint32_t timeout_ms,
                               void (*drop)(struct extproc_instance *, void *));
int api_after(struct extproc_txn *x, uint32_t ms);
int api_work(struct extproc_txn *x, void (*fn)(void *arg), void *arg,
             void (*drop)(struct extproc_instance *, void *arg));

#endif
