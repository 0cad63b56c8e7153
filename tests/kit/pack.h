/* pack: one ProcessingRequest as a proxy sends it, its bytes by protobuf-c. */
#ifndef EXTPROCD_TESTS_KIT_PACK_H
#define EXTPROCD_TESTS_KIT_PACK_H

#include "base/arena.h"
#include "http/mode.h"
#include "http/phase.h"
#include "kit/kit.h"

/* A string in one of the trees that go with a message. */
struct kit_extra {
    enum kit_place place;
    const char *ns, *key, *value;
    const struct kit_extra *next;
};

struct kit_message {
    bool has_phase;
    enum phase phase;
    bool end;
    const char *headers; /* lines "name: value"; of headers and trailers */
    struct extproc_str body;
    bool plain_values; /* header values in `value` */
    bool observing;
    bool has_protocol;
    enum body_mode modes[N_LANES];
    const struct kit_extra *extras;
    struct extproc_str raw; /* ptr not NULL: these bytes, whatever they are */
};

/* Lines "name: value" taken apart; views of the text. */
size_t kit_parse_headers(const char *text, struct arena *arena, struct extproc_header **ret);

struct extproc_str kit_pack(const struct kit_message *m, struct arena *arena);

#endif
