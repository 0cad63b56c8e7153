/* gate - asks another service whether a request may pass.
 *
 *     [plugin:gate]
 *     file = gate.so
 *     oracle = unix:/run/oracle.sock  ; or 127.0.0.1:7000, or a name in place of the address
 *     question = %METHOD% %PATH% %REQ(x-user:-nobody)%
 *     status = 403                    ; of the answer "no"
 *     timeout = 150ms                 ; of the host, for every plugin: how long to wait
 *     on_error = respond              ; of the host: when there is no answer; or continue, close
 *
 * The oracle gets one line, the question, and answers with one line: yes or no. Anything else, and
 * no answer in time, is a failure of the plugin. A name is resolved when the service starts or
 * reloads its configuration, and not by extprocd -t, so that a configuration can be tested on a
 * machine that does not know the oracle.
 *
 * Teaches: waiting. A callback may not block, so the question is asked in one of the service's own
 * threads (extproc_work()), and resume() goes on with the answer. What the thread works with is on
 * the heap, because it may outlive the transaction: it is freed by resume(), or by drop() where
 * nothing waits for it. */
#include <extproc/plugin.h>
#include <extproc/text.h>

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Then it counts as silent, whatever `timeout` is: a thread must not be taken for longer. */
enum { ORACLE_MS = 4000, PORT_MAX = 65535 };

static const struct extproc_key keys[] = {
    {.name = "oracle",
     .flags = EXTPROC_KEY_REQUIRED,
     .help = "Address of the service that is asked: HOST:PORT or unix:PATH."},
    {.name = "question",
     .fallback = "%METHOD% %PATH%",
     .help = "The line that it gets, a template."},
    {.name = "status",
     .type = EXTPROC_KEY_TYPE_INT,
     .fallback = "403",
     .min = "400",
     .max = "599",
     .help = "HTTP status for a request that may not pass."},
    {.name = NULL},
};

struct oracle {
    struct sockaddr_storage address;
    socklen_t len;
};

struct gate {
    struct oracle oracle;
    struct extproc_template *question;
    uint32_t status;
};

enum verdict { FAILED, YES, NO };

struct question {
    struct oracle oracle;
    enum verdict verdict;
    const char *why; /* it failed: which step, in words */
    int64_t due_ms;  /* of all steps together */
    size_t len;
    char text[]; /* a newline is its last byte */
};

/* ---- in a thread of the service's ------------------------------------------------------------ */

