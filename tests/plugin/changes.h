/* changes: plugins that change bodies, in both directions alike. */
#ifndef EXTPROCD_TESTS_PLUGIN_CHANGES_H
#define EXTPROCD_TESTS_PLUGIN_CHANGES_H

#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>

/* keys: lines without the direction, such as "sub = s/a/b/". */
struct change {
    const char *keys, *before, *after;
};

static inline void change_expect(struct kit_call *c, void *arg)
{
    const struct change *e = (const struct change *)arg;
    kit_request(c, ":method: POST\n:path: /p", e->before, NULL);
    kit_response(c, ":status: 200", e->before, NULL);
    kit_expect_going(c);
    kit_expect_body(c, LANE_REQUEST, e->after);
    kit_expect_body(c, LANE_RESPONSE, e->after);
}

/* file: of the plugin. */
static inline void changes_expect(const char *file, unsigned modes, const struct change *changes,
                                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char ini[1024], keys[512], *to = keys, *rest = NULL;
        char *lines = strdup(changes[i].keys);
        struct change change = changes[i];
        for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
            to += sprintf(to, "request.%s\nresponse.%s\n", line, line);
        snprintf(ini, sizeof ini, PLUGIN_INI_OF("%s", "%s"), file, keys);
        struct kit *k = kit_of_ini(ini);
        kit_every_way(k, modes, change_expect, &change);
        kit_free(k);
        free(lines);
    }
}
#define CHANGES(name, modes, ...)                                                                  \
    changes_expect(PLUGIN_DIR "/" name ".so", (modes), (const struct change[]){__VA_ARGS__},       \
                   sizeof((const struct change[]){__VA_ARGS__}) / sizeof(struct change))

#endif
