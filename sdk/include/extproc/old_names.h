/* old_names: the names of the SDK as they were before the first release, for sources that were
 * written with them. plugin.h includes it; with EXTPROC_NEW_NAMES defined before, it does not. It
 * goes with the first release: etc/CHANGELOG.md has the same list as a table, with the members that
 * were renamed too. */
#ifndef EXTPROC_OLD_NAMES_H
#define EXTPROC_OLD_NAMES_H

#define extproc_host       extproc_instance
#define extproc_host_log   extproc_instance_log
#define extproc_host_alloc extproc_instance_alloc
#define extproc_set        extproc_header_set
#define extproc_append     extproc_header_append
#define extproc_remove     extproc_header_remove
#define extproc_add        extproc_metric_add
#define extproc_body_give  extproc_body_set_nocopy

#ifndef __cplusplus /* there they would hide what makes a struct or an enum of the same name */
#    define extproc_header(...)    extproc_header_get(__VA_ARGS__)
#    define extproc_edit(...)      extproc_header_edit(__VA_ARGS__)
#    define extproc_map_state(...) extproc_header_state(__VA_ARGS__)
#    define extproc_file(...)      extproc_file_open(__VA_ARGS__)
#endif

#define EXTPROC_REQUEST              EXTPROC_MAP_REQUEST
#define EXTPROC_REQUEST_TRAILERS     EXTPROC_MAP_REQUEST_TRAILERS
#define EXTPROC_RESPONSE             EXTPROC_MAP_RESPONSE
#define EXTPROC_RESPONSE_TRAILERS    EXTPROC_MAP_RESPONSE_TRAILERS
#define EXTPROC_ANSWER               EXTPROC_MAP_IMMEDIATE_RESPONSE
#define EXTPROC_MAP_ANSWER           EXTPROC_MAP_IMMEDIATE_RESPONSE
#define EXTPROC_READ                 EXTPROC_METADATA_READ
#define EXTPROC_WRITE                EXTPROC_METADATA_WRITE
#define EXTPROC_RESPONDS             EXTPROC_FALLBACK_RESPONDS
#define EXTPROC_SETS_BODY            EXTPROC_FALLBACK_SETS_BODY
#define EXTPROC_NOT_YET              EXTPROC_MAP_STATE_NOT_YET
#define EXTPROC_NONE                 EXTPROC_MAP_STATE_NONE
#define EXTPROC_OPEN                 EXTPROC_MAP_STATE_OPEN
#define EXTPROC_GONE                 EXTPROC_MAP_STATE_GONE
#define EXTPROC_CONTINUE             EXTPROC_ACTION_CONTINUE
#define EXTPROC_RESPOND              EXTPROC_ACTION_RESPOND
#define EXTPROC_FAIL                 EXTPROC_ACTION_FAIL
#define EXTPROC_DEFER                EXTPROC_ACTION_WAIT
#define EXTPROC_RESUMED              EXTPROC_WAKE_RESULT
#define EXTPROC_TIMED_OUT            EXTPROC_WAKE_TIMEOUT
#define EXTPROC_SET                  EXTPROC_EDIT_SET
#define EXTPROC_APPEND               EXTPROC_EDIT_APPEND
#define EXTPROC_IF_ABSENT            EXTPROC_EDIT_IF_ABSENT
#define EXTPROC_IF_PRESENT           EXTPROC_EDIT_IF_PRESENT
#define EXTPROC_REMOVE               EXTPROC_EDIT_REMOVE
#define EXTPROC_DEBUG                EXTPROC_LEVEL_DEBUG
#define EXTPROC_INFO                 EXTPROC_LEVEL_INFO
#define EXTPROC_WARN                 EXTPROC_LEVEL_WARN
#define EXTPROC_ERROR                EXTPROC_LEVEL_ERROR
#define EXTPROC_DONE                 EXTPROC_END_DONE
#define EXTPROC_DISCONNECTED         EXTPROC_END_DISCONNECTED
#define EXTPROC_FAILED               EXTPROC_END_FAILED
#define EXTPROC_DRAINED              EXTPROC_END_DRAINED
#define EXTPROC_ABSENT               EXTPROC_KIND_ABSENT
#define EXTPROC_NULL                 EXTPROC_KIND_NULL
#define EXTPROC_BOOL                 EXTPROC_KIND_BOOL
#define EXTPROC_NUMBER               EXTPROC_KIND_NUMBER
#define EXTPROC_STRING               EXTPROC_KIND_STRING
#define EXTPROC_LIST                 EXTPROC_KIND_LIST
#define EXTPROC_DICT                 EXTPROC_KIND_DICT
#define EXTPROC_ON_REQUEST_HEADERS   EXTPROC_PHASE_REQUEST_HEADERS
#define EXTPROC_ON_REQUEST_BODY      EXTPROC_PHASE_REQUEST_BODY
#define EXTPROC_ON_REQUEST_TRAILERS  EXTPROC_PHASE_REQUEST_TRAILERS
#define EXTPROC_ON_RESPONSE_HEADERS  EXTPROC_PHASE_RESPONSE_HEADERS
#define EXTPROC_ON_RESPONSE_BODY     EXTPROC_PHASE_RESPONSE_BODY
#define EXTPROC_ON_RESPONSE_TRAILERS EXTPROC_PHASE_RESPONSE_TRAILERS
#define EXTPROC_BODY_NONE            EXTPROC_BODY_MODE_NONE
#define EXTPROC_BODY_STREAMED        EXTPROC_BODY_MODE_STREAMED
#define EXTPROC_BODY_WHOLE           EXTPROC_BODY_MODE_WHOLE
#define EXTPROC_BODY_PARTIAL         EXTPROC_BODY_MODE_PARTIAL
#define EXTPROC_BODY_FULL_DUPLEX     EXTPROC_BODY_MODE_FULL_DUPLEX
#define EXTPROC_KEY_STR              EXTPROC_KEY_TYPE_STR
#define EXTPROC_KEY_INT              EXTPROC_KEY_TYPE_INT
#define EXTPROC_KEY_BOOL             EXTPROC_KEY_TYPE_BOOL
#define EXTPROC_KEY_DURATION         EXTPROC_KEY_TYPE_DURATION
#define EXTPROC_KEY_SIZE             EXTPROC_KEY_TYPE_SIZE
#define EXTPROC_KEY_CHOICE           EXTPROC_KEY_TYPE_CHOICE

#endif
