/* api: the table that every handle points to: one constant object, every slot filled.
 *
 * The SDK header says what a function does; this file only says which function of the host does it.
 * The slots are named, so that the compiler finds a signature that differs; a test checks that none
 * is missing.
 */
#include "plugin/api/api.h"

#include "plugin/wait/wait.h"

const struct extproc_api plugin_api = {
    .size = sizeof(struct extproc_api),
    .major = EXTPROC_ABI_MAJOR,
    .minor = EXTPROC_ABI_MINOR,

    .conf_count = api_conf_count,
    .conf_str = api_conf_str,
    .conf_int = api_conf_int,
    .conf_float = api_conf_float,
    .conf_template = api_conf_template,
    .conf_vrefuse = api_conf_vrefuse,
    .conf_refuse = api_conf_refuse,
    .check_edit = api_check_edit,
    .conf_edit = api_conf_edit,
    .interest = api_interest,
    .fallback = api_fallback,
    .want_attribute = api_want_attribute,
    .want_metadata = api_want_metadata,
    .read_file = api_read_file,
    .file = api_file,
    .instance_alloc = api_instance_alloc,
    .metric = api_metric,

    .header = api_header,
    .header_at = api_header_at,
    .map_state = api_map_state,
    .edit = api_edit,
    .remove_prefix = api_remove_prefix,
    .body = api_body,
    .body_set = api_body_set,
    .body_form = api_body_form,
    .body_changes = api_body_changes,
    .attribute = api_attribute,
    .metadata = api_metadata,
    .value_at = api_value_at,
    .value_get = api_value_get,
    .list = api_list,
    .dict = api_dict,
    .metadata_set = api_metadata_set,

    .clear_route = api_clear_route,
    .respond = api_respond,
    .skip = api_skip,
    .vfail = api_vfail,
    .fail = api_fail,
    .why = api_why,

    .alloc = api_alloc,
    .scratch = api_scratch,
    .vformat = api_vformat,
    .expand = api_expand,
    .vlog = api_vlog,
    .log = api_log,
    .metric_add = api_metric_add,
    .file_append = api_file_append,

    .defer = api_defer,
    .on_cancel = wait_on_cancel,
    .resume = wait_resume,
    .after = api_after,
    .work = api_work,
    .every = api_every,

    .hold = api_hold,
};
