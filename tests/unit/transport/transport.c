#include "transport/transport.h"

#include <criterion/criterion.h>

Test(transport, is_found_by_its_name)
{
    cr_assert_eq(transport_find("grpc"), transport_at(0));
    cr_assert_str_eq(transport_at(0)->name, "grpc");
}

Test(transport, others_are_not_there)
{
    cr_assert_null(transport_find("GRPC"));
    cr_assert_null(transport_find(""));
    cr_assert_null(transport_at(1000));
}
