/* Calls, from their first message to their end, with the gRPC core as client. */
#include "unit/transport/client.h"

static struct rig rig;
static struct client client;

static void begin(void)
{
    rig_start(&rig);
    client_connect(&client, rig.target);
}

static void end(void)
{
    client_close(&client);
    rig_end(&rig);
}

static void begin_unix(void)
{
    rig.unix_socket = true;
    begin();
}

static void begin_deaf(void)
{
    rig.deaf = true;
    begin();
}

static void begin_queued(void)
{
    rig.listener.limits.max_queued = 65536;
    begin();
}

TestSuite(call_queued, .init = begin_queued, .fini = end);
TestSuite(call, .init = begin, .fini = end);
TestSuite(call_unix, .init = begin_unix, .fini = end);
TestSuite(call_deaf, .init = begin_deaf, .fini = end);

Test(call, one_answer_for_each_message)
{
    struct client_call c;
    client_open(&c, &client);
    for (int i = 0; i < 100; i++) {
        cr_assert(client_say(&c, "1 and only"));
        client_expect(&c, "1 and only");
    }
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
    cr_assert_eq(rig.n_half_close, 1);
}

Test(call_unix, works_the_same)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "2 over unix"));
    client_expect(&c, "2 over unix");
    client_expect(&c, "2 over unix");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

Test(call, any_number_of_answers_in_order)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "9 first"));
    cr_assert(client_say(&c, "0 nothing"));
    cr_assert(client_say(&c, "3 third"));
    for (int i = 0; i < 9; i++)
        client_expect(&c, "9 first");
    for (int i = 0; i < 3; i++)
        client_expect(&c, "3 third");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    cr_assert_eq(rig.n_message, 3);
}

/* A transport that has limits of its own ends a call for a longer one: the handler asks first. */
Test(call_queued, a_handler_can_ask_how_long_an_answer_may_be)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "a"));
    client_expect(&c, rig.ops->features & TRANSPORT_OWN_LIMITS ? "65536" : "0");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

Test(call, no_answer_at_all)
{
    struct client_call c;
    client_open(&c, &client);
    for (int i = 0; i < 50; i++)
        cr_assert(client_say(&c, "0 observe"));
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    cr_assert_eq(rig.n_message, 50);
}

Test(call, an_empty_message_is_a_message)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_send(&c, "", 0));
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    cr_assert_eq(rig.n_message, 2);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

Test(call, no_message_at_all)
{
    struct client_call c;
    client_open(&c, &client);
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
    cr_assert_eq(rig.n_message, 0);
}

/* Answers that come without a new message must not wait for one. */
Test(call, late_answers_are_not_held_back)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "l is deferred"));
    cr_assert(client_say(&c, "1 overtakes"));
    char *first, *second;
    size_t len;
    first = client_receive(&c, &len);
    second = client_receive(&c, &len);
    cr_assert(strcmp(first, "later") == 0 || strcmp(second, "later") == 0);
    free(first);
    free(second);
    cr_assert(client_say(&c, "m is unprompted"));
    client_expect(&c, "m is unprompted");
    client_expect(&c, "later");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

/* As when a plugin needs more time: what is owed is not held back until the client speaks again. */
Test(call, an_extra_message_is_followed_by_the_real_answer)
{
    struct client_call c;
    client_open(&c, &client);
    for (int i = 0; i < 3; i++) {
        cr_assert(client_say(&c, "x tra"));
        client_expect(&c, "x tra");
        client_expect(&c, "later");
    }
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

enum { KEPT = 32, KEPT_LEN = 1 << 20 };

static void *send_to_be_kept(void *arg)
{
    char *text = malloc(KEPT_LEN);
    memset(text, 'k', KEPT_LEN);
    for (int i = 0; i < KEPT && client_send(arg, text, KEPT_LEN); i++)
        ;
    free(text);
    return NULL;
}

static unsigned n_messages(void)
{
    pthread_mutex_lock(&rig.mutex);
    unsigned n = rig.n_message;
    pthread_mutex_unlock(&rig.mutex);
    return n;
}

/* A neighbour's go on. */
Test(call, messages_that_are_kept_are_bounded)
{
    struct client_call c, other;
    struct client second;
    pthread_t sender;
    client_connect(&second, rig.target);
    client_open(&c, &client);
    client_open(&other, &second);
    pthread_create(&sender, NULL, send_to_be_kept, &c);
    rig_wait(&rig, &rig.n_message, 1);
    for (unsigned i = 0; i < 500; i++) {
        cr_assert(client_say(&other, "1"));
        client_expect(&other, "1");
        cr_assert_leq(n_messages(), i + 1 + 3);
    }
    for (unsigned n = 1; n <= KEPT + 500; n++) {
        loop_post(&rig.loop, rig_release, NULL, &rig);
        rig_wait(&rig, &rig.n_message, n);
    }
    pthread_join(sender, NULL);
    client_reset(&c);
    client_reset(&other);
    client_close(&second);
}

Test(call, messages_that_are_kept_outlive_their_call)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "k"));
    cr_assert(client_say(&c, "k"));
    rig_wait(&rig, &rig.n_message, 2);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
}

