/* running: which plugin's code a thread runs at the moment. */
#include "base/running.h"

_Thread_local struct running running;
