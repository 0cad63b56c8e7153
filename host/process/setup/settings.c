/* settings: the kinds of sections that there are, the keys of [extprocd], and what their values
 * mean. */
#include "process/setup/settings.h"

#include "base/log/output.h"
#include "base/lookup.h"
#include "base/str.h"
#include "plugin/generation.h"
#include "process/setup/places.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Each with each other one: at most this many. */
enum { LISTENERS_COMPARED = 64 };

static const struct extproc_key extprocd_keys[] = {
    {.name = "include",
     .flags = EXTPROC_KEY_LIST,
     .help =
         "More files or patterns; paths relative to this file, a pattern in the order of names."},
    {.name = "transport",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = EXTPROCD_TRANSPORT,
     .choices = EXTPROCD_TRANSPORTS,
     .help = "The library for gRPC: h2 is nghttp2, grpc is the gRPC core."},
    {.name = "plugin_dir",
     .fallback = EXTPROCD_PLUGIN_DIR,
     .help = "Directory of plugins whose file has no slash."},
    {.name = "log_level",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "info",
     .choices = "debug|info|warn|error",
     .help = "The lowest level that is logged."},
    {.name = "log_format",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "text",
     .choices = "text|json",
     .help = "The form of a log line."},
    {.name = "log_file", .help = "File that the log is appended to; without it, standard error."},
    {.name = "lame_duck",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "2s",
     .help = "After TERM: health checks return NOT_SERVING while everything is still served."},
    {.name = "drain",
     .type = EXTPROC_KEY_TYPE_DURATION,
     .fallback = "30s",
     .help = "After lame_duck: time for open streams to finish."},
    {.name = "max_held",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "256m",
     .min = "1m",
     .help =
         "Bytes of all messages that are being received, held by plugins or waiting to be sent."},
    {.name = "overload",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .fallback = "respond",
     .choices = "respond|continue",
     .help =
         "When plugins that wait hold more than half of max_held, or 1024 calls wait for the "
         "threads, others may not begin to wait: respond sends a 503, continue goes on without the "
         "plugin."},
    {.name = "pool_threads",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "4",
     .min = "1",
     .max = "256",
     .help = "Threads for plugins' blocking work; they start when there is some."},
    {.name = "max_transaction_memory",
     .type = EXTPROC_KEY_TYPE_SIZE,
     .fallback = "64m",
     .help =
         "Memory of a transaction: its headers, edits, bodies that plugins read or set, and what "
         "they allocate; 0: any amount. Beyond it requests for memory are refused, and the "
         "plugin or the stream fails."},
    {.name = NULL},
};

enum { N_SECTIONS = 4 };

const struct settings_section settings_sections[N_SECTIONS + 1] = {
    {"extprocd", extprocd_keys, false},
    {"listener", listener_keys, true},
    {"chain", chain_keys, true},
    {"plugin", instance_keys, true},
};

static const struct settings_section *find_section(const char *name)
{
    for (size_t i = 0; i < N_SECTIONS; i++)
        if (strcmp(settings_sections[i].name, name) == 0)
            return &settings_sections[i];
    return NULL;
}

bool settings_knows(const char *section_type, const char *key, void *arg)
{
    const struct settings_section *type = find_section(section_type);
    for (const struct extproc_key *k = type ? type->keys : NULL; k && k->name; k++)
        if (keys_takes(k, key))
            return true;
    return false;
}

static void say_unknown_section(const struct config_section *s, struct config_errors *errors)
{
    const char *known[N_SECTIONS];
    for (size_t i = 0; i < N_SECTIONS; i++)
        known[i] = settings_sections[i].name;
    const char *name = str_nearest(s->type, known, N_SECTIONS);
    const struct settings_section *nearest = name ? find_section(name) : NULL;
    if (nearest)
        config_say(errors, CONFIG_ERROR, s, NULL, "unknown section (did you mean [%s%s]?)",
                   nearest->name, nearest->named ? ":NAME" : "");
    else
        config_say(errors, CONFIG_ERROR, s, NULL,
                   "unknown section: expected [extprocd], [listener:NAME], [chain:NAME] or "
                   "[plugin:NAME]");
}

static void check_section_type(const struct config_section *s, struct config_errors *errors)
{
    const struct settings_section *type = find_section(s->type);
    if (!type)
        say_unknown_section(s, errors);
    else if (type->named && !s->name[0] && !s->refused)
        config_say(errors, CONFIG_ERROR, s, NULL, "missing section name: expected [%s:NAME]",
                   s->type);
    else if (!type->named && s->name[0] && !s->refused)
        config_say(errors, CONFIG_ERROR, s, NULL, "unexpected section name: expected [%s]",
                   s->type);
}

static bool check_keys(struct config_section *s, const struct extproc_key *keys,
                       struct arena *arena, struct config_errors *errors, struct keys *ret)
{
    struct keys_table table = {keys, sizeof keys[0]};
    bool good = keys_check(s, table, arena, errors, ret);
    keys_unknown(s, &table, 1, errors);
    return good;
}

