#include "transport/transport.h"

#include <criterion/criterion.h>

Test(transport, each_is_found_by_its_name)
{
    cr_assert_not_null(transport_at(0));
    for (size_t i = 0; transport_at(i); i++)
        cr_assert_eq(transport_find(transport_at(i)->name), transport_at(i));
}

Test(transport, others_are_not_there)
{
    cr_assert_null(transport_find("GRPC"));
    cr_assert_null(transport_find(""));
    cr_assert_null(transport_at(1000));
}
