#include "plugin/failure.h"

#include <criterion/criterion.h>

static const struct policy policy = {.on_error = POLICY_CLOSE,
                                     .on_error_status = 502,
                                     .on_max_body = POLICY_CONTINUE,
                                     .overload = POLICY_RESPOND};

/* For each reason: what its counter says, the status, and which key decides. */
static const struct {
    const char *name;
    unsigned status;
    const char *key;
} expected[N_FAILURES] = {
    [FAILURE_OPEN] = {"open", 502, "on_error"},
    [FAILURE_CALLBACK] = {"callback", 502, "on_error"},
    [FAILURE_NEED] = {"need", 502, "on_error"},
    [FAILURE_UNSEEN] = {"unseen", 403, "on_error"},
    [FAILURE_RESUME] = {"resume", 502, "on_error"},
    [FAILURE_TIMEOUT] = {"timeout", 502, "on_error"},
    [FAILURE_OVERLOAD] = {"overload", 503, "overload"},
    [FAILURE_MAX_BODY] = {"max_body", 413, "on_max_body"},
    [FAILURE_MEMORY] = {"memory", 502, "on_error"},
    [FAILURE_CONDITION] = {"condition", 502, "on_error"},
};

Test(failure, has_a_row_for_each_reason)
{
    for (enum failure f = 0; f < N_FAILURES; f++) {
        struct failure_effect effect = failure_effect(f, &policy);
        bool by_error = strcmp(expected[f].key, "on_error") == 0;
        bool by_size = strcmp(expected[f].key, "on_max_body") == 0;
        enum policy_action other = by_size ? POLICY_CONTINUE : POLICY_RESPOND;
        cr_expect_str_eq(failure_name(f), expected[f].name);
        cr_expect_eq(effect.status, expected[f].status, "%s", expected[f].name);
        cr_expect_str_eq(effect.key, expected[f].key);
        cr_expect_eq(effect.action, by_error ? POLICY_CLOSE : other);
        cr_expect_eq(effect.level, by_error ? EXTPROC_LEVEL_ERROR : EXTPROC_LEVEL_WARN);
        cr_expect_eq(effect.keeps_instance, by_size);
    }
}
