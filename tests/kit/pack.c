/* pack: puts a ProcessingRequest together field by field, in an arena, and packs it.
 *
 * Like Envoy, it sets metadata_context in every message, the attributes under the filter's own
 * name, and protocol_config only where the test asks for it (in the first message).
 */
#include "kit/pack.h"

#include "base/str.h"
#include "kit/kit_private.h"

#include <string.h>

static const char attributes_name[] = "envoy.filters.http.ext_proc";

static char *text_of(struct arena *arena, struct extproc_str s)
{
    char *text = kit_need(arena_alloc(arena, s.len + 1));
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

static ProtobufCBinaryData bytes_of(struct arena *arena, struct extproc_str s)
{
    return (ProtobufCBinaryData){s.len, (uint8_t *)text_of(arena, s)};
}

/* ---- headers --------------------------------------------------------------------------------- */

static struct extproc_header parse_line(const char *line, size_t len)
{
    const char *colon =
        len ? memchr(line + 1, ':', len - 1) : NULL; /* not that of a pseudo header */
    if (!colon)
        return (struct extproc_header){{line, len}, {line + len, 0}};
    const char *value = colon + 1;
    if (value < line + len && *value == ' ')
        value++;
    return (struct extproc_header){{line, (size_t)(colon - line)},
                                   {value, (size_t)(line + len - value)}};
}

size_t kit_parse_headers(const char *text, struct arena *arena, struct extproc_header **ret)
{
    size_t n = 0, cap = 1;
    for (const char *at = text; *at; at++)
        cap += *at == '\n';
    struct extproc_header *headers = kit_need(arena_array(arena, cap, sizeof *headers));
    while (*text) {
        size_t len = strcspn(text, "\n");
        headers[n++] = parse_line(text, len);
        text += len + (text[len] == '\n');
    }
    *ret = headers;
    return n;
}

static PbHeaderMap *pack_headers(const struct kit_message *m, struct arena *arena)
{
    struct extproc_header *headers;
    size_t n = kit_parse_headers(m->headers, arena, &headers);
    PbHeaderMap *map = kit_need(arena_alloc(arena, sizeof *map));
    envoy__config__core__v3__header_map__init(map);
    map->n_headers = n;
    map->headers = kit_need(arena_array(arena, n, sizeof *map->headers));
    for (size_t i = 0; i < n; i++) {
        PbHeaderValue *header = kit_need(arena_alloc(arena, sizeof *header));
        envoy__config__core__v3__header_value__init(header);
        header->key = text_of(arena, headers[i].name);
        if (m->plain_values)
            header->value = text_of(arena, headers[i].value);
        else
            header->raw_value = bytes_of(arena, headers[i].value);
        map->headers[i] = header;
    }
    return map;
}

/* ---- trees ----------------------------------------------------------------------------------- */

static PbFieldsEntry *pack_field(const struct kit_extra *extra, struct arena *arena)
{
    PbValue *value = kit_need(arena_alloc(arena, sizeof *value));
    google__protobuf__value__init(value);
    value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    value->string_value = text_of(arena, extproc_str_of(extra->value));

    PbFieldsEntry *field = kit_need(arena_alloc(arena, sizeof *field));
    google__protobuf__struct__fields_entry__init(field);
    field->key = text_of(arena, extproc_str_of(extra->key));
    field->value = value;
    return field;
}

static bool belongs(const struct kit_extra *extra, enum kit_place place, const char *ns)
{
    return extra->place == place && strcmp(extra->ns ? extra->ns : attributes_name, ns) == 0;
}

static PbStruct *pack_struct(const struct kit_extra *extras, enum kit_place place, const char *ns,
                             struct arena *arena)
{
    size_t n = 0;
    for (const struct kit_extra *extra = extras; extra; extra = extra->next)
        n += belongs(extra, place, ns);
    PbStruct *tree = kit_need(arena_alloc(arena, sizeof *tree));
    google__protobuf__struct__init(tree);
    tree->fields = kit_need(arena_array(arena, n, sizeof *tree->fields));
    for (const struct kit_extra *extra = extras; extra; extra = extra->next) {
        if (belongs(extra, place, ns))
            tree->fields[tree->n_fields++] = pack_field(extra, arena);
    }
    return tree;
}

/* Has a namespace that an earlier extra brought up already? */
static bool seen_before(const struct kit_extra *extras, const struct kit_extra *extra)
{
    for (const struct kit_extra *at = extras; at != extra; at = at->next) {
        if (belongs(at, extra->place, extra->ns ? extra->ns : attributes_name))
            return true;
    }
    return false;
}

static void add_attributes(PbRequest *request, const struct kit_extra *extra, PbStruct *tree,
                           struct arena *arena)
{
    PbAttributesEntry *entry = kit_need(arena_alloc(arena, sizeof *entry));
    envoy__service__ext_proc__v3__processing_request__attributes_entry__init(entry);
    entry->key = text_of(arena, extproc_str_of(extra->ns ? extra->ns : attributes_name));
    entry->value = tree;
    request->attributes[request->n_attributes++] = entry;
}

static void add_old_attributes(PbHttpHeaders *headers, const struct kit_extra *extra,
                               PbStruct *tree, struct arena *arena)
{
    PbHttpHeadersAttributesEntry *entry = kit_need(arena_alloc(arena, sizeof *entry));
    envoy__service__ext_proc__v3__http_headers__attributes_entry__init(entry);
    entry->key = text_of(arena, extproc_str_of(extra->ns ? extra->ns : attributes_name));
    entry->value = tree;
    headers->attributes[headers->n_attributes++] = entry;
}

static void add_metadata(PbMetadata *metadata, const struct kit_extra *extra, PbStruct *tree,
                         struct arena *arena)
{
    PbFilterMetadataEntry *entry = kit_need(arena_alloc(arena, sizeof *entry));
    envoy__config__core__v3__metadata__filter_metadata_entry__init(entry);
    entry->key = text_of(arena, extproc_str_of(extra->ns));
    entry->value = tree;
    metadata->filter_metadata[metadata->n_filter_metadata++] = entry;
}

static void pack_extras(const struct kit_message *m, PbRequest *request, struct arena *arena)
{
    size_t n = 0;
    for (const struct kit_extra *extra = m->extras; extra; extra = extra->next)
        n++;
    PbMetadata *metadata = request->metadata_context =
        kit_need(arena_alloc(arena, sizeof *metadata));
    envoy__config__core__v3__metadata__init(metadata);
    metadata->filter_metadata = kit_need(arena_array(arena, n, sizeof *metadata->filter_metadata));
    request->attributes = kit_need(arena_array(arena, n, sizeof *request->attributes));
    PbHttpHeaders *headers = NULL;
    if (m->has_phase && phase_part(m->phase) == PART_HEADERS) {
        headers = request->request_headers;
        headers->attributes = kit_need(arena_array(arena, n, sizeof *headers->attributes));
    }
    for (const struct kit_extra *extra = m->extras; extra; extra = extra->next) {
        if (seen_before(m->extras, extra))
            continue;
        PbStruct *tree =
            pack_struct(m->extras, extra->place, extra->ns ? extra->ns : attributes_name, arena);
        if (extra->place == KIT_ATTRIBUTES)
            add_attributes(request, extra, tree, arena);
        else if (extra->place == KIT_METADATA)
            add_metadata(metadata, extra, tree, arena);
        else if (headers)
            add_old_attributes(headers, extra, tree, arena);
    }
}

/* ---- the message ----------------------------------------------------------------------------- */

static PbHttpHeaders *pack_http_headers(const struct kit_message *m, struct arena *arena)
{
    PbHttpHeaders *headers = kit_need(arena_alloc(arena, sizeof *headers));
    envoy__service__ext_proc__v3__http_headers__init(headers);
    headers->headers = pack_headers(m, arena);
    headers->end_of_stream = m->end;
    return headers;
}

static PbHttpBody *pack_http_body(const struct kit_message *m, struct arena *arena)
{
    PbHttpBody *body = kit_need(arena_alloc(arena, sizeof *body));
    envoy__service__ext_proc__v3__http_body__init(body);
    body->body = bytes_of(arena, m->body);
    body->end_of_stream = m->end;
    return body;
}

static PbHttpTrailers *pack_http_trailers(const struct kit_message *m, struct arena *arena)
{
    PbHttpTrailers *trailers = kit_need(arena_alloc(arena, sizeof *trailers));
    envoy__service__ext_proc__v3__http_trailers__init(trailers);
    trailers->trailers = pack_headers(m, arena);
    return trailers;
}

/* All members of the oneof are pointers in one union. */
static void pack_phase(const struct kit_message *m, PbRequest *request, struct arena *arena)
{
    bool of_request = phase_lane(m->phase) == LANE_REQUEST;
    switch (phase_part(m->phase)) {
    case PART_HEADERS:
        request->request_case =
            of_request ? PB_CASE_REQUEST(REQUEST_HEADERS) : PB_CASE_REQUEST(RESPONSE_HEADERS);
        request->request_headers = pack_http_headers(m, arena);
        break;
    case PART_BODY:
        request->request_case =
            of_request ? PB_CASE_REQUEST(REQUEST_BODY) : PB_CASE_REQUEST(RESPONSE_BODY);
        request->request_body = pack_http_body(m, arena);
        break;
    case PART_TRAILERS:
    case N_PARTS:
        request->request_case =
            of_request ? PB_CASE_REQUEST(REQUEST_TRAILERS) : PB_CASE_REQUEST(RESPONSE_TRAILERS);
        request->request_trailers = pack_http_trailers(m, arena);
        break;
    }
}

static PbProtocolConfiguration *pack_protocol(const struct kit_message *m, struct arena *arena)
{
    PbProtocolConfiguration *protocol = kit_need(arena_alloc(arena, sizeof *protocol));
    envoy__service__ext_proc__v3__protocol_configuration__init(protocol);
    protocol->request_body_mode = (PbBodySendMode)m->modes[LANE_REQUEST];
    protocol->response_body_mode = (PbBodySendMode)m->modes[LANE_RESPONSE];
    return protocol;
}

struct extproc_str kit_pack(const struct kit_message *m, struct arena *arena)
{
    if (m->raw.ptr)
        return m->raw;
    PbRequest request;
    envoy__service__ext_proc__v3__processing_request__init(&request);
    if (m->has_phase)
        pack_phase(m, &request, arena);
    pack_extras(m, &request, arena);
    if (m->has_protocol)
        request.protocol_config = pack_protocol(m, arena);
    request.observability_mode = m->observing;

    size_t len = envoy__service__ext_proc__v3__processing_request__get_packed_size(&request);
    uint8_t *bytes = kit_need(arena_alloc(arena, len));
    envoy__service__ext_proc__v3__processing_request__pack(&request, bytes);
    return (struct extproc_str){(const char *)bytes, len};
}
