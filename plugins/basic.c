/* basic - asks for a name and a password (HTTP Basic, RFC 7617).
 *
 *     [plugin:people]
 *     file = basic.so
 *     users = /etc/extprocd/users     ; lines of name:hash, as htpasswd -B writes them
 *     realm = Staff only              ; shown by browsers
 *     user_header = x-user            ; the upstream gets the name in it, and never a client's own
 *     strip = yes                     ; the upstream does not get the password; default: no
 *     timeout = 1s                    ; of the host: a hash takes time, see below
 *
 * Hashes are those of crypt(5) that are slow by design: bcrypt ($2y$, `htpasswd -B`), SHA-512 and
 * SHA-256 ($6$, $5$, `openssl passwd -6`), yescrypt ($y$, `mkpasswd`). Others are refused when the
 * file is read: a fast one can be guessed by each reader of the file. The file is read again when
 * it has changed (lib/live_file.h).
 *
 * A hash takes tens of milliseconds on the CPU, so it is made in one of the service's threads
 * (pool_threads), and `timeout` has to allow for it. A password that was right is remembered for a
 * minute, as an HMAC under a key that only this process has, so that not each request of a page
 * costs a hash. A name that does not exist takes as long as a wrong password, and what is compared
 * is compared in constant time. More requests than the threads can take are failures of the plugin
 * (on_error), as a password that is not checked in time is.
 *
 * Basic sends the password with each request: use it over TLS only.
 *
 * Teaches: work that costs CPU; secrets that are compared, remembered and wiped; a request header
 * that clients must not set; an answer where the proxy skips the headers. */
#include "lib/first_word.h"
#include "lib/live_table.h"

#include <extproc/text.h>

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <time.h>

enum {
    USERS_MAX = 16 * 1024 * 1024, /* bytes of the file */
    CREDENTIALS_MAX = 512,        /* bytes of name:password */
    DIGEST_SIZE = 32,
    N_SLOTS = 1024, /* passwords that are remembered */
    REMEMBER_S = 60
};

static const struct extproc_key keys[] = {
    {.name = "users",
     .type = EXTPROC_KEY_TYPE_PATH,
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "File of at most 16m with lines of name:hash, as htpasswd -B writes them."},
    {.name = "realm", .fallback = "restricted", .help = "What the password is for, in ASCII."},
    {.name = "user_header", .help = "Request header that gets the name."},
    {.name = "strip",
     .type = EXTPROC_KEY_TYPE_BOOL,
     .fallback = "no",
     .help = "Remove the authorization header from the request."},
    {.name = NULL},
};

struct slot {
    unsigned char digest[DIGEST_SIZE];
    int64_t until_s;
};

/* Name, password and hash that belonged together, as digests. */
struct memory {
    pthread_mutex_t lock;
    unsigned char key[DIGEST_SIZE];
    struct slot slots[N_SLOTS];
};

struct basic {
    struct live_file users;
    struct memory memory;
    struct extproc_str challenge, user_header;
    bool strip;
};

/* ---- the file -------------------------------------------------------------------------------- */

struct user {
    struct extproc_str name, hash; /* a NUL follows each */
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct user *)a)->name.ptr, ((const struct user *)b)->name.ptr);
}

/* NULL, or what is wrong. */
static const char *check_hash(struct extproc_str hash)
{
    static const struct {
        struct extproc_str prefix;
        size_t len; /* of what comes after the last $ */
    } known[] = {
        {EXTPROC_STR("$2a$"), 53}, {EXTPROC_STR("$2b$"), 53}, {EXTPROC_STR("$2y$"), 53},
        {EXTPROC_STR("$5$"), 43},  {EXTPROC_STR("$6$"), 86},  {EXTPROC_STR("$y$"), 43},
    };
    const char *last = strrchr(hash.ptr, '$');
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!extproc_has_prefix(hash, known[i].prefix))
            continue;
        int judged = crypt_checksalt(hash.ptr);
        return strlen(last + 1) == known[i].len && judged != CRYPT_SALT_INVALID &&
                       judged != CRYPT_SALT_METHOD_DISABLED
                   ? NULL
                   : "a hash that is not valid";
    }
    return "expected a hash of bcrypt ($2y$), SHA-512 ($6$), SHA-256 ($5$) or yescrypt ($y$)";
}

