/* extproc: the contract of <extproc/plugin.h> for C++20: views as std::string_view, and callbacks that may
 * throw. The header is the manual. */
#ifndef EXTPROC_HPP
#define EXTPROC_HPP

#include <extproc/plugin.h>

#include <exception>
#include <string_view>

namespace extproc
{

inline extproc_str from(std::string_view text)
{
    return {text.data() ? text.data() : "", text.size()};
}

/* Absent is empty; ask for .ptr where that matters. */
inline std::string_view view(extproc_str s)
{
    return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{};
}

/* A callback that may throw: no exception may enter the host, so one fails the callback, with its text. */
template <extproc_action (*Callback)(extproc_txn &)> extproc_action guarded(extproc_txn *x) noexcept
{
    try {
        return Callback(*x);
    } catch (const std::exception &e) {
        return extproc_fail_str(x, extproc_str{nullptr, 0}, from(e.what()));
    } catch (...) {
        return extproc_fail_str(x, extproc_str{nullptr, 0}, from("an exception of an unknown type"));
    }
}

} // namespace extproc

#endif
