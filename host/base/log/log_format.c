/* log_format: one line of the log as bytes, as text or as JSON.
 *
 *     2026-11-24T21:00:00.123Z warn  peer=[::1]:4711 transaction=7f3a plugin=tags phase=request_headers: no value
 *     {"time":"…","level":"warn","transaction":"7f3a","plugin":"tags","phase":"…","message":"…"}
 *
 * The line always fits and always ends well: what is variable in length stops before the room that
 * is reserved for the marks and brackets after it. What comes from the wire (a transaction's id, a
 * text) cannot begin a new line, move a terminal's cursor or leave its JSON string.
 */
#include "base/log/log_format.h"

#include "base/escape.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum {
    TAIL_ROOM = 128,  /* for the marks after the text */
    FIELD_MAX = 1024, /* bytes of one field as written */
};

struct out {
    char *at, *end;
};

static bool out_bytes(struct out *o, const char *bytes, size_t len)
{
    if ((size_t)(o->end - o->at) < len)
        return false;
    memcpy(o->at, bytes, len);
    o->at += len;
    return true;
}

static bool out_c(struct out *o, const char *s)
{
    return out_bytes(o, s, strlen(s));
}

EXTPROC_PRINTF(2, 3)
static void out_format(struct out *o, const char *fmt, ...)
{
    char text[TAIL_ROOM];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    out_c(o, text);
}

/* False: not all of it. */
static bool out_safe(struct out *o, enum escape how, struct extproc_str s)
{
    char room[ESCAPE_ROOM];
    for (size_t at = 0; at < s.len;) {
        struct extproc_str shown = escape_next(how, s, &at, room);
        if (!out_bytes(o, shown.ptr, shown.len))
            return false;
    }
    return true;
}

/* ---- the line -------------------------------------------------------------------------------- */

/* A plugin may pass any number. */
static const char *level_name(enum extproc_level level)
{
    switch (level) {
    case EXTPROC_LEVEL_DEBUG:
        return "debug";
    case EXTPROC_LEVEL_INFO:
        return "info";
    case EXTPROC_LEVEL_WARN:
        return "warn";
    case EXTPROC_LEVEL_ERROR:
        break;
    }
    return "error";
}

/* syslog(3)'s: LOG_DEBUG, ... */
static int priority(enum extproc_level level)
{
    switch (level) {
    case EXTPROC_LEVEL_DEBUG:
        return 7;
    case EXTPROC_LEVEL_INFO:
        return 6;
    case EXTPROC_LEVEL_WARN:
        return 4;
    case EXTPROC_LEVEL_ERROR:
        break;
    }
    return 3;
}

static void out_time(struct out *o, struct timespec time)
{
    struct tm tm;
    char text[32];
    gmtime_r(&time.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    out_format(o, "%s.%03ldZ", text, time.tv_nsec / 1000000);
}

static void out_field(struct out *o, bool json, const char *name, struct extproc_str value)
{
    if (!value.ptr)
        return;
    if (value.len > FIELD_MAX)
        value.len = FIELD_MAX;
    out_format(o, json ? ",\"%s\":\"" : " %s=", name);
    out_safe(o, json ? ESCAPE_JSON : ESCAPE_FIELD, value);
    if (json)
        out_c(o, "\"");
}

static void out_head(struct out *o, bool json, const struct log_record *record)
{
    const struct log_context *context = &record->context;
    const char *level = level_name(record->level);
    if (record->priority)
        out_format(o, "<%d>", priority(record->level));
    if (json)
        out_c(o, "{\"time\":\"");
    out_time(o, record->time);
    out_format(o, json ? "\",\"level\":\"%s\"" : " %-5s", level);

    const char *before = o->at;
    out_field(o, json, "listener", extproc_str_of(context->listener));
    out_field(o, json, "peer", extproc_str_of(context->peer));
    out_field(o, json, "transaction", context->transaction);
    if (context->stream)
        out_format(o, json ? ",\"stream\":%u" : " stream=%u", context->stream);
    out_field(o, json, "chain", extproc_str_of(context->chain));
    out_field(o, json, "plugin", extproc_str_of(context->plugin));
    out_field(o, json, "phase", extproc_str_of(context->phase));
    if (json)
        out_c(o, ",\"message\":\"");
    else
        out_c(o, o->at > before ? ": " : " ");
}

size_t log_format(const struct log_record *record, bool json, char ret_line[static LOG_LINE_MAX])
{
    struct out o = {ret_line, ret_line + LOG_LINE_MAX - TAIL_ROOM};
    out_head(&o, json, record);
    bool complete = out_safe(&o, json ? ESCAPE_JSON : ESCAPE_TEXT, record->text);
    o.end += TAIL_ROOM;
    if (!complete || record->text_len > record->text.len)
        out_format(&o, "... (truncated; %zu bytes in total)", record->text_len);
    if (json)
        out_c(&o, "\"");
    if (record->left_out > 0)
        out_format(&o, json ? ",\"suppressed\":%u" : " (%u similar messages suppressed)",
                   record->left_out);
    out_c(&o, json ? "}\n" : "\n");
    return (size_t)(o.at - ret_line);
}
