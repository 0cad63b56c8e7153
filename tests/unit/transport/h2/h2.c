/* An end that loses nothing: whatever a client sends until it has seen the last GOAWAY is answered,
 * or named as not answered. */
#include "unit/transport/h2/peer.h"

enum { N_PEERS = 4 };

static struct rig rig = {.name = "h2"};

/* One that opens streams as fast as it can, and counts. */
struct load {
    struct peer peer;
    pthread_t thread;
    int32_t last_id; /* that it has opened */
    int32_t allowed; /* by the last GOAWAY; 0: there came none */
    bool said;       /* by the first */
    unsigned n_answered;
};

static void load_open(struct load *l)
{
    uint8_t bytes[1024], *p = bytes, block[512], message[16];
    l->last_id += l->last_id ? 2 : 1;
    size_t len = peer_put_request(block, (struct peer_request){0});
    p += peer_put_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, l->last_id, block, len);
    len = peer_put_message(message, "1");
    p += peer_put_frame(p, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, l->last_id, message, len);
    peer_send(&l->peer, bytes, (size_t)(p - bytes));
}

static void load_goaway(struct load *l, const struct peer_frame *f)
{
    int32_t last = (f->bytes[0] & 0x7f) << 24 | f->bytes[1] << 16 | f->bytes[2] << 8 | f->bytes[3];
    if (last == INT32_MAX)
        l->said = true;
    else
        l->allowed = last;
}

static void *load_main(void *arg)
{
    struct load *l = arg;
    const struct peer_frame *f;
    for (int i = 0; i < 20; i++)
        load_open(l);
    while ((f = peer_read(&l->peer))->type != PEER_EOF) {
        if (f->type == NGHTTP2_GOAWAY)
            load_goaway(l, f);
        if (f->type != NGHTTP2_HEADERS || !(f->flags & NGHTTP2_FLAG_END_STREAM))
            continue;
        l->n_answered++;
        rig_count(&rig, &rig.n_posted, 1);
        if (!l->said)
            load_open(l);
    }
    return NULL;
}

Test(h2, drain_under_load_loses_no_stream)
{
    /* Given clients that open streams all the time, */
    static struct load loads[N_PEERS];
    rig_start(&rig);
    for (int i = 0; i < N_PEERS; i++) {
        peer_connect(&loads[i].peer, rig.target);
        pthread_create(&loads[i].thread, NULL, load_main, &loads[i]);
    }
    rig_wait(&rig, &rig.n_posted, 2000);

    /* when the service drains, */
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    struct timespec deadline = rig_deadline();
    for (int i = 0; i < N_PEERS; i++)
        cr_assert_eq(pthread_timedjoin_np(loads[i].thread, NULL, &deadline), 0);

    /* then every stream that was opened, until the client knew, has its answer. */
    for (int i = 0; i < N_PEERS; i++) {
        cr_assert(loads[i].said);
        cr_assert_eq(loads[i].allowed, loads[i].last_id);
        cr_assert_eq(loads[i].n_answered, (unsigned)(loads[i].last_id + 1) / 2);
        peer_close(&loads[i].peer);
    }
    rig_join(&rig);
}

/* A ping's answer says that the client has seen the first GOAWAY. */
Test(h2, streams_are_accepted_between_the_goaways_and_not_after)
{
    struct peer peer;
    rig_start(&rig);
    peer_connect(&peer, rig.target);
    peer_await(&peer, NGHTTP2_SETTINGS);
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    peer_await(&peer, NGHTTP2_GOAWAY);
    peer_request(&peer, 1, (struct peer_request){0});
    struct peer_frame *f = peer_await(&peer, NGHTTP2_GOAWAY);
    cr_assert(memcmp(f->bytes, "\0\0\0\1\0\0\0\0", 8) == 0);
    peer_request(&peer, 3, (struct peer_request){0});
    peer_say(&peer, 3, "1");
    peer_say(&peer, 1, "2");
    f = peer_await(&peer, NGHTTP2_DATA);
    cr_assert_eq(f->id, 1);
    peer_half_close(&peer, 1);
    peer_expect_field(&peer, 1, "grpc-status: 0");
    peer_await(&peer, PEER_EOF);
    peer_close(&peer);
    rig_join(&rig);
}

/* One that says nothing does not hold up the end. */
Test(h2, a_silent_connection_is_left)
{
    struct peer peer;
    rig_start(&rig);
    peer_connect(&peer, rig.target);
    peer_await(&peer, NGHTTP2_SETTINGS);
    loop_post(&rig.loop, rig_do_drain, NULL, &rig);
    rig_join(&rig);
    peer_close(&peer);
}