/* ---- [extprocd] ------------------------------------------------------------------------------ */

/* Checked now, while there is a line to name; a file that is not there yet is created when the
 * service starts. */
static void read_log_file(const struct config_section *s, struct arena *arena,
                          struct config_errors *errors, struct settings *ret)
{
    const struct keys_slot *slot = keys_find(&ret->keys, "log_file");
    const struct keys_value *value = slot && slot->n_values ? slot->values : NULL;
    char why[FILE_WHY];
    if (!value)
        return;
    ret->log.file = output_path(arena, value->entry, value->text.ptr);
    ret->log.shown = value->entry->shown.ptr;
    ret->log_entry = value->entry;
    if (output_check(ret->log.file, why) < 0) {
        config_say(errors, CONFIG_ERROR, s, value->entry, "cannot open %s: %s", ret->log.shown,
                   why);
        ret->log.file = NULL;
    }
}

/* Is there a plugin whose file is looked for there? */
static bool needs_plugin_dir(const struct config *config)
{
    for (size_t i = 0; i < config->n_sections; i++) {
        const struct config_section *s = &config->sections[i];
        for (size_t k = 0; strcmp(s->type, "plugin") == 0 && k < s->n_entries; k++) {
            const struct config_entry *entry = &s->entries[k];
            if (strcmp(entry->key, "file") == 0 && entry->value.ptr &&
                !strchr(entry->value.ptr, '/'))
                return true;
        }
    }
    return false;
}

/* NULL where it could not be read, or may be in a line that could not, so that no plugin is
 * reported as missing in another directory. */
static void read_plugin_dir(const struct config *config, const struct config_section *s,
                            struct settings *ret, struct arena *arena, struct config_errors *errors)
{
    struct stat st;
    const struct keys_slot *slot = keys_find(&ret->keys, "plugin_dir");
    struct keys_value *value = slot && slot->n_values ? slot->values : NULL;
    char room[PATH_MAX];
    if (s->incomplete && !(value && value->entry))
        return;
    if (value && !value->entry) { /* -T prints it too */
        struct extproc_str found = arena_format(arena, "%s", places_plugin_dir(room));
        value->text = found.ptr ? found : value->text;
    }
    ret->plugin_dir = value ? config_path(arena, value->entry, value->text.ptr) : NULL;
    ret->plugin_dir_shown = value && value->entry ? value->entry->shown.ptr : ret->plugin_dir;
    if (!ret->plugin_dir || !value->entry || !needs_plugin_dir(config))
        return;
    int error = stat(ret->plugin_dir, &st) < 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
    if (error) {
        config_say(errors, CONFIG_ERROR, s, value->entry, "%s: %s", ret->plugin_dir_shown,
                   strerror(error));
        ret->plugin_dir = NULL;
    }
}

static void read_extprocd(const struct config *config, struct config_section *s,
                          struct arena *arena, struct config_errors *errors, struct settings *ret)
{
    bool good = check_keys(s, extprocd_keys, arena, errors, &ret->keys);
    read_plugin_dir(config, s, ret, arena, errors);
    if (!good)
        return;
    ret->log.level = (enum extproc_level)keys_number(&ret->keys, "log_level");
    ret->log.json = keys_number(&ret->keys, "log_format") == 1;
    read_log_file(s, arena, errors, ret);
    ret->transport = keys_text(&ret->keys, "transport").ptr;
    ret->lame_duck_ms = (uint64_t)keys_ms(&ret->keys, "lame_duck");
    ret->drain_ms = (uint64_t)keys_ms(&ret->keys, "drain");
    ret->max_transaction_memory = (size_t)keys_number(&ret->keys, "max_transaction_memory");
}

/* ---- [listener:NAME] ------------------------------------------------------------------------- */

static struct keys_slot *find_slot(struct keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->n_slots; i++)
        if (strcmp(keys->slots[i].key->name, name) == 0)
            return &keys->slots[i];
    return NULL;
}

/* The process's budget, which only transports with TRANSPORT_OWN_LIMITS have. */
static void read_max_held(struct settings *s, const struct config_section *section,
                          const struct transport_ops *transport, struct config_errors *errors)
{
    struct keys_slot *slot = find_slot(&s->keys, "max_held");
    if (!slot || !slot->n_values)
        return;
    if (transport && !(transport->features & TRANSPORT_OWN_LIMITS)) {
        if (slot->values[0].entry)
            config_say(errors, CONFIG_WARNING, section, slot->values[0].entry,
                       "has no effect: transport = %s has no such limit", transport->name);
        slot->n_values = 0; /* and is not part of the configuration in effect */
        return;
    }
    s->max_held = (size_t)keys_number(&s->keys, "max_held");
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct transport_limits *l = &s->listeners[i].transport.limits;
        bool refused = l->max_queued && l->max_queued < l->max_message; /* which was reported */
        if (l->max_queued > s->max_held)
            l->max_queued = s->max_held;
        if (l->max_message > s->max_held && !refused)
            config_say(errors, CONFIG_WARNING, s->listeners[i].section,
                       listener_entry(&s->listeners[i], "max_message"),
                       "max_message (%zu) exceeds max_held (%zu) of [extprocd]: larger messages "
                       "end their streams",
                       l->max_message, s->max_held);
    }
}

