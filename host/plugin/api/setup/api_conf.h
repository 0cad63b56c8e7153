/* api_conf: the functions of the SDK table that take an instance: its configuration, its interest,
 * its memory, its metrics. Each is documented in the SDK header, under its name there.
 */
#ifndef EXTPROCD_PLUGIN_API_SETUP_API_CONF_H
#define EXTPROCD_PLUGIN_API_SETUP_API_CONF_H

#include <extproc/plugin.h>

size_t api_conf_count(struct extproc_instance *instance, const char *key);
struct extproc_str api_conf_str(struct extproc_instance *instance, const char *key, size_t i);
int64_t api_conf_int(struct extproc_instance *instance, const char *key, size_t i);
double api_conf_float(struct extproc_instance *instance, const char *key, size_t i);
struct extproc_template *api_conf_template(struct extproc_instance *instance, const char *key,
                                           size_t i, struct extproc_str text);
EXTPROC_PRINTF(4, 0)
int api_conf_vrefuse(struct extproc_instance *instance, const char *key, size_t i, const char *fmt,
                     va_list ap);
int api_conf_refuse(struct extproc_instance *instance, const char *key, size_t i,
                    struct extproc_str why);
int api_check_edit(struct extproc_instance *instance, enum extproc_map map, enum extproc_edit op,
                   struct extproc_str name, struct extproc_str value);
int api_conf_edit(struct extproc_instance *instance, const char *key, size_t i,
                  enum extproc_map map, enum extproc_edit op, struct extproc_str name,
                  struct extproc_str value);
int api_interest(struct extproc_instance *instance, uint32_t phases);
int api_want_attribute(struct extproc_instance *instance, struct extproc_str name);
int api_want_metadata(struct extproc_instance *instance, struct extproc_str ns, uint32_t access);
int api_fallback(struct extproc_instance *instance, uint32_t phases, uint32_t effects);
int api_every(struct extproc_instance *instance, uint32_t ms,
              void (*fn)(struct extproc_instance *));
void *api_instance_alloc(struct extproc_instance *instance, size_t size);
struct extproc_metric *api_metric(struct extproc_instance *instance, bool histogram,
                                  const char *name, const char *help);
void api_metric_add(struct extproc_metric *m, uint64_t n);

struct instance;
/* Remembers, while init() runs, why a call was refused, for the error that is reported if init()
 * fails. r, for the caller to return. */
int instance_refuse(struct instance *in, const char *call, struct extproc_str subject, int r,
                    const char *why);
/* A warning at the i-th value of a key, while init() runs. */
EXTPROC_PRINTF(4, 5)
void instance_warn(struct instance *in, const char *key, size_t i, const char *fmt, ...);

#endif
