/* reference: every key that the host itself reads, as a person or a manual page has it: one source,
 * the tables that the ini file is checked with. */
#include "base/str.h"
#include "process/process.h"
#include "process/setup/settings.h"

#include <stdio.h>
#include <string.h>

/* ---- what a key takes ------------------------------------------------------------------------ */

static void print_choices(const char *choices)
{
    fputs("one of", stdout);
    for (const char *at = choices; *at;) {
        size_t len = strcspn(at, "|");
        printf(" %.*s", (int)len, at);
        at += len + (at[len] == '|');
    }
}

/* NULL: what it takes depends on the key. */
static const char *type_name(enum extproc_key_type type)
{
    switch (type) {
    case EXTPROC_KEY_TYPE_STR:
        return "text";
    case EXTPROC_KEY_TYPE_INT:
    case EXTPROC_KEY_TYPE_FLOAT:
        return "number";
    case EXTPROC_KEY_TYPE_BOOL:
        return "yes or no";
    case EXTPROC_KEY_TYPE_DURATION:
        return "duration";
    case EXTPROC_KEY_TYPE_SIZE:
        return "size";
    case EXTPROC_KEY_TYPE_PATH:
        return "path";
    case EXTPROC_KEY_TYPE_CHOICE:
        break;
    }
    return NULL;
}

static void print_type(const struct extproc_key *key)
{
    const char *name = type_name(key->type);
    if (name)
        fputs(name, stdout);
    else
        print_choices(key->choices);
    if (key->flags & EXTPROC_KEY_LIST)
        fputs("; may be repeated", stdout);
}

/* What holds where the key is absent. */
static const char *fallback_of(const struct extproc_key *key)
{
    if (key->flags & EXTPROC_KEY_REQUIRED)
        return "required";
    if (strcmp(key->name, "plugin_dir") == 0) /* differs from build to build */
        return "where the bundled plugins are installed";
    return key->fallback ? key->fallback : "none";
}

/* ---- forms ----------------------------------------------------------------------------------- */

static void text_section(const struct settings_section *s)
{
    printf("\n[%s%s]\n", s->name, s->named ? ":NAME" : "");
}

static void text_key(const struct extproc_key *key)
{
    printf("  %s (", key->name);
    print_type(key);
    printf("; %s%s)\n      %s\n",
           key->flags & EXTPROC_KEY_REQUIRED ? "" : "default: ", fallback_of(key), key->help);
}

static void markdown_section(const struct settings_section *s)
{
    printf("\n### `[%s%s]`\n\n| key | takes | default | |\n|---|---|---|---|\n", s->name,
           s->named ? ":NAME" : "");
}

static void markdown_key(const struct extproc_key *key)
{
    printf("| `%s` | ", key->name);
    print_type(key);
    printf(" | %s | %s |\n", fallback_of(key), key->help);
}

/* A leading dot or apostrophe would be a request, a backslash an escape, and a minus a hyphen. */
static void man_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

static void man_section(const struct settings_section *s)
{
    printf(".SS [%s%s]\n", s->name, s->named ? ":NAME" : "");
}

static void man_key(const struct extproc_key *key)
{
    printf(".TP\n\\fB%s\\fR (", key->name);
    print_type(key);
    fputs(key->flags & EXTPROC_KEY_REQUIRED ? "; " : "; default: ", stdout);
    man_text(fallback_of(key));
    fputs(")\n", stdout);
    man_text(key->help);
    putchar('\n');
}

static const struct form {
    const char *name;
    void (*section)(const struct settings_section *s);
    void (*key)(const struct extproc_key *key);
} forms[] = {
    {"text", text_section, text_key},
    {"markdown", markdown_section, markdown_key},
    {"man", man_section, man_key},
};

static const struct form *find(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    return NULL;
}

int process_print_keys(const char *name)
{
    const struct form *form = find(name);
    if (!form) {
        process_say("extprocd: unknown form '%s': expected text, markdown or man", name);
        return EXIT_USAGE;
    }
    for (const struct settings_section *s = settings_sections; s->name; s++) {
        form->section(s);
        for (const struct extproc_key *key = s->keys; key->name; key++)
            form->key(key);
    }
    return EXIT_GOOD;
}
