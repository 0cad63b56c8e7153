/* floors: transactions through the floors between bytes and plugins, without a transport: what
 * floors.sh counts the instructions of.
 *
 *     floors SCENARIO COUNT
 *
 * A transaction is a request of 10 headers and a response of 6, no body and no attributes. One
 * instance is one request.set and one response.set.
 */
#include "kit/kit_private.h"
#include "kit/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char request[] = ":method: GET\n:path: /api/v1/users?id=42\n:scheme: https\n"
                              ":authority: shop.example\nuser-agent: Mozilla/5.0 (X11; Linux)\n"
                              "accept: text/html,application/json\naccept-language: en-GB,en\n"
                              "accept-encoding: gzip, br\nx-request-id: 7f5a2f4e-93c8-4bb5\n"
                              "x-forwarded-for: 10.1.2.3";
static const char response[] = ":status: 200\ncontent-type: application/json\n"
                               "content-length: 1234\ncache-control: no-cache\n"
                               "date: Wed, 25 Nov 2026 12:00:00 GMT\nserver: upstream";

/* ---- the configuration ----------------------------------------------------------------------- */

struct scenario {
    const char *name;
    const char *file;
    unsigned n_instances, n_sets; /* sets of each instance and direction */
};
static const struct scenario scenarios[] = {
    {"none", NULL, 0, 0},         {"noop", "noop.so", 1, 0},       {"one", "headers.so", 1, 1},
    {"five", "headers.so", 5, 1}, {"sets20", "headers.so", 1, 20}, {"sets80", "headers.so", 1, 80},
};
enum { N_SCENARIOS = sizeof scenarios / sizeof *scenarios };

static const struct scenario *find(const char *name)
{
    for (size_t i = 0; i < N_SCENARIOS; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

static char *ini_of(const struct scenario *s)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 0; i < s->n_instances; i++)
        fprintf(out, i == 0 ? "[chain:c]\nplugins = p%u" : ", p%u", i);
    fputc('\n', out);
    for (unsigned i = 0; i < s->n_instances; i++) {
        fprintf(out, "[plugin:p%u]\nfile = %s\n", i, s->file);
        for (unsigned j = 0; j < s->n_sets; j++)
            fprintf(out, "request.set = x-q%u-%u: value %u\nresponse.set = x-p%u-%u: value %u\n", i,
                    j, j, i, j, j);
    }
    fclose(out);
    return text;
}

/* ---- a transport that throws away ------------------------------------------------------------ */

static unsigned n_answers;

static uint8_t *reserve(void *call, size_t len)
{
    static uint8_t buffer[256 * 1024];
    return len <= sizeof buffer ? buffer : NULL;
}

static void sent(void *call)
{
    n_answers++;
}

static void finished(void *call, enum status status, struct extproc_str message)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%.*s\n", EXTPROC_ARG(message));
        abort();
    }
}

static const struct stream_out out = {.reserve = reserve, .send = sent, .finish = finished};

static void transact(struct kit *k, const struct extproc_str *messages, size_t n)
{
    struct stream *s =
        stream_open(&k->session_env, generation_ref(k->generation), &k->coverage, &out, NULL);
    for (size_t i = 0; i < n; i++)
        stream_message(s, &(struct message){.pieces = &messages[i], .n_pieces = 1});
    stream_half_close(s);
    stream_closed(s, EXTPROC_END_DISCONNECTED);
}

int main(int argc, char **argv)
{
    const struct scenario *s = argc == 3 ? find(argv[1]) : NULL;
    unsigned long count = s ? strtoul(argv[2], NULL, 10) : 0;
    struct arena arena;
    if (!count) {
        fputs("usage: floors none|noop|one|five|sets20|sets80 COUNT\n", stderr);
        return 2;
    }
    arena_init(&arena, 4096);
    char *ini = ini_of(s);
    struct kit *k = kit_new(&(struct kit_options){.ini = ini});
    k->session_env.log = k->generation->env.log = NULL; /* a test's log has lines of level debug */
    const struct extproc_str messages[] = {
        kit_pack(&(struct kit_message){.has_phase = true,
                                       .phase = PHASE_REQUEST_HEADERS,
                                       .end = true,
                                       .headers = request,
                                       .has_protocol = true},
                 &arena),
        kit_pack(&(struct kit_message){.has_phase = true,
                                       .phase = PHASE_RESPONSE_HEADERS,
                                       .end = true,
                                       .headers = response},
                 &arena),
    };
    for (unsigned long i = 0; i < count; i++)
        transact(k, messages, sizeof messages / sizeof *messages);
    printf("%u answers\n", n_answers);
    kit_free(k);
    free(ini);
    arena_fini(&arena);
    return 0;
}
