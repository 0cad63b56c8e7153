#include "transport/transport.h"

#include <criterion/criterion.h>

static char why[TRANSPORT_WHY];

Test(transport, each_is_found_by_its_name)
{
    cr_assert_not_null(transport_name(0));
    for (size_t i = 0; transport_name(i); i++) {
        const struct transport_ops *ops = transport_find(transport_name(i), why);
        cr_assert_not_null(ops, "%s", why);
        cr_assert_str_eq(ops->name, transport_name(i));
        cr_assert_eq(transport_find(transport_name(i), why), ops, "it is opened once");
    }
}

Test(transport, others_are_not_there)
{
    cr_assert_null(transport_find("GRPC", why));
    cr_assert_str_eq(why, "no transport \"GRPC\" in this build");
    cr_assert_null(transport_find("", why));
    cr_assert_null(transport_find("../h2", why));
    cr_assert_null(transport_name(1000));
}
