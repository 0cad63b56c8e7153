// crew - threads that nothing ends, for there is no fini; they work on what destructors would take
// away. For end-to-end tests. With CREW_READS in the environment one of them waits in a stream of
// stdio's.
#include <extproc/plugin.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

const std::vector<std::string> table(1000, std::string(100, 'x'));

void work(extproc_instance *instance)
{
    for (size_t n = 0;;) {
        for (const auto &s : table)
            n += s.size() + static_cast<unsigned char>(s[5]);
        extproc_instance_log(instance, EXTPROC_LEVEL_DEBUG, "%zu", n);
    }
}

// It holds the lock of the stream, which fflush(NULL) waits for.
void read_what_never_comes()
{
    int ends[2];
    char c;
    if (pipe(ends) == 0)
        std::printf("%zu", std::fread(&c, 1, 1, fdopen(ends[0], "r")));
}

int init(extproc_instance *instance)
{
    for (int i = 0; i < 2; i++)
        std::thread(work, instance).detach();
    if (std::getenv("CREW_READS"))
        std::thread(read_what_never_comes).detach();
    return 0;
}

/* -t warns of a plugin that takes part in no phase. */
extproc_action on_request(extproc_txn *)
{
    return EXTPROC_ACTION_CONTINUE;
}

constexpr extproc_plugin describe()
{
    extproc_plugin p{};
    p.abi = EXTPROC_ABI;
    p.name = "crew";
    p.init = init;
    p.request_headers = on_request;
    return p;
}

} // namespace

const extproc_plugin extproc_plugin_v1 = describe();