/* NULL, or what is wrong. */
static const char *read_user(char *text, struct extproc_str line, void *ret_entry)
{
    struct user *ret = ret_entry;
    char *begin = text + (line.ptr - text);
    char *colon = memchr(begin, ':', line.len);
    if (!colon || colon == begin)
        return "expected name:hash";
    begin[line.len] = '\0';
    *colon = '\0';
    *ret = (struct user){extproc_str_of(begin), extproc_str_of(colon + 1)};
    for (size_t i = 0; i < ret->name.len; i++) {
        if (extproc_is_control((unsigned char)begin[i]))
            return "a control character in a name";
    }
    return check_hash(ret->hash);
}

static void *users_parse(struct extproc_str text, size_t *ret_line, const char **ret_why)
{
    static const struct live_table_kind kind = {sizeof(struct user), read_user, compare,
                                                "a name occurs twice"};
    struct live_table *users = live_table_parse(&kind, text, ret_line, ret_why);
    if (!users || users->n > 0)
        return users;
    *ret_why = "no users";
    live_table_release(users);
    return NULL;
}

static const struct live_file_kind users_kind = {USERS_MAX, users_parse, live_table_release};

static void refresh(struct extproc_instance *instance)
{
    struct basic *self = instance->self;
    live_file_refresh(&self->users);
}

/* ---- what is remembered ---------------------------------------------------------------------- */

static int64_t now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static struct slot *slot_of(struct memory *memory, const unsigned char digest[DIGEST_SIZE])
{
    return &memory->slots[(digest[0] | digest[1] << 8) % N_SLOTS];
}

static bool remembers(struct memory *memory, const unsigned char digest[DIGEST_SIZE])
{
    pthread_mutex_lock(&memory->lock);
    const struct slot *slot = slot_of(memory, digest);
    bool known = slot->until_s > now_s() && CRYPTO_memcmp(slot->digest, digest, DIGEST_SIZE) == 0;
    pthread_mutex_unlock(&memory->lock);
    return known;
}

static void remember(struct memory *memory, const unsigned char digest[DIGEST_SIZE])
{
    pthread_mutex_lock(&memory->lock);
    struct slot *slot = slot_of(memory, digest);
    memcpy(slot->digest, digest, DIGEST_SIZE);
    slot->until_s = now_s() + REMEMBER_S;
    pthread_mutex_unlock(&memory->lock);
}

/* ---- an attempt ------------------------------------------------------------------------------ */

/* On the heap, since a thread may work with it after the transaction has ended. */
struct attempt {
    unsigned char digest[DIGEST_SIZE]; /* of all texts */
    bool exists;                       /* the name; if not, the hash is another user's */
    bool right, failed;                /* what came of it */
    size_t name_len, password_len, hash_len;
    char texts[]; /* name, password, hash: a NUL follows each */
};

static const char *password_of(const struct attempt *a)
{
    return a->texts + a->name_len + 1;
}

static const char *hash_of(const struct attempt *a)
{
    return password_of(a) + a->password_len + 1;
}

static size_t texts_size(const struct attempt *a)
{
    return a->name_len + a->password_len + a->hash_len + 3;
}

static void attempt_free(struct attempt *a)
{
    if (a)
        OPENSSL_cleanse(a->texts, texts_size(a));
    free(a);
}

/* In a thread of the service's. Not crypt_r(), which AddressSanitizer replaces by a function that
 * finds no libcrypt where the program has none. */
