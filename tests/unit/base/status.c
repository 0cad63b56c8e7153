#include "base/status.h"

#include <criterion/criterion.h>

/* The numbers and names are gRPC's (statuscodes.md): a client reads them. */
Test(status, has_the_numbers_and_names_of_grpc)
{
    static const struct {
        enum status status;
        unsigned number;
        const char *name;
    } known[] = {
        {STATUS_OK, 0, "OK"},
        {STATUS_INVALID_ARGUMENT, 3, "INVALID_ARGUMENT"},
        {STATUS_DEADLINE_EXCEEDED, 4, "DEADLINE_EXCEEDED"},
        {STATUS_NOT_FOUND, 5, "NOT_FOUND"},
        {STATUS_RESOURCE_EXHAUSTED, 8, "RESOURCE_EXHAUSTED"},
        {STATUS_UNIMPLEMENTED, 12, "UNIMPLEMENTED"},
        {STATUS_INTERNAL, 13, "INTERNAL"},
        {STATUS_UNAVAILABLE, 14, "UNAVAILABLE"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_expect_eq((unsigned)known[i].status, known[i].number);
        cr_expect_str_eq(status_name(known[i].status), known[i].name);
    }
}
