/* check: -t and -T: everything but the start. */
#include "process/process.h"
#include "process/setup.h"

#include <stdio.h>
#include <string.h>

enum {
    DUMP_COLUMN = 120
}; /* values are continued in indented lines, so that they can be read back */

/* A value as the ini file would write it. */
static void print_value(const char *text)
{
    size_t column = 0;

    for (const char *p = text; *p; p++, column++) {
        if (*p == ' ' && column >= DUMP_COLUMN && p[1] && p[1] != ' ' && p[1] != ';') {
            fputs("\n   ", stdout);
            column = 0;
        }
        if (*p == ';' && p > text && p[-1] == ' ')
            putchar('\\');
        if (*p == '$' && p[1] == '{')
            putchar('$');
        putchar(*p);
    }
}

/* Declared so, or made of what only the environment or another file should say. */
static bool is_secret(const struct keys_slot *slot, size_t i)
{
    return (slot->key->flags & EXTPROC_KEY_SECRET) ||
           (slot->values[i].entry && slot->values[i].entry->hidden);
}

static void print_keys(const struct keys *keys)
{
    for (size_t i = 0; i < keys->n_slots; i++) {
        const struct keys_slot *slot = &keys->slots[i];
        if (strcmp(slot->key->name, "include") == 0) /* what it included is here already */
            continue;
        for (size_t k = 0; k < slot->n_values; k++) {
            printf("%s = ", slot->key->name);
            if (is_secret(slot, k))
                fputs("********", stdout);
            else
                print_value(slot->values[k].text.ptr);
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
        printf("\n[listener:%s]\n", s->settings.listeners[i].name);
        print_keys(&s->settings.listeners[i].keys);
    }
    for (size_t i = 0; i < g->n_chains; i++) {
        printf("\n[chain:%s]\nplugins =", g->chains[i].name);
        for (size_t k = 0; k < g->chains[i].n_instances; k++)
            printf("%s %s", k ? "," : "", g->chains[i].instances[k]->name);
        putchar('\n');
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
    else
        printf("%s: ok\n", file);
    setup_end(&s);
    return EXIT_GOOD;
}
