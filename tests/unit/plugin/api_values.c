/* The SDK's functions on attributes and metadata: what came, which one counts, what is sent. */
#include "scene.h"

static const struct extproc_str name = EXTPROC_STR("name");

/* ---- from the proxy -------------------------------------------------------------------------- */

static enum extproc_action show_values(struct extproc_txn *x)
{
    struct extproc_value a = extproc_attribute(x, name), m = extproc_metadata(x, name);
    note(x, "%.*s/%.*s ", EXTPROC_ARG(a.kind == EXTPROC_KIND_STRING ? a.as.string : STR_ABSENT),
         EXTPROC_ARG(m.kind == EXTPROC_KIND_STRING ? m.as.string : STR_ABSENT));
    return EXTPROC_ACTION_CONTINUE;
}

#define SHOW_ALL                                                                                   \
    .request_headers = show_values, .request_body = show_values, .response_headers = show_values,  \
    .response_body = show_values

static void prepare(struct scene *s, const char *attributes, const char *metadata)
{
    scene_settle(s);
    s->event.attributes = scene_tree(s, attributes);
    s->event.metadata = scene_tree(s, metadata);
}

Test(api_values, are_absent_where_none_came)
{
    SCENE(s, {.name = "a", SHOW_ALL});

    play_request(&s);
    cr_assert_str_eq(s.journal, "/ ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_values, are_remembered_in_later_phases)
{
    SCENE(s, {.name = "a", SHOW_ALL});

    prepare(&s, "name=1", "name=m");
    prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"));
    play_body(&s, PHASE_REQUEST_BODY, false, "1");
    play_body(&s, PHASE_REQUEST_BODY, true, "2");
    cr_assert_str_eq(s.journal, "1/m 1/m 1/m ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_values, are_this_directions_first)
{
    SCENE(s, {.name = "a", SHOW_ALL});

    prepare(&s, "name=request", "name=m1");
    prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"));
    prepare(&s, "other=response", "name=m2");
    prepared_headers(&s, PHASE_RESPONSE_HEADERS, false, H(":status", "200"));
    prepare(&s, "name=ignored on the way back", "");
    prepared_body(&s, PHASE_REQUEST_BODY, true, "1");
    play_body(&s, PHASE_RESPONSE_BODY, true, "1");
    cr_assert_str_eq(s.journal, "request/m1 request/m2 ignored on the way back/m2 request/m2 ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

Test(api_values, are_absent_where_they_cannot_be_read)
{
    SCENE(s, {.name = "a", SHOW_ALL});

    prepare(&s, "broken", "broken");
    prepared_headers(&s, PHASE_REQUEST_HEADERS, false, H(":path", "/"));
    cr_assert_str_eq(s.journal, "/ ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- trees of one's own ---------------------------------------------------------------------- */

static enum extproc_action build(struct extproc_txn *x)
{
    char text[] = "text";
    const struct extproc_value items[] = {extproc_number(1.5),
                                          extproc_string(extproc_str_of(text))};
    struct extproc_field field, fields[] = {{name, extproc_list(x, items, 2)}};
    struct extproc_value dict = extproc_dict(x, fields, 1);
    memset(text, '!', sizeof text);

    struct extproc_value list = extproc_value_get(x, dict, name);
    cr_assert(extproc_value_at(x, list, 1, &field));
    cr_assert_null(field.key.ptr);
    assert_str(field.value.as.string, "text");
    cr_assert_not(extproc_value_at(x, list, 2, &field));
    cr_assert(extproc_value_at(x, dict, 0, &field));
    assert_str(field.key, "name");
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action build_twice_the_key(struct extproc_txn *x)
{
    const struct extproc_field fields[] = {{name, extproc_bool(true)}, {name, extproc_null()}};
    struct extproc_value dict = extproc_dict(x, fields, 2);
    cr_assert_eq(extproc_value_get(x, dict, name).kind, EXTPROC_KIND_NULL);
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action build_wrongly(struct extproc_txn *x)
{
    const struct extproc_value absent = {EXTPROC_KIND_ABSENT};
    const struct extproc_field no_key = {STR_ABSENT, extproc_null()}, field = {name, absent};
    struct extproc_field out = {name, absent};
    cr_assert_eq(extproc_list(x, &absent, 1).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_list(x, NULL, 1).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_dict(x, &field, 1).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_dict(x, &no_key, 1).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_dict(x, NULL, 1).kind, EXTPROC_KIND_ABSENT);

    struct extproc_value deep = extproc_null();
    for (int depth = 0; depth < VALUE_MAX_DEPTH; depth++)
        deep = extproc_list(x, &deep, 1);
    cr_assert_eq(deep.kind, EXTPROC_KIND_LIST);
    cr_assert_eq(extproc_list(x, &deep, 1).kind, EXTPROC_KIND_ABSENT);

    cr_assert_not(extproc_value_at(x, deep, 0, NULL));
    cr_assert_not(extproc_value_at(x, extproc_null(), 0, &out));
    cr_assert_eq(extproc_value_get(x, deep, name).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_value_get(x, deep, STR_ABSENT).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_attribute(x, STR_ABSENT).kind, EXTPROC_KIND_ABSENT);
    cr_assert_eq(extproc_metadata(x, STR_ABSENT).kind, EXTPROC_KIND_ABSENT);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_values, are_built_of_copies)
{
    SCENE(s, {.name = "a", .request_headers = build},
          {.name = "b", .request_headers = build_twice_the_key},
          {.name = "c", .request_headers = build_wrongly});

    cr_assert_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- to the proxy ---------------------------------------------------------------------------- */

static enum extproc_action say(struct extproc_txn *x)
{
    const struct instance *instance = (const struct instance *)x->instance;
    struct extproc_str own = extproc_str_of(instance->name);
    cr_assert_eq(extproc_metadata_set(x, name, own, extproc_number(1)), 0);
    cr_assert_eq(extproc_metadata_set(x, name, EXTPROC_S("last"), extproc_string(own)), 0);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_values, are_sent_key_by_key)
{
    SCENE(s, {.name = "a", .request_headers = say}, {.name = "b", .request_headers = say});

    const struct metadata *said = play_request(&s)->metadata;
    cr_assert_eq(metadata_find(said, name, EXTPROC_S("a"))->value.as.number, 1);
    cr_assert_eq(metadata_find(said, name, EXTPROC_S("b"))->value.as.number, 1);
    assert_str(metadata_find(said, name, EXTPROC_S("last"))->value.as.string, "b");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* Namespace "name": what the proxy says of "p", then plugins of "a", "b", "last". */
static enum extproc_action show_said(struct extproc_txn *x)
{
    struct extproc_value dict = extproc_metadata(x, name);
    struct extproc_str last = extproc_value_get(x, dict, EXTPROC_S("last")).as.string;
    note(x, "%c%c%c%.*s ", extproc_value_get(x, dict, EXTPROC_S("p")).kind ? 'p' : '-',
         extproc_value_get(x, dict, EXTPROC_S("a")).kind ? 'a' : '-',
         extproc_value_get(x, dict, EXTPROC_S("b")).kind ? 'b' : '-', EXTPROC_ARG(last));
    return EXTPROC_ACTION_CONTINUE;
}

static enum extproc_action show_and_say(struct extproc_txn *x)
{
    show_said(x);
    return say(x);
}

static void show_said_at_the_end(struct extproc_txn *x, enum extproc_end why)
{
    show_said(x);
}

/* "name" -> "p" -> the raw text. */
static int read_proxys(struct extproc_str raw, struct arena *arena, struct extproc_value *ret)
{
    struct extproc_field inner = {EXTPROC_S("p"), extproc_string(raw)}, outer = {.key = name};
    value_dict(arena, &inner, 1, &outer.value);
    return value_dict(arena, &outer, 1, ret);
}

Test(api_values, that_were_sent_are_seen_by_later_plugins)
{
    SCENE(s, {.name = "a", .request_headers = show_and_say, .response_headers = show_said},
          {.name = "b", .request_headers = show_and_say, .response_headers = show_said},
          {.name = "c", .request_headers = show_said, .close = show_said_at_the_end});

    play_request(&s);
    cr_assert_str_eq(s.journal, "--- -a-a -abb ");
    s.journal[0] = '\0';
    play_response(&s);
    cr_assert_str_eq(s.journal, "-abb -abb ");
    s.journal[0] = '\0';
    scene_close(&s, EXTPROC_END_DONE);
    cr_assert_str_eq(s.journal, "--- ");
    scene_fini(&s);
}

Test(api_values, that_were_sent_override_the_proxys)
{
    SCENE(s, {.name = "a", .request_headers = show_and_say, .response_headers = show_said});

    s.event.metadata = (struct tree){.raw = scene_copy(&s, name), .read = read_proxys};
    prepared_headers(&s, PHASE_REQUEST_HEADERS, true, H(":method", "GET"));
    scene_settle(&s);
    s.event.metadata = (struct tree){.raw = scene_copy(&s, name), .read = read_proxys};
    prepared_headers(&s, PHASE_RESPONSE_HEADERS, true, H(":status", "200"));
    cr_assert_str_eq(s.journal, "p-- pa-a ");
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

static enum extproc_action say_wrongly(struct extproc_txn *x)
{
    const struct extproc_str empty = EXTPROC_S(""), broken = EXTPROC_S("\xff");
    const struct extproc_value one = extproc_number(1), absent = {EXTPROC_KIND_ABSENT};
    cr_assert_eq(extproc_metadata_set(x, STR_ABSENT, name, one), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, name, STR_ABSENT, one), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, empty, name, one), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, name, empty, one), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, name, name, absent), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, broken, name, one), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, name, broken, one), -EINVAL);
    cr_assert_eq(extproc_metadata_set(x, name, name, extproc_string(broken)), -EINVAL);
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_values, are_not_sent_if_they_are_invalid)
{
    SCENE(s, {.name = "a", .request_headers = say_wrongly});

    cr_assert_null(play_request(&s)->metadata);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}

/* ---- what no host has made ------------------------------------------------------------------- */

static enum extproc_action forge(struct extproc_txn *x)
{
    static const char bytes[64];
    struct extproc_value one = extproc_number(1), list = extproc_list(x, &one, 1), forged = list;
    struct extproc_field field;
    const void *const nodes[] = {NULL,
                                 (const void *)1,
                                 bytes,
                                 &field,
                                 (const char *)list.as.node + 8,
                                 (const char *)list.as.node + 16};
    cr_assert(extproc_value_at(x, list, 0, &field));
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        forged.as.node = nodes[i];
        forged.kind = i % 2 ? EXTPROC_KIND_LIST : EXTPROC_KIND_DICT;
        cr_expect_not(extproc_value_at(x, forged, 0, &field), "%zu", i);
        cr_expect_eq(extproc_value_get(x, forged, EXTPROC_S("k")).kind, EXTPROC_KIND_ABSENT);
        cr_expect_eq(extproc_list(x, &forged, 1).kind, EXTPROC_KIND_ABSENT);
        cr_expect_eq(extproc_metadata_set(x, EXTPROC_S("n"), EXTPROC_S("k"), forged), -EINVAL);
        field = (struct extproc_field){EXTPROC_STR("k"), forged};
        cr_expect_eq(extproc_dict(x, &field, 1).kind, EXTPROC_KIND_ABSENT);
    }
    return EXTPROC_ACTION_CONTINUE;
}

Test(api_values, a_forged_value_is_refused_and_not_read)
{
    SCENE(s, {.name = "a", .request_headers = forge});
    cr_expect_eq(play_request(&s)->kind, VERDICT_CONTINUE);
    scene_close(&s, EXTPROC_END_DONE);
    scene_fini(&s);
}
