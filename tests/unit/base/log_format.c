#include "base/log/log_format.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char line[LOG_LINE_MAX + 1];

static struct log_record a_record(struct extproc_str text)
{
    return (struct log_record){.time = {.tv_sec = 1795554000, .tv_nsec = 123456789},
                               .level = EXTPROC_LEVEL_WARN,
                               .text = text,
                               .text_len = text.len};
}

static const char *format(const struct log_record *record, bool json)
{
    line[log_format(record, json, line)] = '\0';
    return line;
}

static const char *format_text(struct extproc_str text, bool json)
{
    struct log_record record = a_record(text);
    const char *end = json ? "\"message\":" : "warn  ";
    return strstr(format(&record, json), end) + strlen(end);
}

Test(log_format, text)
{
    struct log_record record = a_record(EXTPROC_S("no value"));
    cr_assert_str_eq(format(&record, false), "2026-11-24T21:00:00.123Z warn  no value\n");

    record.context = (struct log_context){"main", "[::1]:4711", EXTPROC_S("7f3a"),
                                          "web",  "tags",       "request_headers"};
    cr_assert_str_eq(format(&record, false),
                     "2026-11-24T21:00:00.123Z warn  listener=main peer=[::1]:4711 "
                     "transaction=7f3a chain=web plugin=tags "
                     "phase=request_headers: no value\n");

    record.context = (struct log_context){.peer = "[::1]:4711", .stream = 15};
    cr_assert_str_eq(format(&record, false),
                     "2026-11-24T21:00:00.123Z warn  peer=[::1]:4711 stream=15: no value\n");
}

Test(log_format, json)
{
    struct log_record record = a_record(EXTPROC_S("no value"));
    cr_assert_str_eq(
        format(&record, true),
        "{\"time\":\"2026-11-24T21:00:00.123Z\",\"level\":\"warn\",\"message\":\"no value\"}\n");

    record.context = (struct log_context){"main", "[::1]:4711", EXTPROC_S("7f3a"),
                                          "web",  "tags",       "request_headers"};
    record.left_out = 3;
    cr_assert_str_eq(format(&record, true),
                     "{\"time\":\"2026-11-24T21:00:00.123Z\",\"level\":\"warn\","
                     "\"listener\":\"main\",\"peer\":\"[::1]:4711\","
                     "\"transaction\":\"7f3a\",\"chain\":\"web\",\"plugin\":\"tags\",\"phase\":"
                     "\"request_headers\","
                     "\"message\":\"no value\",\"suppressed\":3}\n");

    record.context = (struct log_context){.stream = 15};
    cr_assert_not_null(strstr(format(&record, true), ",\"stream\":15,\"message\":"));
}

Test(log_format, levels)
{
    static const char *const names[] = {" debug ", " info  ", " warn  ", " error ", " error "};
    for (unsigned i = 0; i < 5; i++) {
        struct log_record record = a_record(EXTPROC_S("x"));
        record.level = (enum extproc_level)i;
        cr_assert_not_null(strstr(format(&record, false), names[i]));
    }
}

Test(log_format, reports_what_was_left_out)
{
    struct log_record record = a_record(EXTPROC_S("no value"));
    record.left_out = 37;
    cr_assert_not_null(
        strstr(format(&record, false), "warn  no value (37 similar messages suppressed)\n"));
}

Test(log_format, control_characters_are_escaped)
{
    struct extproc_str text = EXTPROC_S("a\nb\r\t\x1b[2J\x7f\0z");
    cr_assert_str_eq(format_text(text, false), "a\\nb\\r\\t\\x1b[2J\\x7f\\x00z\n");
    cr_assert_str_eq(format_text(text, true), "\"a\\nb\\r\\t\\u001b[2J\\u007f\\u0000z\"}\n");
}

Test(log_format, json_strings_cannot_be_left)
{
    cr_assert_str_eq(format_text(EXTPROC_S("\"}\\ \xC3\xA4"), true), "\"\\\"}\\\\ \xC3\xA4\"}\n");
    cr_assert_str_eq(format_text(EXTPROC_S("\"}\\ \xC3\xA4"), false), "\"}\\\\ \xC3\xA4\n");
}

Test(log_format, characters_that_act_are_escaped)
{
    struct extproc_str text = EXTPROC_S("\xc2\x9b"
                                        "2J\xc2\x85 \xe2\x80\xa8 \xe2\x80\xae \xe2\x81\xa6");
    cr_assert_str_eq(format_text(text, false), "\\u009b2J\\u0085 \\u2028 \\u202e \\u2066\n");
    cr_assert_str_eq(format_text(text, true), "\"\\u009b2J\\u0085 \\u2028 \\u202e \\u2066\"}\n");
}

Test(log_format, an_escape_cannot_be_forged)
{
    cr_assert_str_eq(format_text(EXTPROC_S("\\u009b \x1b \\x1b"), false),
                     "\\\\u009b \\x1b \\\\x1b\n");
}

Test(log_format, invalid_utf8_is_replaced_in_json_and_escaped_in_text)
{
    cr_assert_str_eq(format_text(EXTPROC_S("a\xFF\xC3z"), true),
                     "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"}\n");
    cr_assert_str_eq(format_text(EXTPROC_S("a\xFF\xC3z"), false), "a\\xff\\xc3z\n");
}

Test(log_format, a_field_from_the_wire_cannot_look_like_another)
{
    struct log_record record = a_record(EXTPROC_S("x"));
    record.context.transaction = EXTPROC_S("1 plugin=auth\n");
    cr_assert_not_null(strstr(format(&record, false), "transaction=1\\x20plugin=auth\\n: x\n"));
}

Test(log_format, a_field_is_cut)
{
    static char id[100000];
    memset(id, 'i', sizeof id);
    struct log_record record = a_record(EXTPROC_S("still there"));
    record.context.transaction = (struct extproc_str){id, sizeof id};
    cr_assert_not_null(strstr(format(&record, false), "iii: still there\n"));
    cr_assert_lt(strlen(line), 2000);
}

Test(log_format, text_that_was_cut_before_says_so)
{
    struct log_record record = a_record(EXTPROC_S("the beginning"));
    record.text_len = 123456;
    cr_assert_not_null(
        strstr(format(&record, false), "the beginning... (truncated; 123456 bytes in total)\n"));
}

Test(log_format, a_line_never_outgrows_its_room)
{
    static char text[LOG_LINE_MAX];
    memset(text, '\x01', sizeof text); /* six bytes each in JSON */
    struct log_record record = a_record((struct extproc_str){text, sizeof text});
    record.left_out = 4294967295u;

    cr_assert_not_null(
        strstr(format(&record, true),
               "... (truncated; 16384 bytes in total)\",\"suppressed\":4294967295}\n"));
    cr_assert_leq(strlen(line), LOG_LINE_MAX);
    cr_assert_not_null(
        strstr(format(&record, false),
               "... (truncated; 16384 bytes in total) (4294967295 similar messages suppressed)\n"));
}
