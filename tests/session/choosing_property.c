/* Random configurations with conditions, and random transactions through them: every transaction
 * sees the plugins that a slow reference says, which knows the ini language's rules and nothing of
 * the host's code.
 *
 * Each plugin appends its name to x-saw, on which some of the conditions look too, so that what one
 * plugin does decides about the next.
 */
#include "kit/criterion.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

enum { CONFIGS = 200, TRANSACTIONS = 25, CHAINS = 3, PLUGINS = 4, CONDITIONS = 4, TEXT = 8192 };

static unsigned long seed = 20261128;

/* xorshift64: below n. */
static unsigned any(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}
#define ONE_OF(list) (list)[any(sizeof(list) / sizeof *(list))]

/* ---- a transaction --------------------------------------------------------------------------- */

struct fact {
    const char *subject;
    char value[64];
    bool present;
};
enum {
    PATH,
    METHOD,
    AUTHORITY,
    HEADER_A,
    HEADER_B,
    QUERY_Q,
    ATTRIBUTE,
    METADATA,
    LISTENER,
    SAW,
    STATUS,
    RESPONSE_R,
    RESPONSE_SAW,
    FACTS,
    EARLY = STATUS
};
static const char *const subjects[FACTS] = {"path",
                                            "method",
                                            "authority",
                                            "header.x-a",
                                            "header.X-B",
                                            "query.q",
                                            "attribute.at",
                                            "metadata.ns/key",
                                            "listener",
                                            "header.x-saw",
                                            "status",
                                            "response_header.x-r",
                                            "response_header.x-saw"};
static const char *const values[] = {"a", "ab", "b", "ba", ""};

static struct fact facts[FACTS];
static bool has_request;

static void set(int fact, const char *value)
{
    facts[fact].present = value != NULL;
    snprintf(facts[fact].value, sizeof facts[fact].value, "%s", value ? value : "");
}

static const char *maybe(void)
{
    return any(3) ? ONE_OF(values) : NULL;
}

static void make_facts(void)
{
    static const char *const paths[] = {"/a", "/ab", "/b/a", "/"};
    static const char *const methods[] = {"GET", "POST"};
    static const char *const hosts[] = {"a.test", "b.test"};
    static const char *const statuses[] = {"200", "404", "503"};
    for (int i = 0; i < FACTS; i++)
        set(i, NULL);
    has_request = any(8) > 0;
    set(LISTENER, "kit");
    set(STATUS, ONE_OF(statuses));
    set(RESPONSE_R, maybe());
    set(ATTRIBUTE, maybe());
    set(METADATA, maybe());
    if (!has_request)
        return;
    set(PATH, ONE_OF(paths));
    set(METHOD, ONE_OF(methods));
    set(AUTHORITY, ONE_OF(hosts));
    set(QUERY_Q, maybe());
    set(HEADER_B, maybe());
    /* one line, two, or none */
    const char *one = maybe(), *two = one && any(2) ? maybe() : NULL;
    char joined[64];
    snprintf(joined, sizeof joined, "%s%s%s", one ? one : "", two ? ", " : "", two ? two : "");
    set(HEADER_A, one ? joined : NULL);
}

static void add_line(char *text, const char *name, const char *value)
{
    size_t len = strlen(text);
    snprintf(text + len, TEXT - len, "%s%s: %s", len ? "\n" : "", name, value);
}

static void send_request(struct kit_call *c)
{
    char text[TEXT] = "", path[256], *comma = strstr(facts[HEADER_A].value, ", ");
    add_line(text, ":method", facts[METHOD].value);
    snprintf(path, sizeof path, "%s%s%s", facts[PATH].value,
             facts[QUERY_Q].present ? "?z=1&q=" : "", facts[QUERY_Q].value);
    add_line(text, ":path", path);
    add_line(text, ":authority", facts[AUTHORITY].value);
    if (comma) {
        char first[64];
        snprintf(first, sizeof first, "%.*s", (int)(comma - facts[HEADER_A].value),
                 facts[HEADER_A].value);
        add_line(text, "x-a", first);
        add_line(text, "x-a", comma + 2);
    } else if (facts[HEADER_A].present) {
        add_line(text, "x-a", facts[HEADER_A].value);
    }
    if (facts[HEADER_B].present)
        add_line(text, "x-b", facts[HEADER_B].value);
    kit_headers(c, LANE_REQUEST, text, true);
}

