/* api: the table that every handle points to. */
#ifndef EXTPROCD_PLUGIN_API_API_H
#define EXTPROCD_PLUGIN_API_API_H

#include "plugin/api/setup/api_conf.h"
#include "plugin/api/setup/api_file.h"
#include "plugin/api/txn/api_txn.h"

extern const struct extproc_api plugin_api;

#endif
