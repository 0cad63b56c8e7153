/* The host's own edit, content-length after a changed body, counts in what the proxy takes. */
#include "kit/criterion.h"
#include "kit/pb.h"

#include <errno.h>
#include <stdio.h>

enum { LIMIT = 100 };

/* So many sets and removes, and a longer body, in this order or the other. */
static size_t n_sets, n_removes;
static bool body_first;
static int results[3]; /* of the body, of the last set, of the last remove */

/* Values that the proxy joins do not count as further headers. */
static void edit(struct extproc_txn *x)
{
    for (size_t i = 0; i < n_sets; i++)
        results[1] =
            extproc_header_append(x, EXTPROC_MAP_RESPONSE, EXTPROC_S("via"), EXTPROC_S("v"));
    for (size_t i = 0; i < n_removes; i++)
        results[2] = extproc_header_remove(x, EXTPROC_MAP_RESPONSE, extproc_format(x, "x-%zu", i));
}

static enum extproc_action on_body(struct extproc_txn *x)
{
    if (body_first)
        results[0] = extproc_body_set(x, EXTPROC_S("longer"));
    edit(x);
    if (!body_first)
        results[0] = extproc_body_set(x, EXTPROC_S("longer"));
    return EXTPROC_ACTION_CONTINUE;
}

static const struct extproc_plugin editor = {
    .abi = EXTPROC_ABI, .name = "editor", .response_body = on_body};

/* What the proxy gets of content-length. */
static struct extproc_str length_after(size_t sets, size_t removes, bool first)
{
    struct kit *k = kit_of((struct kit_linked[]){{"editor", &editor}, {0}});
    struct kit_call *c = kit_call(k, &(struct kit_how){.response = BODY_MODE_BUFFERED});
    n_sets = sets;
    n_removes = removes;
    body_first = first;
    results[0] = results[1] = results[2] = 0;
    kit_request(c, ":method: GET\n:path: /", NULL, NULL);
    kit_response(c, ":status: 200\ncontent-length: 3", "abc", NULL);
    kit_expect_going(c);
    const PbHeaderMutation *m = kit_answer(c)->response_body->response->header_mutation;
    cr_expect_leq(m->n_set_headers, LIMIT);
    cr_expect_leq(m->n_remove_headers, LIMIT);
    struct extproc_str length = kit_header(c, EXTPROC_MAP_RESPONSE, "content-length", 0);
    static char copy[8];
    snprintf(copy, sizeof copy, "%.*s", EXTPROC_ARG(length));
    kit_end(c);
    kit_free(k);
    return extproc_str_of(length.ptr ? copy : NULL);
}

Test(limits, content_length_is_set_where_there_is_room)
{
    for (int first = 0; first < 2; first++) {
        cr_expect(str_eq_c(length_after(LIMIT - 1, LIMIT, first), "6"));
        cr_expect(results[0] == 0 && results[1] == 0 && results[2] == 0);
    }
}

Test(limits, a_hundred_sets_and_a_changed_body_take_it_away)
{
    for (int first = 0; first < 2; first++) {
        cr_expect_null(length_after(LIMIT, LIMIT - 1, first).ptr);
        cr_expect(results[0] == 0 && results[1] == 0 && results[2] == 0);
    }
}

Test(limits, the_edit_that_leaves_no_room_for_it_is_refused)
{
    cr_expect(str_eq_c(length_after(LIMIT, LIMIT, false), "3"));
    cr_expect_eq(results[0], -ENOSPC);
    cr_expect_null(length_after(LIMIT, LIMIT, true).ptr);
    cr_expect(results[0] == 0 && results[1] == 0 && results[2] == -ENOSPC);
}
