/* introspect - asks a real HTTP server whether a request's token is still valid, as OAuth 2.0 Token
 * Introspection (RFC 7662) does, by a library that blocks.
 *
 *     [plugin:introspect]
 *     file = introspect.so
 *     endpoint = http://127.0.0.1:8080/introspect
 */
#include <extproc/plugin.h>
#include <extproc/text.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static const struct extproc_key keys[] = {
    {.name = "endpoint", .flags = EXTPROC_KEY_REQUIRED, .help = "URL that is asked."},
    {.name = NULL},
};

struct question {
    const char *endpoint;
    bool answered, active;
    char error[CURL_ERROR_SIZE], answer[1024], form[];
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct question *q = arg;
    size_t len = strlen(q->answer), room = sizeof q->answer - 1 - len;
    memcpy(q->answer + len, bytes, n < room ? n : room);
    return n;
}

/* In one of the service's threads. */
static void ask(void *arg)
{
    struct question *q = arg;
    const char *form = q->form;
    CURL *curl = curl_easy_init();
    if (!curl)
        return;
    curl_easy_setopt(curl, CURLOPT_URL, q->endpoint);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, q);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, q->error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 4L);
    q->answered = curl_easy_perform(curl) == CURLE_OK;
    q->active = strstr(q->answer, "\"active\": true");
    curl_easy_cleanup(curl);
}

static void drop(struct extproc_instance *instance, void *arg)
{
    free(arg);
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    struct extproc_str token =
        extproc_header_get(x, EXTPROC_MAP_REQUEST, EXTPROC_S("authorization"));
    struct extproc_str bearer = EXTPROC_S("Bearer ");
    if (!extproc_has_prefix(token, bearer))
        return extproc_reply(x, .status = 401);
    struct extproc_str form =
        extproc_format(x, "token=%.*s", EXTPROC_ARG(extproc_from(token, bearer.len)));
    struct question *q = form.ptr ? calloc(1, sizeof *q + form.len + 1) : NULL;
    if (!q)
        return EXTPROC_ACTION_FAIL;
    q->endpoint = x->self;
    memcpy(q->form, form.ptr, form.len);
    int r = extproc_work(x, ask, q, drop);
    if (r < 0)
        free(q);
    return extproc_waiting(r);
}

static enum extproc_action on_answer(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    if (why == EXTPROC_WAKE_TIMEOUT)
        return extproc_fail(x, "no answer in time");
    struct question *q = result;
    bool answered = q->answered, active = q->active;
    if (!answered)
        extproc_fail(x, "%s", q->error);
    free(q);
    if (!answered)
        return EXTPROC_ACTION_FAIL;
    return active ? EXTPROC_ACTION_CONTINUE : extproc_reply(x, .status = 401);
}

static int init(struct extproc_instance *instance)
{
    instance->self = (void *)(uintptr_t)extproc_conf(instance, "endpoint", 0).ptr;
    return curl_global_init(CURL_GLOBAL_DEFAULT) ? -EIO : 0;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "introspect",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .request_headers = on_request,
    .resume = on_answer,
};
