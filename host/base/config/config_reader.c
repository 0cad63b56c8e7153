/* config_reader: the lines of one file, through inih.
 *
 * inih splits keys from values and cuts comments. What it does not do (version 55, as Debian builds
 * it) is done here, in the function that passes it each line: it does not pass line numbers,
 * truncates a line at the size of its buffer and a section's name at 49 bytes, both silently, skips
 * a section without keys, returns a continuation as if the key were repeated, with its comment, and
 * reports only the first line that it could not parse. So for every line we know beforehand what
 * inih must return; an invalid line is reported here, and inih gets an empty one instead. Of a line
 * that its buffer does not hold inih gets the key, or a first byte, and the value is read here.
 *
 * The continuation of a refused line is refused with it: one mistake, one error.
 */
#include "base/config/config_private.h"
#include "base/str.h"

#include <ini.h>

#include <ctype.h>
#include <string.h>

enum { LINE_MAX_BYTES = 64 * 1024 };

enum line_kind {
    LINE_NOTHING, /* inih gets an empty line       */
    LINE_SECTION, /* inih calls nothing            */
    LINE_PAIR,    /* inih calls with key and value */
    LINE_MORE     /* inih calls with the text      */
};

enum above {
    ABOVE_NO_KEY, /* nothing that an indented line could belong to */
    ABOVE_KEY,
    ABOVE_REFUSED
};

struct reader {
    struct config_file *f;
    struct extproc_str rest; /* of the file's bytes */
    unsigned line;
    enum line_kind kind; /* of the line that inih reads now */
    bool taken;          /* ... and it called */
    struct extproc_str
        long_value; /* ... of a line that its buffer does not hold; absent: it does */
    enum above above;
    bool before_sections, in_refused_section;
    bool in_indented_section; /* whose lines are indented too */
};

/* ---- pieces of a line ------------------------------------------------------------------------ */

/* As inih has it: what may be before a key, and makes a line an indented one. */
static bool is_space(char c)
{
    return isspace((unsigned char)c) != 0;
}

static struct extproc_str trimmed(struct extproc_str s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* The comment in a line: a ; after a space, and what follows. Empty: there is none. */
static struct extproc_str comment_in(struct extproc_str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == ';' && is_space(s.ptr[i - 1]))
            return (struct extproc_str){s.ptr + i, s.len - i};
    }
    return (struct extproc_str){s.ptr + s.len, 0};
}

static struct extproc_str without_comment(struct extproc_str s)
{
    return trimmed((struct extproc_str){s.ptr, s.len - comment_in(s).len});
}

/* Does a comment begin like a parameter of the value before it: `a=1 ; Path=/`? */
static bool is_parameter(struct extproc_str comment)
{
    struct extproc_str text = trimmed(comment);
    size_t len = 0;
    while (len < text.len && (isalnum((unsigned char)text.ptr[len]) || text.ptr[len] == '-'))
        len++;
    return len > 0 && len + 1 < text.len && text.ptr[len] == '=' && !is_space(text.ptr[len + 1]);
}

/* The key before the first = or :, NUL-terminated; empty where there is none to speak of. */
static const char *key_in(struct extproc_str text, char ret_key[static CONFIG_KEY_MAX + 1])
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '=' && text.ptr[len] != ':')
        len++;
    struct extproc_str key = trimmed((struct extproc_str){text.ptr, len});
    if (len == text.len || key.len > CONFIG_KEY_MAX)
        key.len = 0;
    memcpy(ret_key, key.ptr, key.len);
    ret_key[key.len] = '\0';
    return ret_key;
}

static struct extproc_str next_piece(struct extproc_str *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    struct extproc_str piece = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t taken = end ? piece.len + 1 : piece.len;
    rest->ptr += taken;
    rest->len -= taken;
    if (piece.len > 0 && piece.ptr[piece.len - 1] == '\r')
        piece.len--;
    return piece;
}

/* ---- sections -------------------------------------------------------------------------------- */

static bool is_name(struct extproc_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char)s.ptr[i]) && !strchr("_.-", s.ptr[i]))
            return false;
    }
    return s.len > 0 && s.len <= CONFIG_NAME_MAX;
}

/* "[type]" or "[type:NAME]", the brackets taken off. */
static void split_section(struct extproc_str s, struct extproc_str *ret_type,
                          struct extproc_str *ret_name)
{
    const char *colon = memchr(s.ptr, ':', s.len);
    size_t type_len = colon ? (size_t)(colon - s.ptr) : s.len;
    *ret_type = (struct extproc_str){s.ptr, type_len};
    *ret_name = STR_ABSENT;
    if (colon)
        *ret_name = (struct extproc_str){colon + 1, s.len - type_len - 1};
}

/* What follows belongs to an unknown section. */
static void end_section(struct reader *r)
{
    config_end_section(r->f);
    r->above = ABOVE_NO_KEY;
    r->before_sections = false;
    r->in_refused_section = true;
}

static enum line_kind refuse_section(struct reader *r, const char *what)
{
    config_file_say(r->f, r->line, "", "%s", what);
    return LINE_NOTHING;
}

