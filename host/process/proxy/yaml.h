/* yaml: texts and lists of them as YAML has them, on standard output. */
#ifndef EXTPROCD_PROCESS_PROXY_YAML_H
#define EXTPROCD_PROCESS_PROXY_YAML_H

#include "process/proxy/recipe.h"

/* In double quotes. */
void yaml_text(struct extproc_str text);
/* `KEY: ["a", "b"]`, and nothing where the list is empty; key comes with its indent. */
void yaml_list(const char *key, const struct recipe_names *names);

#endif
