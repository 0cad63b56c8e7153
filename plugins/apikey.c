/* apikey - lets pass who has a key.
 *
 *     [plugin:programs]
 *     file = apikey.so
 *     keys = /etc/extprocd/keys       ; lines of a name and the SHA-256 of its key, in hexadecimal
 *     header = x-api-key              ; where the key is: a header,
 *     scheme = Bearer                 ; and what comes before it there (header = authorization)
 *     query = api_key                 ; or a parameter of the query, where there is no such header
 *     name_header = x-client          ; the upstream gets the name in it, and never a client's own
 *     strip = no                      ; the upstream gets the key; default: yes, it does not
 *
 *     $ key=$(openssl rand -hex 32)
 *     $ echo "shop $(printf %s "$key" | sha256sum | cut -d' ' -f1)" >> /etc/extprocd/keys
 *
 * Without a key, or with another one, the client gets a 401. The file has hashes, so its readers do
 * not have the keys; a fast hash is enough for keys that are random and long (not for passwords:
 * see basic.c). A key is compared with all of them, in constant time. Two keys may have one name,
 * so that a new one can be handed out before the old one is removed. The file is read again when it
 * has changed (lib/live_file.h).
 *
 * A key in a query is written into logs on its way: prefer a header.
 *
 * Teaches: secrets that are compared; a header and a query parameter that are removed. */
#include "lib/first_word.h"
#include "lib/live_table.h"

#include <extproc/text.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/sha.h>

enum { KEYS_MAX = 4 * 1024 * 1024, KEY_LEN_MAX = 4096 };

static const struct extproc_key keys[] = {
    {.name = "keys",
     .type = EXTPROC_KEY_TYPE_PATH,
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "File of at most 4m with lines: NAME SHA256, of the key, in hexadecimal."},
    {.name = "header", .help = "Request header with the key; default: x-api-key, without query."},
    {.name = "scheme", .help = "What comes before the key in the header, such as Bearer."},
    {.name = "query", .help = "Parameter of the query with the key."},
    {.name = "name_header", .help = "Request header that gets the name of the key."},
    {.name = "strip",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "yes",
     .help = "Remove the key from the request."},
    {.name = NULL},
};

struct apikey {
    struct live_file keys;
    struct extproc_str header, scheme, query, name_header; /* ptr NULL: not configured */
    bool strip;
};

/* ---- the file -------------------------------------------------------------------------------- */

struct entry {
    struct extproc_str name;
    unsigned char hash[SHA256_DIGEST_LENGTH];
};

static bool read_hash(struct extproc_str word, unsigned char hash[SHA256_DIGEST_LENGTH])
{
    bool good = word.len == 2 * SHA256_DIGEST_LENGTH;
    for (size_t i = 0; good && i < SHA256_DIGEST_LENGTH; i++) {
        int high = extproc_hex_digit(word.ptr[2 * i]), low = extproc_hex_digit(word.ptr[2 * i + 1]);
        good = high >= 0 && low >= 0;
        hash[i] = (unsigned char)(high * 16 + low);
    }
    return good;
}

/* NULL, or what is wrong. */
static const char *read_entry(char *text, struct extproc_str line, void *ret_entry)
{
    struct entry *ret = ret_entry;
    ret->name = live_file_word(&line);
    for (size_t i = 0; i < ret->name.len; i++) {
        if (ret->name.ptr[i] <= ' ' || ret->name.ptr[i] >= 0x7f)
            return "a name that is not printable ASCII";
    }
    if (!read_hash(live_file_word(&line), ret->hash))
        return "expected NAME SHA256, in 64 hexadecimal digits";
    return live_file_word(&line).len ? "expected NAME SHA256" : NULL;
}

static void *keys_parse(struct extproc_str text, size_t *ret_line, const char **ret_why)
{
    static const struct live_table_kind kind = {sizeof(struct entry), read_entry, NULL, NULL};
    return live_table_parse(&kind, text, ret_line, ret_why);
}

static const struct live_file_kind keys_kind = {KEYS_MAX, keys_parse, live_table_release};

