/* log_format: one line of the log as bytes, as text or as JSON. */
#ifndef EXTPROCD_BASE_LOG_LOG_FORMAT_H
#define EXTPROCD_BASE_LOG_LOG_FORMAT_H

#include "base/log/log.h"

#include <stddef.h>
#include <time.h>

enum { LOG_LINE_MAX = 16 * 1024 };

struct log_record {
    struct timespec time;
    enum extproc_level level;
    struct log_context context;
    struct extproc_str text;
    size_t text_len;   /* of the complete text, where `text` is only its beginning */
    unsigned left_out; /* lines like it, before it */
    bool priority;     /* "<4>" in front, for the journal */
};

/* Writes the line with its newline; returns its length. Text that does not fit is cut, with a
 * mark. */
size_t log_format(const struct log_record *record, bool json, char ret_line[static LOG_LINE_MAX]);

#endif
