/* listener_proxy: the keys that say what the proxies of a listener allow and take. */
#include "base/str.h"
#include "process/listen/listener.h"

#include <extproc/text.h>

static const char *const known[] = {"all_routing", "envoy"};
enum { N_KNOWN = sizeof known / sizeof *known };

static void say_unknown(struct listener *l, const struct keys_value *value, struct extproc_str item,
                        struct arena *arena, struct config_errors *errors)
{
    /* The invalid value does not show what to allow. Allow all, so that no plugin is reported for
     * it. */
    l->proxy_settings.all_routing = l->proxy_settings.envoy = true;
    const char *nearest = item.ptr ? str_nearest(item.ptr, known, N_KNOWN) : NULL;

    config_say(errors, CONFIG_ERROR, l->section, value->entry,
               "invalid value %s: expected all_routing, envoy or both, separated by a comma%s%s%s",
               config_quote(arena, value->entry, item), nearest ? " (did you mean " : "",
               nearest ? nearest : "", nearest ? "?)" : "");
}

static void read_item(struct listener *l, const struct keys_value *value, struct extproc_str item,
                      struct arena *arena, struct config_errors *errors)
{
    struct extproc_str copy = arena_format(arena, "%.*s", EXTPROC_ARG(item));
    if (extproc_eq(item, extproc_str_of(known[0])))
        l->proxy_settings.all_routing = true;
    else if (extproc_eq(item, extproc_str_of(known[1])))
        l->proxy_settings.envoy = true;
    else
        say_unknown(l, value, copy, arena, errors);
}

static void read_mutation_rules(struct listener *l, struct arena *arena,
                                struct config_errors *errors)
{
    const struct keys_slot *slot = keys_find(&l->keys, "mutation_rules");
    for (size_t i = 0; slot && i < slot->n_values; i++) {
        struct extproc_str rest = slot->values[i].text, item;
        while (extproc_split(&rest, ',', &item))
            read_item(l, &slot->values[i], extproc_trim(item), arena, errors);
    }
}

void listener_read_proxy(struct listener *l, struct arena *arena, struct config_errors *errors)
{
    l->proxy_settings = (struct proxy_settings){
        .listener = l->transport.name,
        .max_headers = (uint32_t)keys_number(&l->keys, "proxy_max_headers"),
        .max_header_bytes = (size_t)keys_number(&l->keys, "proxy_max_header_bytes"),
    };
    read_mutation_rules(l, arena, errors);
    if (proxy_rules_make(&l->proxy_settings, arena, &l->proxy) < 0)
        config_say(errors, CONFIG_ERROR, l->section, NULL, "out of memory");
}