static void check(void *arg)
{
    struct attempt *a = arg;
    struct crypt_data *data = calloc(1, sizeof *data);
    const char *made = data ? crypt_rn(password_of(a), hash_of(a), data, (int)sizeof *data) : NULL;
    a->failed = !made;
    a->right = made && strlen(made) == a->hash_len &&
               CRYPTO_memcmp(made, hash_of(a), a->hash_len) == 0 && a->exists;
    if (data)
        OPENSSL_cleanse(data, sizeof *data);
    free(data);
}

static void drop(struct extproc_instance *instance, void *arg)
{
    attempt_free(arg);
}

static char *put(char *to, struct extproc_str s)
{
    memcpy(to, s.ptr, s.len);
    to[s.len] = '\0';
    return to + s.len + 1;
}

/* NULL: out of memory. */
static struct attempt *attempt_new(struct basic *self, struct extproc_str name,
                                   struct extproc_str password)
{
    const struct user key = {.name = name};
    const struct live_table *users = live_file_begin(&self->users);
    const struct user *list = users->entries, *user;
    user = bsearch(&key, list, users->n, sizeof *list, compare);
    struct extproc_str hash = user ? user->hash : list[0].hash;
    struct attempt *a = malloc(sizeof *a + name.len + password.len + hash.len + 3);
    if (a) {
        *a = (struct attempt){.exists = user,
                              .name_len = name.len,
                              .password_len = password.len,
                              .hash_len = hash.len};
        put(put(put(a->texts, name), password), hash);
    }
    live_file_end(&self->users);
    unsigned len = 0;
    if (a && !HMAC(EVP_sha256(), self->memory.key, DIGEST_SIZE, (const unsigned char *)a->texts,
                   texts_size(a), a->digest, &len)) {
        ERR_clear_error(); /* others in this thread look at the queue */
        attempt_free(a);
        return NULL;
    }
    return a;
}

/* ---- requests -------------------------------------------------------------------------------- */

static enum extproc_action ask(struct extproc_txn *x)
{
    const struct basic *self = x->self;
    struct extproc_header challenge = {EXTPROC_S("www-authenticate"), self->challenge};
    return extproc_reply(x, .status = 401, .headers = &challenge, .n_headers = 1,
                         .body = EXTPROC_S("A name and a password are required.\n"));
}

static enum extproc_action pass(struct extproc_txn *x, const struct attempt *a)
{
    const struct basic *self = x->self;
    struct extproc_str name = {a->texts, a->name_len};
    int r = 0;
    if (self->user_header.ptr)
        r = extproc_header_set(x, EXTPROC_MAP_REQUEST, self->user_header, name);
    if (r == 0 && self->strip)
        r = extproc_header_remove(x, EXTPROC_MAP_REQUEST, EXTPROC_S("authorization"));
    return extproc_continue(r);
}