static void send_response(struct kit_call *c)
{
    char text[TEXT] = "";
    add_line(text, ":status", facts[STATUS].value);
    if (facts[RESPONSE_R].present)
        add_line(text, "x-r", facts[RESPONSE_R].value);
    kit_headers(c, LANE_RESPONSE, text, true);
}

static void send_beside(struct kit_call *c)
{
    if (facts[ATTRIBUTE].present)
        kit_with(c, KIT_ATTRIBUTES, NULL, "at", facts[ATTRIBUTE].value);
    if (facts[METADATA].present)
        kit_with(c, KIT_METADATA, "ns", "key", facts[METADATA].value);
}

/* ---- a configuration ------------------------------------------------------------------------- */

struct condition_line {
    bool unless;
    int fact;
    const char *pattern;
};
struct plugin {
    bool requests, responses;
    struct condition_line conditions[CONDITIONS];
    unsigned n;
};
struct chain_lines {
    struct condition_line conditions[CONDITIONS];
    unsigned n;
    struct plugin plugins[PLUGINS];
    unsigned n_plugins;
};
static struct chain_lines chains[CHAINS];
static unsigned n_chains;

static const char *const patterns[] = {"a",      "a*",      "*a",  "*",    "~ ^a+$",  "!a",
                                       "! a*",   "!*a",     "!*",  "!~ b", "/a*",     "GET",
                                       "*.test", "B.TEST",  "p0*", "*p1",  "~ p[01]", "4*",
                                       "200",    "! ~ ^20", "kit", "~ ^$", "a, b",    "!p2"};

static unsigned make_conditions(struct condition_line *list, bool match, bool late)
{
    unsigned n = any(CONDITIONS + 1);
    for (unsigned i = 0; i < n; i++) {
        list[i].unless = !match && any(3) == 0;
        list[i].fact = i > 0 && any(3) == 0 ? list[i - 1].fact : (int)any(late ? FACTS : EARLY);
        list[i].pattern = ONE_OF(patterns);
    }
    return n;
}

static void make_config(void)
{
    n_chains = 1 + any(CHAINS);
    for (unsigned i = 0; i < n_chains; i++) {
        struct chain_lines *c = &chains[i];
        c->n = make_conditions(c->conditions, true, false);
        c->n_plugins = 1 + any(PLUGINS);
        for (unsigned k = 0; k < c->n_plugins; k++) {
            unsigned kind = any(4);
            struct plugin *p = &c->plugins[k];
            p->requests = kind != 0;
            p->responses = kind != 1;
            p->n = make_conditions(p->conditions, false, p->responses);
        }
    }
}

static void write_conditions(FILE *out, const struct condition_line *list, unsigned n, bool match)
{
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%s.%s = %s\n",
                match            ? "match"
                : list[i].unless ? "unless"
                                 : "when",
                subjects[list[i].fact], list[i].pattern);
}

static char *write_config(void)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 0; i < n_chains; i++) {
        fprintf(out, "[chain:c%u]\n", i);
        write_conditions(out, chains[i].conditions, chains[i].n, true);
        for (unsigned k = 0; k < chains[i].n_plugins; k++)
            fprintf(out, "%sc%up%u", k == 0 ? "plugins = " : ", ", i, k);
        fprintf(out, "\n");
        for (unsigned k = 0; k < chains[i].n_plugins; k++) {
            const struct plugin *p = &chains[i].plugins[k];
            fprintf(out, "[plugin:c%up%u]\nfile = headers.so\n", i, k);
            if (p->requests)
                fprintf(out, "request.append = x-saw: p%u\n", k);
            if (p->responses)
                fprintf(out, "response.append = x-saw: p%u\n", k);
            write_conditions(out, p->conditions, p->n, false);
        }
    }
    fclose(out);
    return text;
}

/* ---- the reference --------------------------------------------------------------------------- */

