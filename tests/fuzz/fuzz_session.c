/* fuzz_session: messages in any order -> a stream with bundled plugins.
 *
 * The first bytes say how the proxy is set up, and each further one is a message: its kind, its
 * direction, whether it is the last of it, and which texts it has. What holds for every message is
 * checked by the kit: one answer of its own kind for each that is owed one, bytes that are given
 * back exactly once, nothing after the end of a stream. What a proxy makes of the answers is the
 * kit's model, which aborts at an answer that a proxy would ignore.
 */
#include "kit/kit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct extproc_plugin plugin_body, plugin_headers, plugin_json, plugin_respond,
    plugin_upper;

/* ---- what is chosen by a byte ---------------------------------------------------------------- */

struct input {
    const uint8_t *at, *end;
};

static unsigned next(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static struct extproc_str next_bytes(struct input *in)
{
    size_t len = next(in), left = (size_t)(in->end - in->at);
    struct extproc_str bytes = {(const char *)in->at, len < left ? len : left};
    in->at += bytes.len;
    return bytes;
}

#define PICK(table, byte) (table)[(byte) % (sizeof(table) / sizeof *(table))]

static const struct kit_linked chains[][4] = {
    {{"edit", &plugin_headers}, {"text", &plugin_body}, {"loud", &plugin_upper}},
    {{"loud", &plugin_upper}, {"text", &plugin_body}},
    {{"edit", &plugin_headers}, {"answer", &plugin_respond}},
    {{"text", &plugin_body}, {"late", &plugin_respond}},
    {{"words", &plugin_body}, {"edit", &plugin_headers}},
    {{"tree", &plugin_json}, {"words", &plugin_body}},
};
static const char ini[] = "[plugin:edit]\n"
                          "request.set = x-a: %REQ(x-b:-none)%\n"
                          "request.append = x-b: 2\n"
                          "request.remove = x-c\n"
                          "response.add = x-a: %STATUS%\n"
                          "response_trailers.set = x-t: 1\n"
                          "[plugin:text]\n"
                          "request.prepend = <%REQ(:method)%>\n"
                          "response.append = <end>\n"
                          "response.replace = new\n"
                          "[plugin:words]\n"
                          "request.sub = s/\\ba+b*/<$0>/g\n"
                          "request.sub = s/>\\s*</,/\n"
                          "response.sub = s/(?<=a)(.)\\1/$1/gi\n"
                          "[plugin:tree]\n"
                          "request.field_to_header = a -> x-a\n"
                          "request.set = a.b: 1\n"
                          "request.remove = *.c\n"
                          "response.mask = a.*\n"
                          "[plugin:answer]\n"
                          "status = 403\n"
                          "body = no\n"
                          "[plugin:late]\n"
                          "phase = response\n"
                          "status = 204\n";

static const char *const heads[N_LANES][6] = {
    {
        ":method: GET\n:path: /\n:authority: a\n:scheme: https",
        ":method: POST\n:path: /\ncontent-length: 3\nx-b: 1\nx-c: 2\nx-c: 3",
        ":method: HEAD\n:path: /",
        ":method: CONNECT\n:authority: a:443",
        ":method: GET\n:path: /\nconnection: upgrade\nupgrade: websocket",
        ":method: POST\n:path: /\ncontent-encoding: gzip\ncontent-type: application/grpc",
    },
    {
        ":status: 200",
        ":status: 200\ncontent-length: 3\netag: \"1\"",
        ":status: 204",
        ":status: 304\ncontent-length: 7",
        ":status: 101\nconnection: upgrade\nupgrade: websocket",
        ":status: 200\ncontent-encoding: gzip\nx-a: 1",
    },
};
static const char *const trailers[] = {"grpc-status: 0", "x-t: 0\nx-t: 1", "x-u:"};
static const enum body_mode modes[] = {BODY_MODE_NONE, BODY_MODE_STREAMED, BODY_MODE_BUFFERED,
                                       BODY_MODE_GRPC, BODY_MODE_BUFFERED_PARTIAL};

/* ---- one stream ------------------------------------------------------------------------------ */

/* Does the host know how the proxy sends bodies? */
static bool is_said(const struct kit_how *how)
{
    return how->listener_says || !(how->unsaid || how->observing);
}

/* A proxy that does not say its mode keeps to it nevertheless: the host believes what comes first.
 * In BUFFERED that is the end, because one that trailers follow looks like a chunk. */
static void send_body(struct kit_call *c, enum lane lane, struct extproc_str bytes, bool end)
{
    const struct kit_how *how = kit_how(c);
    enum body_mode mode = lane == LANE_REQUEST ? how->request : how->response;
    if (is_said(how) || mode == BODY_MODE_STREAMED)
        kit_body_bytes(c, lane, bytes, end);
    else if (mode == BODY_MODE_BUFFERED)
        kit_body_bytes(c, lane, bytes, true);
}

static void send(struct kit_call *c, struct input *in)
{
    unsigned what = next(in);
    enum lane lane = what >> 3 & 1 ? LANE_RESPONSE : LANE_REQUEST;
    bool end = what >> 4 & 1;
    switch (what & 7) {
    case 0:
    case 1:
        kit_headers(c, lane, PICK(heads[lane], what >> 5), end);
        break;
    case 2:
    case 3:
    case 4:
        send_body(c, lane, next_bytes(in), end);
        break;
    case 5:
        kit_trailers(c, lane, PICK(trailers, what >> 5));
        break;
    case 6:
        kit_nothing(c);
        break;
    case 7:
        if (end)
            kit_use_plain_values(c);
        if (what >> 5 & 1)
            kit_with(c, KIT_METADATA, "auth", "user", "me");
        else
            kit_with(c, KIT_ATTRIBUTES, NULL, "request.path", "/a");
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    unsigned set = next(&in), flags = next(&in);
    struct kit_how how = {
        .request = PICK(modes, set & 15),
        .response = PICK(modes, set >> 4),
        .unsaid = flags >> 2 & 1,
        .listener_says = flags >> 3 & 1,
        .observing = flags >> 4 & 1,
        .piece_len = flags >> 5,
    };
    unsigned chain = (flags & 3) | ((set & 15) >= 10 ? 4 : 0); /* the modes begin again at 10 */
    struct kit *k = kit_new(&(struct kit_options){.ini = ini, .linked = PICK(chains, chain)});
    struct kit_call *c = kit_call(k, &how);
    while (in.at < in.end)
        send(c, &in);
    switch (size % 3) {
    case 0:
        kit_end(c);
        break;
    case 1:
        kit_reset(c);
        break;
    case 2:
        kit_stop(c);
        break;
    }
    kit_free(k);
    return 0;
}