/* Of two sockets on one port the second one cannot be bound, also if the first has every
 * address. */
static void check_covered(const struct settings *s, const struct listener *l,
                          struct config_errors *errors)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *other = &s->listeners[i];
        if (other != l && other->address.len && !other->section->refused &&
            address_is_covered(&l->address, &other->address)) {
            config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "address"),
                       "[listener:%s] at line %u listens on this port of every address",
                       other->transport.name, other->section->line);
            return;
        }
    }
}

static void check_memory(const struct settings *s, struct config_errors *errors)
{
    for (size_t i = 0; s->max_transaction_memory && i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        const struct transport_limits *limits = &l->transport.limits;
        bool refused = limits->max_queued && limits->max_message > limits->max_queued;
        if (!refused && limits->max_message > s->max_transaction_memory)
            config_say(errors, CONFIG_WARNING, l->section, listener_entry(l, "max_message"),
                       "max_message (%zu) exceeds max_transaction_memory (%zu) of [extprocd]: "
                       "plugins cannot read larger bodies",
                       limits->max_message, s->max_transaction_memory);
    }
}

static void check_addresses(const struct settings *s, struct arena *arena,
                            struct config_errors *errors)
{
    struct lookup seen = {0};
    char text[ADDRESS_TEXT];
    size_t first;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        if (!l->address.len || l->section->refused ||
            address_is_any_port(&l->address)) /* two sockets on port 0 are two ports */
            continue;
        address_identify(&l->address, text);
        struct lookup_name name = {.first = arena_copy(arena, extproc_str_of(text))};
        if (lookup_find(&seen, name, &first))
            config_say(errors, CONFIG_ERROR, l->section, listener_entry(l, "address"),
                       "duplicate address: also used by [listener:%s] at line %u",
                       s->listeners[first].transport.name, s->listeners[first].section->line);
        else if (!name.first.ptr || !lookup_add(&seen, arena, name, i))
            config_say(errors, CONFIG_ERROR, l->section, NULL, "out of memory");
        else if (s->n_listeners <= LISTENERS_COMPARED)
            check_covered(s, l, errors);
    }
}

static void find_transport(const struct config *config, struct config_errors *errors,
                           struct settings *s)
{
    char why[TRANSPORT_WHY];
    if (!s->transport) /* which was reported */
        return;
    s->ops = transport_find(s->transport, why);
    if (!s->ops)
        config_say_at(errors, config->file, 0, "%s", why);
}

/* Is there a section that is meant, but has the wrong kind of name, or a misspelt type? That is
 * reported, and is the one mistake. */
static bool is_meant(const struct config *config, const char *type)
{
    for (size_t i = 0; i < config->n_sections; i++)
        if (str_nearest(config->sections[i].type, &type, 1))
            return true;
    return false;
}

bool settings_read(const struct config *config, struct arena *arena, struct config_errors *errors,
                   struct settings *ret)
{
    size_t before = errors->n_errors;
    struct config_section none = {.type = "extprocd", .name = "", .file = config->file};
    struct config_section *extprocd = config_find(config, "extprocd", "");
    none.incomplete = !extprocd && is_meant(config, "extprocd");
    memset(ret, 0, sizeof *ret);
    ret->listeners = arena_zalloc(arena, (config->n_sections + 1) * sizeof *ret->listeners);
    if (!ret->listeners) {
        config_say_at(errors, config->file, 0, "out of memory");
        return false;
    }
    read_extprocd(config, extprocd ? extprocd : &none, arena, errors, ret);
    find_transport(config, errors, ret);
    for (size_t i = 0; i < config->n_sections; i++) {
        struct config_section *s = &config->sections[i];
        check_section_type(s, errors);
        if (strcmp(s->type, "listener") == 0 && s->name[0])
            listener_read(s, ret->ops, arena, errors, &ret->listeners[ret->n_listeners++]);
    }
    ret->pool_threads = (unsigned)keys_number(&ret->keys, "pool_threads");
    ret->max_waiting = (size_t)keys_number(&ret->keys, "max_held") / 2;
    ret->overload = (enum policy_action)keys_number(&ret->keys, "overload");
    read_max_held(ret, extprocd ? extprocd : &none, ret->ops, errors);
    check_memory(ret, errors);
    check_addresses(ret, arena, errors);
    if (ret->n_listeners == 0 && !is_meant(config, "listener") && before == 0)
        config_say_at(errors, config->file, 0,
                      "missing section [listener:NAME] (add one with address = 127.0.0.1:50051)");
    return errors->n_errors == before;
}