static enum verdict failed(struct question *q, const char *why)
{
    q->why = why;
    return FAILED;
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The next call (SO_SNDTIMEO: connect() too) may take what is left of the time. False: nothing. */
static bool limit(const struct question *q, int fd, int option)
{
    int64_t left = q->due_ms - now_ms();
    const struct timeval limit = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
    return left > 0 && setsockopt(fd, SOL_SOCKET, option, &limit, sizeof limit) == 0;
}

static bool send_question(const struct question *q, int fd)
{
    for (size_t sent = 0; sent < q->len;) {
        ssize_t n =
            limit(q, fd, SO_SNDTIMEO) ? send(fd, q->text + sent, q->len - sent, MSG_NOSIGNAL) : -1;
        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

/* The first line that the oracle sends. */
static enum verdict read_answer(struct question *q, int fd)
{
    char line[8];
    size_t len = 0;
    while (len < sizeof line && !memchr(line, '\n', len)) {
        ssize_t n = limit(q, fd, SO_RCVTIMEO) ? read(fd, line + len, sizeof line - len) : -1;
        if (n <= 0)
            return failed(q, "the oracle has closed the connection, or is silent");
        len += (size_t)n;
    }
    if (len == 4 && memcmp(line, "yes\n", 4) == 0)
        return YES;
    if (len == 3 && memcmp(line, "no\n", 3) == 0)
        return NO;
    return failed(q, "the oracle's answer is neither yes nor no");
}

static enum verdict ask_at(struct question *q, int fd)
{
    if (!limit(q, fd, SO_SNDTIMEO) ||
        connect(fd, (const struct sockaddr *)&q->oracle.address, q->oracle.len))
        return failed(q, "cannot connect to the oracle");
    if (!send_question(q, fd))
        return failed(q, "cannot send to the oracle");
    return read_answer(q, fd);
}

static void ask(void *arg)
{
    struct question *q = arg;
    q->due_ms = now_ms() + ORACLE_MS;
    int fd = socket(q->oracle.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    q->verdict = fd < 0 ? failed(q, "cannot open a socket") : ask_at(q, fd);
    if (fd >= 0)
        close(fd);
}

/* ---- in callbacks ---------------------------------------------------------------------------- */

static void drop(struct extproc_instance *instance, void *arg)
{
    free(arg);
}

static struct question *question_new(const struct gate *self, struct extproc_str text)
{
    struct question *q = text.ptr ? malloc(sizeof *q + text.len + 1) : NULL;
    if (!q)
        return NULL;
    *q = (struct question){.oracle = self->oracle, .len = text.len + 1};
    memcpy(q->text, text.ptr, text.len);
    q->text[text.len] = '\n';
    return q;
}

static enum extproc_action on_request(struct extproc_txn *x)
{
    const struct gate *self = x->self;
    struct question *q = question_new(self, extproc_expand(x, self->question));
    if (!q)
        return EXTPROC_ACTION_FAIL;
    int r = extproc_work(x, ask, q, drop);
    if (r < 0) /* then it is still ours */
        free(q);
    return extproc_waiting(r);
}

static enum extproc_action on_answer(struct extproc_txn *x, enum extproc_wake why, void *result)
{
    const struct gate *self = x->self;
    if (why == EXTPROC_WAKE_TIMEOUT) /* the question is still on its way, and goes to drop() */
        return extproc_fail(x, "the oracle has not answered in time");
    struct question *q = result;
    enum verdict verdict = q->verdict;
    const char *reason = q->why;
    free(q);
    switch (verdict) {
    case YES:
        return EXTPROC_ACTION_CONTINUE;
    case NO:
        return extproc_reply(x, .status = self->status);
    case FAILED:
        break;
    }
    return extproc_fail(x, "%s", reason);
}

/* ---- configuration --------------------------------------------------------------------------- */

static bool unix_address(struct extproc_str path, struct oracle *ret)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&ret->address;
    if (path.len == 0 || path.len >= sizeof address->sun_path)
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path.ptr, path.len);
    ret->len = sizeof *address;
    return true;
}

/* A number: names of services may differ from machine to machine. */
static bool is_port(const char *port)
{
    char *end;
    long number = *port >= '0' && *port <= '9' ? strtol(port, &end, 10) : 0;
    return number > 0 && number <= PORT_MAX && !*end;
}

/* A name is looked up, but by -t, which connects to nothing. */
static int host_address(struct extproc_instance *instance, struct extproc_str host,
                        const char *port, struct oracle *ret)
{
    const struct addrinfo number = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    const struct addrinfo name = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char *text = extproc_instance_alloc(instance, host.len + 1);
    if (!text)
        return -ENOMEM;
    memcpy(text, host.ptr, host.len);
    int r = getaddrinfo(text, port, &number, &found);
    if (r == EAI_NONAME && instance->testing)
        return 0;
    if (r == EAI_NONAME)
        r = getaddrinfo(text, port, &name, &found);
    if (r)
        return extproc_conf_refuse(instance, "oracle", 0, "cannot resolve \"%s\": %s", text,
                                   gai_strerror(r));
    memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
    ret->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int read_oracle(struct extproc_instance *instance, struct oracle *ret)
{
    struct extproc_str text = extproc_conf(instance, "oracle", 0), scheme = EXTPROC_S("unix:");
    const char *colon = strrchr(text.ptr, ':');
    struct extproc_str host = extproc_first(text, colon ? (size_t)(colon - text.ptr) : 0);
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') /* IPv6 */
        host = extproc_first(extproc_from(host, 1), host.len - 2);
    if (extproc_has_prefix(text, scheme) && unix_address(extproc_from(text, scheme.len), ret))
        return 0;
    if (extproc_has_prefix(text, scheme) || !host.len || !is_port(colon + 1))
        return extproc_conf_refuse(instance, "oracle", 0,
                                   "invalid address: expected HOST:PORT, [HOST]:PORT or unix:PATH");
    return host_address(instance, host, colon + 1, ret);
}

static int init(struct extproc_instance *instance)
{
    struct gate *self = extproc_instance_alloc(instance, sizeof *self);
    if (!self)
        return -ENOMEM;
    instance->self = self;
    self->status = (uint32_t)extproc_conf_int(instance, "status", 0);
    self->question = extproc_conf_template(instance, "question", 0);
    int r = read_oracle(instance, &self->oracle);
    return self->question ? r : -EINVAL;
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "gate",
    .version = "1.0",
    .summary = "Asks another service whether a request may pass.",
    .keys = keys,
    .needs = EXTPROC_KEEPS_BODY,
    .init = init,
    .request_headers = on_request,
    .resume = on_answer,
};
