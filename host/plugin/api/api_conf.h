/* api_conf: the functions of the SDK table that take an instance: its configuration, its interest,
 * its memory, its metrics. Each is documented in the SDK header, under its name there.
 */
#ifndef EXTPROCD_PLUGIN_API_API_CONF_H
#define EXTPROCD_PLUGIN_API_API_CONF_H

#include <extproc/plugin.h>

size_t api_conf_count(struct extproc_instance *h, const char *key);
struct extproc_str api_conf_str(struct extproc_instance *h, const char *key, size_t i);
int64_t api_conf_int(struct extproc_instance *h, const char *key, size_t i);
double api_conf_float(struct extproc_instance *h, const char *key, size_t i);
struct extproc_template *api_conf_template(struct extproc_instance *h, const char *key, size_t i,
                                           struct extproc_str text);
EXTPROC_PRINTF(4, 0)
int api_conf_vrefuse(struct extproc_instance *h, const char *key, size_t i, const char *fmt,
                     va_list ap);
int api_conf_refuse(struct extproc_instance *h, const char *key, size_t i, struct extproc_str why);
int api_check_edit(struct extproc_instance *h, enum extproc_map map, enum extproc_edit op,
                   struct extproc_str name, struct extproc_str value);
int api_conf_edit(struct extproc_instance *h, const char *key, size_t i, enum extproc_map map,
                  enum extproc_edit op, struct extproc_str name, struct extproc_str value);
int api_interest(struct extproc_instance *h, uint32_t phases);
int api_want_attribute(struct extproc_instance *h, struct extproc_str name);
int api_want_metadata(struct extproc_instance *h, struct extproc_str ns, uint32_t access);
int api_fallback(struct extproc_instance *h, uint32_t phases, uint32_t deeds);
void *api_host_alloc(struct extproc_instance *h, size_t size);
struct extproc_metric *api_metric(struct extproc_instance *h, bool histogram, const char *name,
                                  const char *help);
void api_metric_add(struct extproc_metric *m, uint64_t n);

/* A warning at the i-th value of a key, while init() runs. */
struct instance;
EXTPROC_PRINTF(4, 5)
void instance_warn(struct instance *in, const char *key, size_t i, const char *fmt, ...);

#endif
