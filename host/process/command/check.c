/* check: -t and -T: everything but the start. */
#include "base/escape.h"
#include "base/str.h"
#include "process/process.h"
#include "process/setup/setup.h"

#include <stdio.h>
#include <string.h>

enum {
    DUMP_COLUMN = 120
}; /* values are continued in indented lines, so that they can be read back */

/* The next line would begin with what follows the blank: it must not be a comment. */
static bool may_part_at(const char *p)
{
    return *p == ' ' && p[1] && !strchr(" ;#", p[1]);
}

/* A value as the ini file would write it. */
static void print_value(struct extproc_str text)
{
    char room[ESCAPE_ROOM];
    size_t column = 0;
    for (size_t at = 0; at < text.len; column++) {
        const char *p = text.ptr + at;
        if (column >= DUMP_COLUMN && may_part_at(p)) {
            fputs("\n   ", stdout);
            column = 0;
        }
        if (*p == ';' && at > 0 && p[-1] == ' ')
            putchar('\\');
        if (*p == '$' && p[1] == '{')
            putchar('$');
        struct extproc_str shown = escape_next(ESCAPE_VALUE, text, &at, room);
        fwrite(shown.ptr, 1, shown.len, stdout);
    }
}

static struct extproc_str shown_value(const struct keys_slot *slot, size_t i)
{
    const struct keys_value *value = &slot->values[i];
    if (value->entry)
        return value->entry->shown;
    return slot->key->flags & EXTPROC_KEY_SECRET ? EXTPROC_S(CONFIG_MASK) : value->text;
}

static void print_keys(const struct keys *keys)
{
    for (size_t i = 0; i < keys->n_slots; i++) {
        const struct keys_slot *slot = &keys->slots[i];
        if (strcmp(slot->key->name, "include") == 0) /* what it included is here already */
            continue;
        for (size_t k = 0; k < slot->n_values; k++) {
            const struct config_entry *entry = slot->values[k].entry;
            printf("%s = ", entry ? entry->key : slot->key->name);
            print_value(shown_value(slot, k));
            putchar('\n');
        }
    }
}

static void dump(const struct setup *s)
{
    const struct generation *g = s->generation;
    printf("[extprocd]\n");
    print_keys(&s->settings.keys);
    for (size_t i = 0; i < s->settings.n_listeners; i++) {
        printf("\n[listener:%s]\n", s->settings.listeners[i].transport.name);
        print_keys(&s->settings.listeners[i].keys);
    }
    for (size_t i = 0; i < g->n_chains; i++) {
        printf("\n[chain:%s]\n", g->chains[i].name);
        print_keys(&g->chains[i].keys);
    }
    for (size_t i = 0; i < g->n_instances; i++) {
        printf("\n[plugin:%s]\n", g->instances[i]->name);
        print_keys(&g->instances[i]->host_keys);
        print_keys(&g->instances[i]->keys);
    }
}

int process_check(const char *file, bool dump_too)
{
    struct setup s;
    if (!setup_load(file, true, &s))
        return EXIT_BAD;
    generation_stop(
        s.generation); /* first: a plugin may end the process there, and that is not ok */
    if (dump_too)
        dump(&s);
    else {
        escape_print(stdout, ESCAPE_TEXT, extproc_str_of(file));
        puts(": ok");
    }
    setup_fini(&s);
    return EXIT_GOOD;
}