static void refresh(struct extproc_instance *instance)
{
    struct apikey *self = instance->self;
    live_file_refresh(&self->keys);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The name of a key, in scratch memory; ptr NULL: there is no such key, or out of memory. All are
 * looked at, so that the time does not say which. */
static struct extproc_str name_of(struct extproc_txn *x, struct extproc_str key)
{
    struct apikey *self = x->self;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct extproc_str name = {NULL, 0};
    const struct entry *found = NULL;
    if (!SHA256((const unsigned char *)key.ptr, key.len, hash)) {
        ERR_clear_error(); /* others in this thread look at the queue */
        return name;
    }
    const struct live_table *table = live_file_begin(&self->keys);
    const struct entry *list = table->entries;
    for (size_t i = 0; i < table->n; i++) {
        if (CRYPTO_memcmp(list[i].hash, hash, sizeof hash) == 0)
            found = &list[i];
    }
    if (found)
        name = extproc_format(x, "%.*s", EXTPROC_ARG(found->name));
    live_file_end(&self->keys);
    return name;
}

/* What the header holds; ptr NULL: no key, or several. */
static struct extproc_str key_in_header(struct extproc_txn *x)
{
    const struct apikey *self = x->self;
    struct extproc_str none = {NULL, 0};
    struct extproc_str value = extproc_header_get(x, EXTPROC_MAP_REQUEST, self->header);
    if (extproc_header_nth(x, EXTPROC_MAP_REQUEST, self->header, 1).ptr)
        return none;
    if (!self->scheme.ptr || !value.ptr)
        return value;
    struct extproc_str scheme = extproc_first(value, self->scheme.len);
    struct extproc_str rest = extproc_from(value, self->scheme.len);
    if (!extproc_eq_nocase(scheme, self->scheme) || !rest.len || rest.ptr[0] != ' ')
        return none;
    return extproc_trim(rest);
}

static struct extproc_str key_of(struct extproc_txn *x)
{
    const struct apikey *self = x->self;
    struct extproc_str key = {NULL, 0};
    if (self->header.ptr)
        key = key_in_header(x);
    if (!key.ptr && self->query.ptr)
        key = extproc_query(x, self->query);
    return key;
}

/* The path without the parameter, however often it is there. */
static int strip_query(struct extproc_txn *x)
{
    const struct apikey *self = x->self;
    struct extproc_str rest = extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path"));
    char *out = extproc_scratch(x, rest.len + 1), *to = out;
    struct extproc_str part, name;
    char separator = '?';
    if (!out || !extproc_split(&rest, '?', &part))
        return out ? 0 : -ENOMEM;
    memcpy(to, part.ptr, part.len);
    to += part.len;
    while (extproc_split(&rest, '&', &part)) {
        struct extproc_str value = part;
        extproc_split(&value, '=', &name);
        if (extproc_eq(extproc_form_decode(x, name), self->query))
            continue;
        *to++ = separator;
        separator = '&';
        memcpy(to, part.ptr, part.len);
        to += part.len;
    }
    return extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S(":path"),
                              (struct extproc_str){out, (size_t)(to - out)});
}

static enum extproc_action pass(struct extproc_txn *x, struct extproc_str name)
{
    const struct apikey *self = x->self;
    int r = 0;
    if (self->strip && self->header.ptr)
        r = extproc_header_remove(x, EXTPROC_MAP_REQUEST, self->header);
    if (r == 0 && self->strip && self->query.ptr && extproc_query(x, self->query).ptr)
        r = strip_query(x);
    if (r == 0 && self->name_header.ptr)
        r = extproc_header_set(x, EXTPROC_MAP_REQUEST, self->name_header, name);
    return extproc_continue(r);
}

static enum extproc_action refuse(struct extproc_txn *x)
{
    return extproc_reply(x, .status = 401, .body = EXTPROC_S("A valid key is required.\n"));
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    struct extproc_str key = key_of(x), name = {NULL, 0};
    if (key.len && key.len <= KEY_LEN_MAX)
        name = name_of(x, key);
    return name.ptr ? pass(x, name) : refuse(x);
}

/* The proxy skips the headers, so no key is shown. */
static enum extproc_action on_later(struct extproc_txn *x)
{
    return refuse(x);
}

/* ---- configuration --------------------------------------------------------------------------- */

static int read_header(struct extproc_instance *instance, const char *key, enum extproc_edit op,
                       struct extproc_str *ret)
{
    struct extproc_str none = {NULL, 0};
    if (!extproc_conf_count(instance, key))
        return 0;
    *ret = extproc_conf(instance, key, 0);
    return extproc_conf_edit(instance, key, 0, EXTPROC_MAP_REQUEST, op, *ret, none);
}

static int read_places(struct extproc_instance *instance, struct apikey *self)
{
    int header = read_header(instance, "header", EXTPROC_EDIT_REMOVE, &self->header);
    int name = read_header(instance, "name_header", EXTPROC_EDIT_SET, &self->name_header);
    self->query = extproc_conf(instance, "query", 0);
    self->scheme = extproc_conf(instance, "scheme", 0);
    if (!self->header.ptr && !self->query.ptr)
        self->header = EXTPROC_S("x-api-key");
    if (self->scheme.ptr && !self->header.ptr)
        return extproc_conf_refuse(instance, "scheme", 0, "has no effect without header");
    if (self->header.ptr && self->name_header.ptr &&
        extproc_eq_nocase(self->header, self->name_header))
        return extproc_conf_refuse(instance, "name_header", 0, "is the header of the key");
    return header < 0 ? header : name;
}

static void fini(struct extproc_instance *instance)
{
    struct apikey *self = instance->self;
    live_file_fini(&self->keys);
}

static int init(struct extproc_instance *instance)
{
    struct apikey *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->strip = extproc_conf_int(instance, "strip", 0);
    int file = live_file_open(&self->keys, instance, "keys", &keys_kind, refresh);
    int r = read_places(instance, self);
    r = file < 0 ? file : r;
    if (r == 0)
        r = first_word_take_part(instance);
    if (r < 0) /* then fini() is not called */
        fini(instance);
    return r;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "apikey",
    .version = "1.0",
    .summary = "Lets pass who has a key.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .fini = fini,
    .request_headers = on_request,
    .request_body = on_later,
    .request_trailers = on_later,
};
