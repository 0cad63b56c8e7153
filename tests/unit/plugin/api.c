#include "plugin/api/api.h"

#include "plugin/api/guard.h"

#include <criterion/criterion.h>

Test(api, says_its_version_and_size)
{
    cr_expect_eq(plugin_api.size, sizeof(struct extproc_api));
    cr_expect_eq(plugin_api.major, EXTPROC_ABI_MAJOR);
    cr_expect_eq(plugin_api.minor, EXTPROC_ABI_MINOR);
}

static void expect_filled(const struct extproc_api *api)
{
    typedef void slot_fn(void);
    const size_t first = offsetof(struct extproc_api, conf_count);

    for (size_t at = first; at < sizeof *api; at += sizeof(slot_fn *)) {
        slot_fn *slot;
        memcpy(&slot, (const char *)api + at, sizeof slot);
        cr_expect(slot, "slot %zu is empty", (at - first) / sizeof slot);
    }
}

Test(api, every_slot_is_filled)
{
    expect_filled(&plugin_api);
    expect_filled(&plugin_api_guarded);
}