/* name:password, decoded, a NUL after it. ptr NULL: absent, or not valid. */
static struct extproc_str credentials(struct extproc_txn *x)
{
    struct extproc_str scheme = EXTPROC_S("basic "), none = {NULL, 0}, decoded;
    struct extproc_str value =
        extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("authorization"));
    if (extproc_header_nth(x, EXTPROC_MAP_REQUEST, EXTPROC_S("authorization"), 1).ptr ||
        value.len > 2 * CREDENTIALS_MAX || value.len < scheme.len ||
        !extproc_eq_nocase(extproc_first(value, scheme.len), scheme))
        return none;
    value = extproc_trim(extproc_from(value, scheme.len));
    char *url = extproc_scratch(x, value.len + 1); /* the other alphabet of base64 */
    for (size_t i = 0; url && i < value.len; i++) {
        char c = value.ptr[i];
        url[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    value.ptr = url;
    decoded = extproc_base64url_decode(x, value);
    if (!decoded.len || decoded.len > CREDENTIALS_MAX || memchr(decoded.ptr, '\0', decoded.len))
        return none;
    return extproc_format(x, "%.*s", EXTPROC_ARG(decoded));
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    struct basic *self = x->self;
    struct extproc_str password = credentials(x), name;
    if (!extproc_split(&password, ':', &name) || !password.ptr)
        return ask(x);
    name = extproc_format(x, "%.*s", EXTPROC_ARG(name)); /* the search wants a NUL */
    struct attempt *a = name.ptr ? attempt_new(self, name, password) : NULL;
    if (!a)
        return EXTPROC_ACTION_FAIL;
    if (remembers(&self->memory, a->digest)) {
        enum extproc_action action = pass(x, a);
        attempt_free(a);
        return action;
    }
    int r = extproc_work(x, check, a, drop);
    if (r < 0) /* then it is still ours */
        attempt_free(a);
    return extproc_waiting(r);
}

static enum extproc_action on_checked(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    struct basic *self = x->self;
    if (why == EXTPROC_WAKE_TIMEOUT) /* a thread still works with it: it goes to drop() */
        return extproc_fail(x, "a password was not checked in time (timeout, pool_threads)");
    struct attempt *a = result;
    bool failed = a->failed;
    enum extproc_action action = EXTPROC_ACTION_FAIL;
    if (a->right) {
        remember(&self->memory, a->digest);
        action = pass(x, a);
    }
    bool right = a->right;
    attempt_free(a);
    if (failed)
        return extproc_fail(x, "crypt() failed");
    return right ? action : ask(x);
}

/* The proxy skips the headers, so no password is shown. */
static enum extproc_action on_later(struct extproc_txn *x)
{
    return ask(x);
}

/* ---- configuration --------------------------------------------------------------------------- */

static int read_realm(struct extproc_instance *instance, struct basic *self)
{
    struct extproc_str realm = extproc_conf(instance, "realm", 0);
    char *text = extproc_instance_alloc(instance, realm.len + 64);
    if (!text)
        return -ENOMEM;
    for (size_t i = 0; i < realm.len; i++) {
        if (realm.ptr[i] < ' ' || realm.ptr[i] >= 0x7f || strchr("\"\\", realm.ptr[i]))
            return extproc_conf_refuse(instance, "realm", 0,
                                       "expected ASCII characters without quotes and backslashes");
    }
    snprintf(text, realm.len + 64, "Basic realm=\"%s\", charset=\"UTF-8\"", realm.ptr);
    self->challenge = extproc_str_of(text);
    return 0;
}

static int read_user_header(struct extproc_instance *instance, struct basic *self)
{
    struct extproc_str none = {NULL, 0};
    if (!extproc_conf_count(instance, "user_header"))
        return 0;
    self->user_header = extproc_conf(instance, "user_header", 0);
    return extproc_conf_edit(instance, "user_header", 0, EXTPROC_MAP_REQUEST, EXTPROC_EDIT_SET,
                             self->user_header, none);
}

static void fini(struct extproc_instance *instance)
{
    struct basic *self = instance->self;
    live_file_fini(&self->users);
    pthread_mutex_destroy(&self->memory.lock);
    OPENSSL_cleanse(&self->memory, sizeof self->memory);
}

static int init(struct extproc_instance *instance)
{
    struct basic *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    pthread_mutex_init(&self->memory.lock, NULL);
    self->strip = extproc_conf_int(instance, "strip", 0);
    int users = live_file_open(&self->users, instance, "users", &users_kind, refresh);
    int realm = read_realm(instance, self), header = read_user_header(instance, self);
    int random = RAND_bytes(self->memory.key, DIGEST_SIZE) == 1 ? 0 : -EIO;
    int r = users < 0 ? users : realm < 0 ? realm : header < 0 ? header : random;
    if (r == 0)
        r = first_word_take_part(instance);
    if (r < 0) /* then fini() is not called */
        fini(instance);
    return r;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "basic",
    .version = "1.0",
    .summary = "Asks for a name and a password.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .fini = fini,
    .request_headers = on_request,
    .request_body = on_later,
    .request_trailers = on_later,
    .resume = on_checked,
};
