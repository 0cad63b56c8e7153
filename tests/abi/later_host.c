/* later_host: the loader of a later minor takes a plugin of the first, and misses nothing of it. */
#include "plugin/load/loader.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const struct extproc_plugin *plugin;
    const struct extproc_key *keys;
    const char *why = NULL;
    struct arena arena;
    arena_init(&arena, 1024);

    int r = loader_open(argv[argc - 1], &arena, &plugin, &keys, &why);
    bool taken = r == 0 && EXTPROC_ABI_MINOR == 7 && strcmp(plugin->name, "good") == 0 &&
                 plugin->request_headers && strcmp(keys[0].name, "greeting") == 0 && !keys[1].name;
    bool zero = taken && !plugin->later && !keys[0].later;
    if (!zero)
        printf("%d %s\n", r, why ? why : taken ? "what it does not have is not zero" : "not it");
    arena_fini(&arena);
    return !zero;
}
