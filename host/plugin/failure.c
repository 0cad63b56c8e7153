/* failure: the one table of what can go wrong with an instance. */
#include "plugin/failure.h"

#include "base/rows.h"

enum { STATUS_OF_KEY = 0 };

static const struct row {
    const char *name;
    unsigned status;
    bool by_max_body; /* on_max_body decides, and not on_error */
} rows[N_FAILURES] = {
    [FAILURE_OPEN] = {"open", STATUS_OF_KEY, false},
    [FAILURE_CALLBACK] = {"callback", STATUS_OF_KEY, false},
    [FAILURE_NEED] = {"need", STATUS_OF_KEY, false},
    [FAILURE_UNSEEN] = {"unseen", 403, false},
    [FAILURE_RESUME] = {"resume", STATUS_OF_KEY, false},
    [FAILURE_TIMEOUT] = {"timeout", STATUS_OF_KEY, false},
    [FAILURE_OVERLOAD] = {"overload", 503, false},
    [FAILURE_MAX_BODY] = {"max_body", 413, true},
    [FAILURE_MEMORY] = {"memory", STATUS_OF_KEY, false},
};
ROWS(rows, N_FAILURES, 9);

struct failure_effect failure_effect(enum failure failure, const struct policy *policy)
{
    const struct row *row = &rows[failure];
    return (struct failure_effect){
        .action = row->by_max_body ? policy->on_max_body : policy->on_error,
        .status = row->status == STATUS_OF_KEY ? policy->on_error_status : row->status,
        .key = row->by_max_body ? "on_max_body" : "on_error",
        .details = row->by_max_body ? "max_body" : "error",
        .keeps_instance = row->by_max_body,
        .level = row->by_max_body ? EXTPROC_LEVEL_WARN : EXTPROC_LEVEL_ERROR,
    };
}

const char *failure_name(enum failure failure)
{
    return rows[failure].name;
}
