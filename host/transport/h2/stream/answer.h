/* answer: what is said on a stream: heads, messages, statuses, and why there is no call. */
#ifndef EXTPROCD_TRANSPORT_H2_STREAM_ANSWER_H
#define EXTPROCD_TRANSPORT_H2_STREAM_ANSWER_H

#include "transport/h2/stream/call.h"

/* Of a call: its answer's head; that there is something new to send; its status without any answer; its
 * end at once. */
void answer_begin(struct h2_call *call);
void answer_resume(struct h2_call *call);
void answer_status(struct h2_call *call);
void answer_reset(struct h2_call *call, int status);

/* Of a request that is no call. */
void answer_refuse(struct conn *c, int32_t id, int status, struct extproc_str why);
void answer_not_post(struct conn *c, int32_t id);
void answer_not_grpc(struct conn *c, int32_t id);

/* For nghttp2: the bytes that it was promised. */
int answer_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                     size_t length, nghttp2_data_source *source, void *arg);

#endif
