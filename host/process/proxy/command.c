/* command: --print-envoy-config. */
#include "process/process.h"
#include "process/proxy/forms.h"

#include <stdio.h>
#include <string.h>

static const struct form {
    const char *name;
    void (*print)(const struct recipe *recipe);
} forms[] = {{"envoy", form_envoy}, {"gloo", form_gloo}};

static const struct form *find(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    return NULL;
}

int process_print_proxy_config(const char *file, const char *name)
{
    const struct form *form = find(name);
    struct setup s;
    struct recipe recipe;
    if (!form) {
        process_say("extprocd: unknown form '%s': expected envoy or gloo", name);
        return EXIT_USAGE;
    }
    if (!setup_load(file, true, &s))
        return EXIT_BAD;
    generation_stop(s.generation);
    int r = recipe_make(&s, &s.arena, &recipe);
    if (r == 0 && s.settings.n_listeners > 1)
        printf("# For [listener:%s]. Proxies of the other listeners need the same, with the "
               "address, TLS\n# and mutation_rules of their listener.\n",
               s.settings.listeners[0].transport.name);
    if (r == 0)
        form->print(&recipe);
    else
        process_say("extprocd: %s", strerror(-r));
    setup_fini(&s);
    return r == 0 ? EXIT_GOOD : EXIT_BAD;
}
