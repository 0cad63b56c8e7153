/* leaver - ends the process, or its thread, where its configuration says; for end-to-end tests.
 *
 *     [plugin:leaver]
 *     file = .../leaver.so
 *     where = request_headers
 *     how = exit
 */
#include <extproc/plugin.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum where { INIT, THREAD, OPEN, REQUEST_HEADERS, CLOSE, FINI };
enum how { EXIT, QUICK_EXIT, PTHREAD_EXIT, ABORT, CHILD, UNDERSCORE_EXIT };

static const struct extproc_key keys[] = {
    {.name = "where",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .choices = "init|thread|open|request_headers|close|fini",
     .fallback = "request_headers",
     .help = "In which callback; thread: in one that the first callback starts."},
    {.name = "how",
     .type = EXTPROC_KEY_TYPE_CHOICE,
     .choices = "exit|quick_exit|pthread_exit|abort|child|_exit",
     .fallback = "exit",
     .help = "child: one that is forked calls exit(), and is waited for."},
    {.name = NULL},
};

struct leaver {
    enum where where;
    enum how how;
};

static int child(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        exit(3);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int end(const struct leaver *l)
{
    switch (l->how) {
    case EXIT:
        exit(0);
    case QUICK_EXIT:
        quick_exit(0);
    case PTHREAD_EXIT:
        pthread_exit(NULL);
    case ABORT:
        abort();
    case CHILD:
        return child();
    case UNDERSCORE_EXIT:
        _exit(0);
    }
    return -1;
}

static void *thread(void *arg)
{
    end(arg);
    return NULL;
}

static int init(struct extproc_instance *instance)
{
    struct leaver *l = extproc_instance_alloc(instance, sizeof *l);
    if (!l)
        return -ENOMEM;
    *l = (struct leaver){(enum where)extproc_conf_int(instance, "where", 0),
                         (enum how)extproc_conf_int(instance, "how", 0)};
    instance->self = l;
    if (l->where == INIT)
        end(l);
    return 0;
}

static void fini(struct extproc_instance *instance)
{
    const struct leaver *l = instance->self;
    if (l->where == FINI)
        end(l);
}

static int on_open(struct extproc_txn *x)
{
    struct leaver *l = x->self;
    pthread_t id;
    if (l->where == OPEN)
        end(l);
    if (l->where == THREAD && pthread_create(&id, NULL, thread, l) == 0)
        pthread_join(id, NULL);
    return 0;
}

static void on_close(struct extproc_txn *x, enum extproc_end why)
{
    const struct leaver *l = x->self;
    if (l->where == CLOSE)
        end(l);
}

static enum extproc_action on_request_headers(struct extproc_txn *x)
{
    const struct leaver *l = x->self;
    int status = l->where == REQUEST_HEADERS ? end(l) : 0;
    return extproc_continue(extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-status"),
                                               extproc_format(x, "%d", status)));
}

const struct extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "leaver",
    .keys = keys,
    .init = init,
    .fini = fini,
    .open = on_open,
    .close = on_close,
    .request_headers = on_request_headers,
};
