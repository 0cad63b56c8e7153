/* layout: where everything in the SDK's structs lies, at both word sizes.
 *
 * A plugin that was built years ago reads these places. A line here may be added, never changed;
 * what grows at its end has its last place asserted, not its size.
 */
#include <extproc/plugin.h>

#define LAST_AT(type, member, at64, at32)                                                          \
    _Static_assert(offsetof(type, member) == (sizeof(void *) == 8 ? (at64) : (at32)),              \
                   #type "." #member " has moved")
#define SIZE_IS(type, size64, size32)                                                              \
    _Static_assert(sizeof(type) == (sizeof(void *) == 8 ? (size64) : (size32)),                    \
                   #type " is no longer what it was")

/* 32-bit machines differ in how they align eight bytes: x86 by four, others by eight. */
struct eight {
    char c;
    uint64_t u;
};
#define EIGHT (offsetof(struct eight, u))

/* Frozen. */
SIZE_IS(struct extproc_str, 16, 8);
SIZE_IS(struct extproc_header, 32, 16);
SIZE_IS(struct extproc_value, 24, EIGHT + 8);
LAST_AT(struct extproc_value, as, 8, EIGHT);
SIZE_IS(struct extproc_field, 40, EIGHT == 8 ? 24 : 20);
SIZE_IS(struct extproc_abi, 16, 16);
SIZE_IS(enum extproc_action, 4, 4);

/* Grow at their end. */
LAST_AT(struct extproc_response, headers, 40, 24);
LAST_AT(struct extproc_response, grpc_status, 56, 32);
LAST_AT(struct extproc_response, release_arg, 72, 40);
LAST_AT(struct extproc_instance, self, 8, 4);
LAST_AT(struct extproc_instance, testing, 16, 8);
LAST_AT(struct extproc_txn, ctx, 24, 12);
LAST_AT(struct extproc_txn, last, 41, 25);
LAST_AT(struct extproc_txn, observing, 42, 26);
LAST_AT(struct extproc_metric, api, 0, 0);
LAST_AT(struct extproc_file, api, 0, 0);
LAST_AT(struct extproc_key, fallback, 16, 12);
LAST_AT(struct extproc_key, help, 32, 20);
LAST_AT(struct extproc_key, max, 48, 28);
LAST_AT(struct extproc_plugin, keys, 40, 28);
LAST_AT(struct extproc_plugin, needs, 48, 32);
LAST_AT(struct extproc_plugin, request_headers, 88, 56);
LAST_AT(struct extproc_plugin, response_trailers, 128, 76);
LAST_AT(struct extproc_plugin, resume, 136, 80);
/* The table: each slot with its number. A later minor appends. */
/* clang-format off */
#define SLOTS(S)                                                                                   \
    S(conf_count, 0) S(conf_str, 1) S(conf_int, 2) S(conf_float, 3) S(conf_template, 4)            \
    S(conf_vrefuse, 5) S(conf_refuse, 6) S(check_edit, 7) S(conf_edit, 8) S(interest, 9)           \
    S(fallback, 10) S(want_attribute, 11) S(want_metadata, 12) S(read_file, 13) S(file, 14)        \
    S(instance_alloc, 15) S(metric, 16) S(header, 17) S(header_at, 18) S(map_state, 19)            \
    S(edit, 20) S(remove_prefix, 21) S(body, 22) S(body_set, 23) S(body_form, 24)                  \
    S(body_changes, 25) S(attribute, 26) S(metadata, 27) S(value_at, 28) S(value_get, 29)          \
    S(list, 30) S(dict, 31) S(metadata_set, 32) S(clear_route, 33) S(respond, 34) S(skip, 35)      \
    S(vfail, 36) S(fail, 37) S(why, 38) S(alloc, 39) S(scratch, 40) S(vformat, 41) S(expand, 42)   \
    S(vlog, 43) S(log, 44) S(metric_add, 45) S(file_append, 46) S(defer, 47) S(on_cancel, 48)      \
    S(resume, 49) S(after, 50) S(work, 51) S(every, 52) S(hold, 53)
/* clang-format on */
#define SLOT_IS(slot, n) LAST_AT(struct extproc_api, slot, 8 + 8 * (n), 8 + 4 * (n));
#define AND_ONE(slot, n) +1
SLOTS(SLOT_IS)
_Static_assert(sizeof(struct extproc_api) == 8 + sizeof(void *) * (0 SLOTS(AND_ONE)),
               "a slot of the table has no number here: append it to SLOTS");
