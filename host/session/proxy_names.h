/* proxy_names: the names that an ext_proc proxy has for headers and attributes of its own. */
#ifndef EXTPROCD_SESSION_PROXY_NAMES_H
#define EXTPROCD_SESSION_PROXY_NAMES_H

#include "base/str.h"
#include "http/rules/rules.h"

/* For struct rules. */
extern const struct str_list proxy_joined;
extern const struct rules_hints proxy_hints;
/* Attributes that are maps or messages: for struct plugin_env. */
extern const struct str_list proxy_maps;
/* How the names of attributes begin that are known with the response only: for it too. */
extern const struct str_list proxy_late;

#endif
