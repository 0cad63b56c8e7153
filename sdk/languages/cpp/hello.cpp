/* hello: an example in C++20. Build it with
 *     c++ -std=c++20 -shared -fPIC -fvisibility=hidden -Wl,-z,defs $(pkg-config --cflags extproc) -o hello.so hello.cpp
 */
#include "extproc.hpp"

#include <stdexcept>

static const extproc_key keys[] = {
    {.name = "greeting", .fallback = "hello from C++", .help = "The value of x-hello."},
    {.name = nullptr},
};

static extproc_action check(extproc_txn &x)
{
    auto asked = extproc::view(extproc_header_get(&x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-fail")));
    if (asked == "panic")
        throw std::runtime_error("as asked");
    if (!asked.empty())
        return extproc_fail(&x, "asked to %s", "fail");
    return EXTPROC_ACTION_CONTINUE;
}

static extproc_action greet(extproc_txn &x)
{
    return extproc_continue(extproc_header_set(&x, EXTPROC_MAP_RESPONSE, EXTPROC_S("x-hello"),
                                               extproc_conf(x.instance, "greeting", 0)));
}

const extproc_plugin extproc_plugin_v1 = {
    .abi = EXTPROC_ABI,
    .name = "hello",
    .keys = keys,
    .request_headers = extproc::guarded<check>,
    .response_headers = extproc::guarded<greet>,
};