static enum line_kind section_line(struct reader *r, struct extproc_str line)
{
    struct extproc_str type, name;
    struct extproc_str text = without_comment(line);
    const char *end = memchr(text.ptr, ']', text.len);
    end_section(r);
    if (!end)
        return refuse_section(r, "missing ]: expected [type] or [type:NAME]");
    split_section((struct extproc_str){text.ptr + 1, (size_t)(end - text.ptr) - 1}, &type, &name);
    if (!is_name(type))
        return refuse_section(r, "invalid section: expected [type] or [type:NAME]");

    r->in_refused_section = false;
    config_begin_section(r->f, r->line, type, name.ptr ? name : EXTPROC_S(""));
    if (name.ptr && !is_name(name)) {
        config_refuse_section(r->f);
        config_file_say(r->f, r->line, "",
                        "invalid section name: expected 1 to %d of A-Z a-z 0-9 _ . -",
                        CONFIG_NAME_MAX);
    }
    if (end + 1 < text.ptr + text.len)
        config_file_say(r->f, r->line, "",
                        "unexpected text after ]: write the key on a line of its own");
    return LINE_SECTION;
}

/* A line that consists only of [type] or [type:NAME]; not an address like [::1]. */
static bool looks_like_section(struct extproc_str text)
{
    struct extproc_str type, name;
    text = without_comment(text);
    if (text.len < 2 || text.ptr[0] != '[' || text.ptr[text.len - 1] != ']')
        return false;
    split_section((struct extproc_str){text.ptr + 1, text.len - 2}, &type, &name);
    return is_name(type) && (!name.ptr || is_name(name));
}

/* ---- the other lines ------------------------------------------------------------------------- */

static enum line_kind pair_line(struct reader *r)
{
    config_end_entry(r->f);
    r->above = ABOVE_REFUSED; /* until inih has called with a key that is one */
    return r->in_refused_section ? LINE_NOTHING : LINE_PAIR;
}

/* The lines after it belong to the section that is meant. */
static void indented_section(struct reader *r, struct extproc_str text)
{
    const char *key = r->f->key;
    config_file_say(r->f, r->line, "",
                    "the section is indented%s%s (remove the blanks before the [)",
                    key ? " and would continue the value of " : "", key ? key : "");
    section_line(r, text);
    r->in_indented_section = true;
}

static enum line_kind indented_line(struct reader *r, struct extproc_str text)
{
    char key[CONFIG_KEY_MAX + 1];
    if (r->in_indented_section && looks_like_section(text)) {
        indented_section(r, text);
        return LINE_NOTHING;
    }
    if (r->in_indented_section)
        return pair_line(r);
    if (r->above == ABOVE_REFUSED || r->in_refused_section)
        return LINE_NOTHING;
    if (r->above == ABOVE_NO_KEY) {
        config_file_say(r->f, r->line, "",
                        "the line is indented, and no key before it can be continued (sections and "
                        "keys start at the beginning of a line)");
        return LINE_NOTHING;
    }
    if (config_file_knows(r->f, key_in(text, key)))
        config_file_say(r->f, r->line, key,
                        "the line is indented and would continue the value of %s (remove the "
                        "blanks before the key)",
                        r->f->key);
    else if (looks_like_section(text))
        indented_section(r, text);
    else
        return LINE_MORE;
    return LINE_NOTHING;
}

/* The line says nothing that could be used, and neither does what goes on with it. */
static void refuse_line(struct reader *r, struct extproc_str line)
{
    if (line.ptr[0] == '[')
        end_section(r);
    else if (!is_space(line.ptr[0]))
        pair_line(r);
}

static void too_long(struct reader *r, struct extproc_str line)
{
    char key[CONFIG_KEY_MAX + 1] = "";
    refuse_line(r, line);
    if (line.ptr[0] != '[' && !is_space(line.ptr[0]))
        key_in(line, key);
    config_file_say(r->f, r->line, key,
                    "line of %zu bytes exceeds %d (continue in an indented line, which is joined "
                    "with one space, or use ${file:PATH})",
                    line.len, LINE_MAX_BYTES);
}

static enum line_kind line_kind(struct reader *r, struct extproc_str line)
{
    struct extproc_str text = trimmed(line);
    if (memchr(line.ptr, '\0', line.len)) {
        refuse_line(r, line);
        config_file_say(r->f, r->line, "", "the line contains a NUL byte: expected text");
        return LINE_NOTHING;
    }
    if (text.len == 0 || text.ptr[0] == ';' || text.ptr[0] == '#')
        return LINE_NOTHING;
    if (line.len > LINE_MAX_BYTES) {
        too_long(r, line);
        return LINE_NOTHING;
    }
    if (!is_space(line.ptr[0]))
        r->in_indented_section = false;
    if (line.ptr[0] == '[')
        return section_line(r, line);
    if (extproc_has_prefix(line, EXTPROC_S("//"))) {
        refuse_line(r, line);
        config_file_say(r->f, r->line, "", "unexpected //: a comment starts with ; or #");
        return LINE_NOTHING;
    }
    return is_space(line.ptr[0]) ? indented_line(r, text) : pair_line(r);
}

