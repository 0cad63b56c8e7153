/* policy: the keys of a section that are the operator's, and not the plugin's. */
#include "plugin/policy.h"

#include "base/rows.h"
#include "base/str.h"

const char *policy_action_name(enum policy_action action)
{
    static const char *const names[N_POLICY_ACTIONS] = {
        [POLICY_RESPOND] = "respond",
        [POLICY_CONTINUE] = "continue",
        [POLICY_CLOSE] = "close",
    };
    ROWS(names, N_POLICY_ACTIONS, 3);
    return names[action];
}

void policy_read(const struct keys *keys, struct policy *ret)
{
    *ret = (struct policy){
        .mode = (enum policy_mode)keys_number(keys, "mode"),
        .on_error = (enum policy_action)keys_number(keys, "on_error"),
        .on_error_status = (unsigned)keys_number(keys, "on_error_status"),
        .timeout_ms = (uint64_t)keys_ms(keys, "timeout"),
        .blocking = keys_number(keys, "blocking"),
        .max_body = (size_t)keys_number(keys, "max_body"),
        .on_max_body = (enum policy_action)keys_number(keys, "on_max_body"),
    };
}

/* Where the operator has written a key; NULL: it has its default, which -T writes too. */
static const struct config_entry *entry_of(const struct keys *keys, const char *key)
{
    const struct keys_slot *slot = keys_find(keys, key);
    if (!slot || !slot->n_values || str_eq_c(slot->values[0].text, slot->key->fallback))
        return NULL;
    return slot->values[0].entry;
}

void policy_look(const struct policy *policy, const struct keys *keys,
                 const struct config_section *section, bool must_see, struct config_errors *errors)
{
    const struct config_entry *status = entry_of(keys, "on_error_status");
    const struct config_entry *on_max_body = entry_of(keys, "on_max_body");
    const struct config_entry *blocking = entry_of(keys, "blocking");
    if (blocking && policy->blocking && policy->mode == POLICY_MODE_SHADOW)
        config_say(errors, CONFIG_ERROR, section, blocking,
                   "a plugin in shadow (mode = shadow) cannot run with blocking = yes");
    if (status && policy->on_error != POLICY_RESPOND)
        config_say(errors, CONFIG_WARNING, section, status,
                   "has no effect: on_error is %s, not respond",
                   policy_action_name(policy->on_error));
    if (on_max_body && !policy->max_body)
        config_say(errors, CONFIG_WARNING, section, on_max_body,
                   "has no effect without max_body in this section");
    else if (must_see && policy->max_body && policy->on_max_body == POLICY_CONTINUE)
        config_say(errors, CONFIG_WARNING, section, on_max_body,
                   "bodies larger than max_body pass without inspection, although the plugin must "
                   "see every body (respond refuses them)");
}