static bool ref_regex(const char *regex, const char *value)
{
    regex_t compiled;
    cr_assert_eq(regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&compiled, value, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

static bool ref_matches(const char *pattern, int fact)
{
    const char *value = facts[fact].value;
    size_t len = strlen(value), n;
    if (*pattern == '!')
        return !ref_matches(pattern + 1, fact);
    while (*pattern == ' ')
        pattern++;
    n = strlen(pattern);
    if (!facts[fact].present)
        return false;
    if (*pattern == '~')
        return ref_regex(pattern + 2, value);
    if (strcmp(pattern, "*") == 0)
        return true;
    int (*compare)(const char *, const char *, size_t) = fact == AUTHORITY ? strncasecmp : strncmp;
    if (*pattern == '*')
        return len >= n - 1 && compare(value + len - (n - 1), pattern + 1, n) == 0;
    if (pattern[n - 1] == '*')
        return compare(value, pattern, n - 1) == 0;
    return compare(value, pattern, (n > len ? n : len) + 1) == 0;
}

/* Of each subject any line must hold; only early ones, or only late ones, count. */
static bool ref_holds(const struct condition_line *list, unsigned n, bool unless, bool late)
{
    for (int fact = late ? EARLY : 0; fact < (late ? FACTS : EARLY); fact++) {
        unsigned lines = 0, held = 0;
        for (unsigned i = 0; i < n; i++) {
            if (list[i].unless != unless || list[i].fact != fact)
                continue;
            lines++;
            held += ref_matches(list[i].pattern, fact);
        }
        if (lines > 0 && held == 0)
            return false;
    }
    return true;
}

static bool ref_has(const struct plugin *p, bool unless, bool late)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->conditions[i].unless == unless && (!late || p->conditions[i].fact >= EARLY))
            return true;
    return false;
}

/* What was decided when the plugin was first asked for. */
static struct decision {
    bool asked, when, unless;
} decisions[PLUGINS];

static bool ref_takes_part(const struct plugin *p, unsigned place, bool response)
{
    struct decision *d = &decisions[place];
    if (!d->asked) {
        d->asked = true;
        d->when = ref_holds(p->conditions, p->n, false, false);
        d->unless = ref_has(p, true, false) && ref_holds(p->conditions, p->n, true, false);
    }
    if (!d->when)
        return false;
    if (!response)
        return !d->unless || ref_has(p, true, true);
    return ref_holds(p->conditions, p->n, false, true) &&
           !(d->unless && ref_holds(p->conditions, p->n, true, true));
}

static void ref_append(int fact, unsigned place)
{
    size_t len = strlen(facts[fact].value);
    snprintf(facts[fact].value + len, sizeof facts[fact].value - len, "%sp%u",
             facts[fact].present ? ", " : "", place);
    facts[fact].present = true;
}

/* ---- both ------------------------------------------------------------------------------------ */

static const struct chain_lines *ref_chain(void)
{
    for (unsigned i = 0; i < n_chains; i++)
        if (ref_holds(chains[i].conditions, chains[i].n, false, false))
            return &chains[i];
    return NULL;
}

static void expect_saw(struct kit_call *c, enum extproc_map map, int fact, const char *ini)
{
    char saw[256] = "";
    for (size_t i = 0; kit_header(c, map, "x-saw", i).ptr; i++) {
        struct extproc_str value = kit_header(c, map, "x-saw", i);
        size_t len = strlen(saw);
        snprintf(saw + len, sizeof saw - len, "%s%.*s", len ? ", " : "", EXTPROC_ARG(value));
    }
    cr_assert_str_eq(saw, facts[fact].value, "\"%s\" is not \"%s\" for path \"%s\" in\n%s", saw,
                     facts[fact].value, facts[PATH].value, ini);
}

static void play(struct kit *k, const char *ini)
{
    struct kit_call *c = kit_call(k, &(struct kit_how){0});
    make_facts();
    memset(decisions, 0, sizeof decisions);
    const struct chain_lines *chain = ref_chain();
    if (has_request) {
        send_beside(c);
        send_request(c);
        for (unsigned i = 0; chain && i < chain->n_plugins; i++)
            if (chain->plugins[i].requests && ref_takes_part(&chain->plugins[i], i, false))
                ref_append(SAW, i);
        expect_saw(c, EXTPROC_MAP_REQUEST, SAW, ini);
    } else {
        send_beside(c);
    }
    send_response(c);
    for (unsigned i = chain ? chain->n_plugins : 0; i > 0; i--)
        if (chain->plugins[i - 1].responses && ref_takes_part(&chain->plugins[i - 1], i - 1, true))
            ref_append(RESPONSE_SAW, i - 1);
    expect_saw(c, EXTPROC_MAP_RESPONSE, RESPONSE_SAW, ini);
    kit_end(c);
}

Test(choosing_property, every_transaction_sees_the_plugins_that_the_reference_says)
{
    for (int i = 0; i < CONFIGS; i++) {
        make_config();
        char *ini = write_config();
        struct kit *k = kit_of_ini(ini);
        for (int j = 0; j < TRANSACTIONS; j++)
            play(k, ini);
        kit_free(k);
        free(ini);
    }
}
