/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gavead - the agent's manager
 *
 *   gavead [--config DIR] [--state DIR] [--run DIR] [--plugins DIR] [--worker FILE] [--cgroup]
 *          [--log-level LEVEL] [--log-format FORM] [--version] [--help]
 *
 * See gavead(8).
 */
#include "base/log.h"
#include "core/manager/manager.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static const char usage[] =
	"gavead - watches this host by the checks in its configuration, and reports\n"
	"\n"
	"  --config DIR       configuration (" GAVEA_CONF_DIR ")\n"
	"  --state DIR        what lasts: spool, states (" GAVEA_STATE_DIR ")\n"
	"  --run DIR          control socket (" GAVEA_RUN_DIR ")\n"
	"  --plugins DIR      plugins, instead of the configured or installed ones\n"
	"  --worker FILE      gavea-worker, instead of the installed one\n"
	"  --cgroup           this process' cgroup is delegated: give each worker one of its own\n"
	"  --log-level LEVEL  error, warning, notice, info, debug: until the configuration is read\n"
	"  --log-format FORM  auto, text, json (auto: the journal with fields where standard error leads "
	"there)\n"
	"  --version, --help\n";

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"state", required_argument, NULL, 's'},
	{"run", required_argument, NULL, 'r'},
	{"plugins", required_argument, NULL, 'p'},
	{"worker", required_argument, NULL, 'w'},
	{"cgroup", no_argument, NULL, 'g'},
	{"log-level", required_argument, NULL, 'l'},
	{"log-format", required_argument, NULL, 'f'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int set_log_format(const char *name)
{
	int format = log_format_from_name(name);

	if (format < 0) {
		fprintf(stderr, "gavead: --log-format: \"%s\" is none of auto, text, json\n", name);
		return format;
	}
	log_open("gavead", (enum log_format)format);
	return 0;
}

/* 0: go on; positive: done, all is well; negative: usage. */
static int parse_arguments(int argc, char **argv, struct manager_settings *settings)
{
	int option, level;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			settings->config_directory = optarg;
			break;
		case 's':
			settings->state_directory = optarg;
			break;
		case 'r':
			settings->run_directory = optarg;
			break;
		case 'p':
			settings->plugin_directory = optarg;
			break;
		case 'w':
			settings->worker_program = optarg;
			break;
		case 'g':
			settings->cgroup = true;
			break;
		case 'l':
			level = log_level_from_name(optarg);
			if (level < 0) {
				fprintf(stderr, "gavead: --log-level: \"%s\" is not a level\n", optarg);
				return -EINVAL;
			}
			log_set_level(level);
			break;
		case 'f':
			if (set_log_format(optarg) < 0)
				return -EINVAL;
			break;
		case 'V':
			puts("gavead " GAVEA_VERSION);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "gavead: \"%s\": takes no arguments; see --help\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct manager_settings settings = {
		.config_directory = GAVEA_CONF_DIR,
		.state_directory = GAVEA_STATE_DIR,
		.run_directory = GAVEA_RUN_DIR,
	};
	_cleanup_(manager_freep) struct manager *manager = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	log_open("gavead", LOG_FORMAT_AUTO);
	r = parse_arguments(argc, argv, &settings);
	if (r != 0)
		return r < 0 ? 2 : 0;
	r = manager_new(&settings, &manager, &error);
	if (r < 0) {
		log_error("gavead: %s", error_text(&error, r));
		return 1;
	}
	r = manager_run(manager);
	if (r < 0)
		log_error("gavead: %s", strerror(-r));
	return r < 0 ? 1 : 0;
}
