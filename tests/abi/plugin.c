/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of the SDK that plugins and host share in memory, for tools/check-abi. Pointers, so that a struct that
 * grows moves nothing else. */
#include <gavea/plugin.h>

struct gavea_abi {
	struct gavea_plugin *plugin;
	struct gavea_needs *needs;
	struct gavea_option *option;
	struct gavea_host *host;
	struct gavea_check *check;
	struct gavea_pair *pair;
	enum gavea_status status;
	enum gavea_log_level level;
	enum gavea_sample_type sample;
	enum gavea_option_type option_type;
	enum gavea_option_flag option_flag;
	enum gavea_network network;
	enum gavea_record_kind record;
};

/* An exported function, so that abidw follows its types. */
__attribute__((visibility("default"))) const struct gavea_plugin *gavea_abi(struct gavea_abi *all);

const struct gavea_plugin *gavea_abi(struct gavea_abi *all)
{
	return all->plugin;
}
