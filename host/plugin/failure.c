/* failure: the one table of what can go wrong with an instance. */
#include "plugin/failure.h"

#include "base/rows.h"

enum { STATUS_OF_KEY = 0 };

enum decider { BY_ON_ERROR, BY_ON_MAX_BODY, BY_OVERLOAD, N_DECIDERS };

static const char *const keys[N_DECIDERS] = {"on_error", "on_max_body", "overload"};
ROWS(keys, N_DECIDERS, 3);

static const struct row {
    const char *name;
    unsigned status;
    enum decider decider;
} rows[N_FAILURES] = {
    [FAILURE_OPEN] = {"open", STATUS_OF_KEY, BY_ON_ERROR},
    [FAILURE_CALLBACK] = {"callback", STATUS_OF_KEY, BY_ON_ERROR},
    [FAILURE_NEED] = {"need", STATUS_OF_KEY, BY_ON_ERROR},
    [FAILURE_UNSEEN] = {"unseen", 403, BY_ON_ERROR},
    [FAILURE_RESUME] = {"resume", STATUS_OF_KEY, BY_ON_ERROR},
    [FAILURE_TIMEOUT] = {"timeout", STATUS_OF_KEY, BY_ON_ERROR},
    [FAILURE_OVERLOAD] = {"overload", 503, BY_OVERLOAD},
    [FAILURE_MAX_BODY] = {"max_body", 413, BY_ON_MAX_BODY},
    [FAILURE_MEMORY] = {"memory", STATUS_OF_KEY, BY_ON_ERROR},
    [FAILURE_CONDITION] = {"condition", STATUS_OF_KEY, BY_ON_ERROR},
};
ROWS(rows, N_FAILURES, 10);

struct failure_effect failure_effect(enum failure failure, const struct policy *policy)
{
    const struct row *row = &rows[failure];
    const enum policy_action actions[] = {policy->on_error, policy->on_max_body, policy->overload};
    ROWS(actions, N_DECIDERS, 3);
    bool by_error = row->decider == BY_ON_ERROR, by_size = row->decider == BY_ON_MAX_BODY;
    return (struct failure_effect){
        .action = actions[row->decider],
        .status = row->status == STATUS_OF_KEY ? policy->on_error_status : row->status,
        .key = keys[row->decider],
        .details = by_error ? "error" : row->name,
        .keeps_instance = by_size,
        .level = by_error ? EXTPROC_LEVEL_ERROR : EXTPROC_LEVEL_WARN,
    };
}

const char *failure_name(enum failure failure)
{
    return rows[failure].name;
}