/* ---- inih's side ----------------------------------------------------------------------------- */

/* Did inih make of the last line what it had to? Only a line without = or : can go by. */
static void check_last_line(struct reader *r)
{
    if (r->kind == LINE_PAIR && !r->taken)
        config_file_say(r->f, r->line, "",
                        "missing =: expected key = value (indent a line that continues a value)");
}

static void look_at_comment(struct reader *r, struct extproc_str line)
{
    char key[CONFIG_KEY_MAX + 1] = "";
    struct extproc_str comment = comment_in(line);
    if (comment.len == 0 || !is_parameter((struct extproc_str){comment.ptr + 1, comment.len - 1}))
        return;
    if (r->kind == LINE_PAIR)
        key_in(line, key);
    config_file_warn(
        r->f, r->line, key,
        "the value ends before \" ;\", where a comment begins (a backslash before the ; keeps it)");
}

/* What inih gets of a line that its buffer does not hold. */
static struct extproc_str shortened(struct reader *r, struct extproc_str line, size_t max)
{
    size_t len = 0;
    if (r->kind == LINE_MORE) {
        r->long_value = trimmed(line);
        return EXTPROC_S(" x");
    }
    while (len < line.len && line.ptr[len] != '=' && line.ptr[len] != ':')
        len++;
    if (r->kind != LINE_PAIR || len == line.len || len >= max) /* a section, or no pair at all */
        return (struct extproc_str){line.ptr, max};
    r->long_value = without_comment((struct extproc_str){line.ptr + len + 1, line.len - len - 1});
    return (struct extproc_str){line.ptr, len + 1};
}

/* In fgets(3)'s place. */
static char *reader_line(char *ret_line, int size, void *arg)
{
    struct reader *r = arg;
    check_last_line(r);
    r->kind = LINE_NOTHING;
    r->taken = false;
    if (r->rest.len == 0)
        return NULL;

    struct extproc_str line = next_piece(&r->rest);
    r->line++;
    r->kind = line_kind(r, line);
    r->long_value = STR_ABSENT;
    if (r->in_indented_section)
        line = trimmed(line);
    if (r->kind == LINE_PAIR || r->kind == LINE_MORE)
        look_at_comment(r, line);
    if (r->kind == LINE_NOTHING)
        line.len = 0;
    else if (line.len >= (size_t)size)
        line = shortened(r, line, (size_t)size - 1);
    memcpy(ret_line, line.ptr, line.len);
    ret_line[line.len] = '\0';
    return ret_line;
}

/* Editors and word processors put it where a blank is meant, and it looks like one. */
static bool has_odd_blank(struct extproc_str s)
{
    static const struct extproc_str nbsp = EXTPROC_STR("\xC2\xA0");
    return extproc_has_prefix(s, nbsp) || extproc_has_suffix(s, nbsp);
}

static void pair(struct reader *r, const char *key, struct extproc_str value)
{
    if (r->before_sections)
        config_file_say(
            r->f, r->line, key,
            "the key is before the first section (put it after [extprocd] or another section)");
    else if (!*key)
        config_file_say(r->f, r->line, "", "missing key: expected key = value");
    else if (has_odd_blank(extproc_str_of(key)) || has_odd_blank(value))
        config_file_say(r->f, r->line, "",
                        "a no-break space (U+00A0) beside the key or the value: replace it by a "
                        "normal space");
    else if (strlen(key) > CONFIG_KEY_MAX)
        config_file_say(r->f, r->line, "", "key of %zu bytes exceeds %d", strlen(key),
                        CONFIG_KEY_MAX);
    else {
        config_begin_entry(r->f, r->line, key, value);
        r->above = r->f->key ? ABOVE_KEY : ABOVE_REFUSED;
    }
}

/* inih's section is not used: it may be cut, and inih does not report sections without a key. */
static int reader_pair(void *arg, const char *section, const char *key, const char *value)
{
    struct reader *r = arg;
    r->taken = true;
    struct extproc_str text = r->long_value.ptr ? r->long_value : extproc_str_of(value);
    if (r->kind == LINE_MORE)
        config_continue_entry(r->f, without_comment(text));
    else
        pair(r, key, text);
    return 1;
}

void config_read_lines(struct config_file *f, struct extproc_str bytes)
{
    struct reader r = {.f = f, .rest = bytes, .before_sections = true};
    if (extproc_has_prefix(bytes, EXTPROC_S("\xFF\xFE")) ||
        extproc_has_prefix(bytes, EXTPROC_S("\xFE\xFF"))) {
        config_file_say(f, 1, "", "the file is UTF-16: save it as UTF-8");
        return;
    }
    if (extproc_has_prefix(bytes, EXTPROC_S("\xEF\xBB\xBF")))
        r.rest.ptr += 3, r.rest.len -= 3;
    ini_parse_stream(reader_line, &r, reader_pair, &r);
    config_end_section(f);
}
