/* settings: two tables of keys, and what their values mean. */
#include "process/settings.h"

#include "base/str.h"
#include "plugin/generation.h"

#include <grp.h>
#include <stdlib.h>
#include <string.h>

static const struct extproc_key extprocd_keys[] = {
    {.name = "include",
     .flags = EXTPROC_KEY_LIST,
     .help = "Further files, read in name order; relative to this one."},
    {.name = "transport",
     .type = EXTPROC_KEY_CHOICE,
     .fallback = EXTPROCD_TRANSPORT,
     .choices = EXTPROCD_TRANSPORTS,
     .help = "The library behind gRPC: the gRPC core, or (h2) nghttp2."},
    {.name = "plugin_dir",
     .fallback = EXTPROCD_PLUGIN_DIR,
     .help = "Where a plugin's file without a slash is looked for."},
    {.name = "log_level",
     .type = EXTPROC_KEY_CHOICE,
     .fallback = "info",
     .choices = "debug|info|warn|error",
     .help = "Lines below it are dropped."},
    {.name = "log_format",
     .type = EXTPROC_KEY_CHOICE,
     .fallback = "text",
     .choices = "text|json",
     .help = "How a line looks."},
    {.name = "log_file", .help = "Appended to; standard error where it is absent."},
    {.name = "drain",
     .type = EXTPROC_KEY_DURATION,
     .fallback = "30s",
     .help = "What open streams may take after TERM."},
    {.name = NULL},
};

static const struct extproc_key listener_keys[] = {
    {.name = "address",
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "127.0.0.1:50051, [::1]:50051 or unix:/run/extprocd/extprocd.sock."},
    {.name = "socket_mode", .fallback = "0660", .help = "Permissions of a unix socket, octal."},
    {.name = "socket_group", .help = "Group of a unix socket."},
    {.name = "request_body_mode",
     .type = EXTPROC_KEY_CHOICE,
     .fallback = "auto",
     .choices = "auto|NONE|STREAMED|BUFFERED|BUFFERED_PARTIAL|FULL_DUPLEX_STREAMED|GRPC",
     .help = "What the proxy is set to, for proxies that do not tell."},
    {.name = "response_body_mode",
     .type = EXTPROC_KEY_CHOICE,
     .fallback = "auto",
     .choices = "auto|NONE|STREAMED|BUFFERED|BUFFERED_PARTIAL|FULL_DUPLEX_STREAMED|GRPC",
     .help = "What the proxy is set to, for proxies that do not tell."},
    {.name = "max_message",
     .type = EXTPROC_KEY_SIZE,
     .fallback = "16m",
     .min = 1024,
     .max = INT32_MAX,
     .help = "The largest message; a BUFFERED body comes in one."},
    {.name = "max_header_list",
     .type = EXTPROC_KEY_SIZE,
     .fallback = "64k",
     .min = 1024,
     .max = INT32_MAX,
     .help = "The metadata of one gRPC stream."},
    {.name = "max_streams",
     .type = EXTPROC_KEY_INT,
     .fallback = "1024",
     .min = 1,
     .max = INT32_MAX,
     .help = "Open streams of one connection."},
    {.name = NULL},
};

static const struct section_type {
    const char *name;
    const struct extproc_key *keys;
    bool named;
} section_types[] = {
    {"extprocd", extprocd_keys, false},
    {"listener", listener_keys, true},
    {"chain", chain_keys, true},
    {"plugin", instance_keys, true},
};
enum { N_SECTION_TYPES = sizeof section_types / sizeof section_types[0] };

static const struct section_type *find_type(const char *name)
{
    for (size_t i = 0; i < N_SECTION_TYPES; i++)
        if (strcmp(section_types[i].name, name) == 0)
            return &section_types[i];
    return NULL;
}

bool settings_knows(const char *section_type, const char *key, void *arg)
{
    const struct section_type *type = find_type(section_type);

    for (const struct extproc_key *k = type ? type->keys : NULL; k && k->name; k++)
        if (strcmp(k->name, key) == 0)
            return true;
    return false;
}

static void check_section_type(const struct config_section *s, struct config_errors *errors)
{
    const char *known[N_SECTION_TYPES];
    const struct section_type *type = find_type(s->type);
    const char *nearest;

    if (type && type->named && !s->name[0])
        config_say(errors, CONFIG_ERROR, s, NULL, "the section needs a name ([%s:NAME])", s->type);
    else if (type && !type->named && s->name[0])
        config_say(errors, CONFIG_ERROR, s, NULL, "the section takes no name ([%s])", s->type);
    if (type)
        return;
    for (size_t i = 0; i < N_SECTION_TYPES; i++)
        known[i] = section_types[i].name;
    nearest = str_nearest(s->type, known, N_SECTION_TYPES);
    if (nearest)
        config_say(errors, CONFIG_ERROR, s, NULL, "unknown section (did you mean [%s%s]?)", nearest,
                   find_type(nearest)->named ? ":NAME" : "");
    else
        config_say(errors, CONFIG_ERROR, s, NULL,
                   "unknown section (there are [extprocd], [listener:NAME], [chain:NAME] and "
                   "[plugin:NAME])");
}

static bool check_keys(struct config_section *s, const struct extproc_key *keys,
                       struct arena *arena, struct config_errors *errors, struct keys *ret)
{
    struct keys_table table = {keys, sizeof keys[0]};
    bool good = keys_check(s, table, arena, errors, ret);

