/* framing: method and status -> whether there is a body.
 *
 * An upgrade is known by `upgrade`, named in `connection`. So an extended CONNECT (RFC 8441) is one
 * too: a proxy shows it as GET with `upgrade`. What follows such a request is not a body that a
 * client could hide from the plugins, whatever its content-length is: the proxy holds it back until
 * the upstream has accepted the upgrade.
 */
#include "http/rules/framing.h"

#include "base/str.h"

#include <extproc/text.h>

/* ---- the request ----------------------------------------------------------------------------- */

static bool has_element(const struct headers *h, struct extproc_str name, struct extproc_str wanted)
{
    struct extproc_str list, element;
    for (size_t i = 0; (list = headers_get(h, name, i)).ptr; i++) {
        while (extproc_split(&list, ',', &element)) {
            if (extproc_eq_nocase(extproc_trim(element), wanted))
                return true;
        }
    }
    return false;
}

struct request_kind request_kind_of_method(struct extproc_str method)
{
    return (struct request_kind){
        .known = method.len > 0,
        .head = str_eq_c(method, "HEAD"),
        .connect = str_eq_c(method, "CONNECT"),
    };
}

struct request_kind request_kind_of(const struct headers *request)
{
    struct request_kind kind =
        request_kind_of_method(headers_get(request, EXTPROC_S(":method"), 0));
    kind.upgrade = headers_get(request, EXTPROC_S("upgrade"), 0).len > 0 &&
                   has_element(request, EXTPROC_S("connection"), EXTPROC_S("upgrade"));
    return kind;
}

enum framing framing_of_request(const struct request_kind *request, unsigned status)
{
    return request->connect || request->upgrade || status == 101 ? FRAMING_TUNNEL : FRAMING_BODY;
}

/* ---- the response ---------------------------------------------------------------------------- */

unsigned framing_status(struct extproc_str text)
{
    unsigned status = 0;
    if (text.len != 3)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        status = 10 * status + (unsigned)(text.ptr[i] - '0');
    }
    return status;
}

static bool opens_tunnel(const struct request_kind *request, unsigned status)
{
    if (status == 0)
        return framing_of_request(request, 0) == FRAMING_TUNNEL;
    return status == 101 || (request->connect && status >= 200 && status <= 299);
}

static bool is_bodiless(unsigned status)
{
    return (status >= 100 && status <= 199) || status == 204 || status == 304;
}

enum framing framing_of_response(const struct request_kind *request, unsigned status)
{
    if (opens_tunnel(request, status))
        return FRAMING_TUNNEL;
    if (request->head || is_bodiless(status))
        return FRAMING_NONE;
    return request->known && status != 0 && status != 205 ? FRAMING_BODY : FRAMING_SEEN;
}

bool framing_may_change(const struct request_kind *request, unsigned from, unsigned to,
                        bool follows, bool announced)
{
    enum framing before = framing_of_response(request, from);
    enum framing after = framing_of_response(request, to);
    if (before == FRAMING_TUNNEL || after == FRAMING_TUNNEL)
        return before == after;
    if (before == FRAMING_NONE)
        return after == FRAMING_NONE || !announced;
    return extproc_status_has_body(to) || !follows;
}

bool framing_may_answer(const struct request_kind *request, unsigned status)
{
    return extproc_status_has_body(status) && !opens_tunnel(request, status);
}
