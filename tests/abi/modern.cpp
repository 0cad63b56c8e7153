/* modern: a plugin in C++, which has no designated initialisers before C++20, so as the older
 * compiles it. It has a static object, a thread-local one and an exception that it catches itself.
 */
#include <extproc/plugin.h>

#include <new>
#include <stdexcept>
#include <string>

namespace
{

const std::string greeting = "hello from C++";
thread_local std::string last;

int init(extproc_instance *instance)
{
    try {
        instance->self = new std::string(greeting);
        last.assign(greeting);
        throw std::runtime_error("caught where it was thrown");
    } catch (const std::bad_alloc &) {
        return -1;
    } catch (const std::runtime_error &) {
        return 0;
    }
}

void fini(extproc_instance *instance)
{
    delete static_cast<std::string *>(instance->self);
}

extproc_action on_request(extproc_txn *x)
{
    const std::string &text = *static_cast<std::string *>(x->self);
    return extproc_continue(extproc_header_set(x, EXTPROC_MAP_REQUEST, EXTPROC_S("x-greeting"),
                                               extproc_str{text.data(), text.size()}));
}

constexpr extproc_plugin describe()
{
    extproc_plugin p{};
    p.abi = EXTPROC_ABI;
    p.name = "modern";
    p.init = init;
    p.fini = fini;
    p.request_headers = on_request;
    return p;
}

} // namespace

const extproc_plugin extproc_plugin_v1 = describe();