Test(call, the_handler_ends_it)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "f"));
    cr_assert_eq(client_status(&c), 7);
    cr_assert_str_eq(c.status_text, "said to");

    client_open(&c, &client);
    cr_assert(client_say(&c, "e with the last answer"));
    client_expect(&c, "e with the last answer");
    cr_assert_eq(client_status(&c), 0);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 2);
}

/* The last answer and the next read are in one batch then, which must not hold up the status; nor
 * must the status overtake an answer that flow control holds back. */
Test(call, the_handler_ends_it_after_its_answer)
{
    static const size_t sizes[] = {10, 8u << 20};
    for (int i = 0; i < 2; i++) {
        struct client_call c;
        char *bytes = calloc(1, sizes[i]);
        bytes[0] = 'F';
        client_open(&c, &client);
        cr_assert(client_send(&c, bytes, sizes[i]));
        free(bytes);
        rig_wait(&rig, &rig.n_message, (unsigned)i + 1);
        size_t len;
        free(client_receive(&c, &len));
        cr_assert_eq(len, sizes[i]);
        cr_assert_eq(client_status(&c), 7);
    }
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 2);
}

Test(call, a_deadline_ends_it)
{
    struct client_call c;
    client_new_call(
        &c, &client, ECHO_PATH,
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(300, GPR_TIMESPAN)));
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    client_batch(&c, &op, 1);
    client_say(&c, "0");
    cr_assert_eq(client_status(&c), GRPC_STATUS_DEADLINE_EXCEEDED);
    /* On a slow machine it may never have come to the handler. */
    cr_assert_eq(rig.n_closed[TRANSPORT_FINISHED], 0);
}

Test(call, what_comes_after_the_end_is_discarded)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "e"));
    for (int i = 0; i < 20; i++)
        client_say(&c, "1 more");
    client_expect(&c, "e");
    cr_assert_eq(client_status(&c), 0);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], 1);
    cr_assert_eq(rig.n_message, 1);
}

Test(call, a_reset_is_distinguished_from_a_half_close)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    cr_assert_eq(rig.n_half_close, 0);
}

Test(call, a_reset_while_the_handler_waits)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "0"));
    rig_wait(&rig, &rig.n_message, 1);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
}

Test(call_deaf, a_reset_after_a_half_close_is_noticed)
{
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_say(&c, "1"));
    client_expect(&c, "1");
    client_half_close(&c);
    rig_wait(&rig, &rig.n_half_close, 1);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
}

Test(call, a_reset_while_answers_are_under_way)
{
    size_t len = 8u << 20;
    char *big = calloc(1, len);
    big[0] = '9';
    struct client_call c;
    client_open(&c, &client);
    cr_assert(client_send(&c, big, len));
    rig_wait(&rig, &rig.n_message, 1);
    client_reset(&c);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 1);
    free(big);
}

Test(call, a_broken_connection_ends_every_call)
{
    struct client_call c[8];
    struct client other;
    client_connect(&other, rig.target);
    for (int i = 0; i < 8; i++) {
        client_open(&c[i], &other);
        cr_assert(client_say(&c[i], "0"));
    }
    rig_wait(&rig, &rig.n_message, 8);
    for (int i = 0; i < 8; i++)
        client_reset(&c[i]);
    client_close(&other);
    rig_wait(&rig, &rig.n_closed[TRANSPORT_RESET], 8);
}

Test(call, big_messages_arrive_complete)
{
    static const size_t sizes[] = {1, 23, 24, 4096, 65535, 1u << 20, 20u << 20};
    struct client_call c;
    client_open(&c, &client);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *bytes = malloc(sizes[i]);
        for (size_t j = 0; j < sizes[i]; j++)
            bytes[j] = (char)(j * j >> 3);
        bytes[0] = 'h';
        uint64_t hash = echo_hash(0, bytes, sizes[i]);
        cr_assert(client_send(&c, bytes, sizes[i]));
        size_t len;
        char *answer = client_receive(&c, &len);
        cr_assert_eq(len, sizeof hash);
        cr_assert(memcmp(answer, &hash, sizeof hash) == 0, "%zu bytes", sizes[i]);
        free(answer);
        bytes[0] = '1';
        cr_assert(client_send(&c, bytes, sizes[i]));
        answer = client_receive(&c, &len);
        cr_assert_eq(len, sizes[i]);
        cr_assert(memcmp(answer, bytes, len) == 0, "%zu bytes", sizes[i]);
        free(answer);
        free(bytes);
    }
    client_half_close(&c);
    cr_assert_eq(client_status(&c), 0);
}

Test(call, many_concurrent_ones)
{
    enum { N = 500 };
    static struct client_call c[N];
    char text[32];
    for (int i = 0; i < N; i++) {
        client_open(&c[i], &client);
        snprintf(text, sizeof text, "2 for call %d", i);
        cr_assert(client_say(&c[i], text));
    }
    for (int i = N - 1; i >= 0; i--) {
        snprintf(text, sizeof text, "2 for call %d", i);
        client_expect(&c[i], text);
        client_expect(&c[i], text);
    }
    rig_wait(&rig, &rig.n_open, N);
    for (int i = 0; i < N; i++) {
        client_half_close(&c[i]);
        cr_assert_eq(client_status(&c[i]), 0);
    }
    rig_wait(&rig, &rig.n_closed[TRANSPORT_FINISHED], N);
}
