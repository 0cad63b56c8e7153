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
/* The table's slots by their number. */
#define SLOT_IS(slot, n) LAST_AT(struct extproc_api, slot, 8 + 8 * (n), 8 + 4 * (n))
SLOT_IS(conf_count, 0);
SLOT_IS(file_append, 46);