    keys_unknown(s, &table, 1, errors);
    return good;
}

/* ---- [extprocd] --------------------------------------------------------------------------------- */

static void read_extprocd(struct config_section *s, struct arena *arena,
                          struct config_errors *errors, struct settings *ret)
{
    bool good = check_keys(s, extprocd_keys, arena, errors, &ret->keys);

    ret->plugin_dir = keys_text(&ret->keys, "plugin_dir").ptr; /* plugins are looked at anyway */
    if (!good)
        return;
    ret->log.level = (enum extproc_level)keys_number(&ret->keys, "log_level");
    ret->log.json = keys_number(&ret->keys, "log_format") == 1;
    ret->log.file = keys_text(&ret->keys, "log_file").ptr;
    ret->transport = keys_text(&ret->keys, "transport").ptr;
    ret->drain_ms = (uint64_t)keys_number(&ret->keys, "drain");
}

/* ---- [listener:NAME] ---------------------------------------------------------------------------- */

static const struct config_entry *entry_of(const struct keys *keys, const char *key)
{
    const struct keys_slot *slot = keys_find(keys, key);

    return slot && slot->n_values ? slot->values[0].entry : NULL;
}

static void read_socket(struct listener_settings *l, struct config_errors *errors)
{
    struct extproc_str mode = keys_text(&l->keys, "socket_mode");
    const char *group = keys_text(&l->keys, "socket_group").ptr;
    unsigned long bits = mode.ptr ? strtoul(mode.ptr, NULL, 8) : 0;

    if (mode.ptr &&
        (!mode.len || mode.len > 4 || strspn(mode.ptr, "01234567") != mode.len || bits > 0777))
        config_say(errors, CONFIG_ERROR, l->section, entry_of(&l->keys, "socket_mode"),
                   "'%s' is no permission (octal, as 0660)", mode.ptr);
    l->socket_mode = (mode_t)bits;
    l->socket_group = (gid_t)-1;
    if (group) {
        const struct group *g = getgrnam(group);
        if (g)
            l->socket_group = g->gr_gid;
        else
            config_say(errors, CONFIG_ERROR, l->section, entry_of(&l->keys, "socket_group"),
                       "there is no group '%s' on this machine", group);
    }
}

static enum body_mode read_mode(const struct listener_settings *l, const char *key)
{
    int64_t choice = keys_number(&l->keys, key); /* auto, then the modes in the proto's order */

    return choice == 0 ? BODY_MODE_UNKNOWN : (enum body_mode)(choice - 1);
}

static void read_listener(struct config_section *s, struct arena *arena,
                          struct config_errors *errors, struct listener_settings *ret)
{
    const char *text, *why;

    ret->name = s->name;
    ret->section = s;
    check_keys(s, listener_keys, arena, errors, &ret->keys); /* what is right is looked at anyway */
    text = keys_text(&ret->keys, "address").ptr;
    if (text && !address_parse(text, &ret->address, &why))
        config_say(errors, CONFIG_ERROR, s, entry_of(&ret->keys, "address"),
                   "'%s' is no address (%s)", text, why);
    read_socket(ret, errors);
    ret->modes[LANE_REQUEST] = read_mode(ret, "request_body_mode");
    ret->modes[LANE_RESPONSE] = read_mode(ret, "response_body_mode");
    ret->max_message = (size_t)keys_number(&ret->keys, "max_message");
    ret->max_header_list = (size_t)keys_number(&ret->keys, "max_header_list");
    ret->max_streams = (uint32_t)keys_number(&ret->keys, "max_streams");
}

static void check_addresses(const struct settings *s, struct config_errors *errors)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        for (size_t j = 0; j < i; j++)
            if (s->listeners[i].address.len &&
                address_equal(&s->listeners[i].address, &s->listeners[j].address)) {
                config_say(errors, CONFIG_ERROR, s->listeners[i].section,
                           entry_of(&s->listeners[i].keys, "address"),
                           "[listener:%s] has the same address (line %u)", s->listeners[j].name,
                           s->listeners[j].section->line);
                break;
            }
}

bool settings_read(const struct config *config, struct arena *arena, struct config_errors *errors,
                   struct settings *ret)
{
    size_t before = errors->n_errors;
    struct config_section none = {.type = "extprocd", .name = "", .file = config->file};
    struct config_section *extprocd = config_find(config, "extprocd", "");

    memset(ret, 0, sizeof *ret);
    ret->listeners = arena_zalloc(arena, (config->n_sections + 1) * sizeof *ret->listeners);
    if (!ret->listeners) {
        config_say_at(errors, config->file, 0, "out of memory");
        return false;
    }
    for (size_t i = 0; i < config->n_sections; i++) {
        struct config_section *s = &config->sections[i];
        check_section_type(s, errors);
        if (strcmp(s->type, "listener") == 0 && s->name[0])
            read_listener(s, arena, errors, &ret->listeners[ret->n_listeners++]);
    }
    read_extprocd(extprocd ? extprocd : &none, arena, errors, ret);
    check_addresses(ret, errors);
    if (ret->n_listeners == 0 && (config->n_sections > 0 || errors->n_errors == 0))
        config_say_at(errors, config->file, 0,
                      "no [listener:NAME] section (one with address = 127.0.0.1:50051)");
    return errors->n_errors == before;
}
