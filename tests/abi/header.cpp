/* The SDK header by itself, as C++17. */
#include <extproc/plugin.h>
