/* waker: wakes a thread that sleeps in a completion queue.
 *
 * gRPC has no descriptor of ours in its poll set and no event that a user can send; but a batch
 * without operations completes immediately, on any call. So there is one call only for this
 * purpose, on a lame channel, which never connects.
 */
#include "transport/grpc/queue/waker.h"

void waker_init(struct waker *w, grpc_completion_queue *cq, void (*done)(void *owner, bool ok),
                void *owner)
{
    w->tag = (struct tag){done, owner};
    w->lame = grpc_lame_client_channel_create("wake", GRPC_STATUS_UNAVAILABLE, "");
    w->call = grpc_channel_create_call(w->lame, NULL, GRPC_PROPAGATE_DEFAULTS, cq,
                                       grpc_slice_from_static_string("/wake"), NULL,
                                       gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

void waker_fini(struct waker *w)
{
    grpc_call_unref(w->call);
    grpc_channel_destroy(w->lame);
}

void waker_wake(struct waker *w)
{
    grpc_call_start_batch(w->call, NULL, 0, &w->tag, NULL);
}
