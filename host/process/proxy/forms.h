/* forms: a recipe in the syntax of each kind of proxy, on standard output. */
#ifndef EXTPROCD_PROCESS_PROXY_FORMS_H
#define EXTPROCD_PROCESS_PROXY_FORMS_H

#include "process/proxy/recipe.h"

void form_envoy(const struct recipe *recipe);
void form_gloo(const struct recipe *recipe);

#endif
