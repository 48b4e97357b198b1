/* SPDX-License-Identifier: Apache-2.0 */
/* gavea-fleetd(8): the central server. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "fleet/command.h"
#include "fleet/server.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define CONFIG_FILE GAVEA_CONF_DIR "-fleet/gavea-fleet.conf"

static const char usage[] = "Usage: gavea-fleetd [OPTION]... [COMMAND]\n"
			    "The central server of gavea: takes the reports of agents, keeps the state of "
			    "every host, and shows it.\n\n"
			    "  --config FILE          read this file instead of " CONFIG_FILE "\n"
			    "  --state DIRECTORY      keep the state here\n"
			    "  --listen ADDRESS:PORT  listen here; port 0: any free one\n"
			    "  --port-file FILE       write the port that was chosen into this file\n"
			    "  --log-level LEVEL      error, warning, notice, info or debug\n"
			    "  --log-format FORM      auto, text or json\n"
			    "  --check                judge the configuration and exit\n"
			    "  --help, --version\n\n"
			    "Commands, which may be given while the server runs:\n\n";

struct arguments {
	const char *config, *state, *listen, *port_file, *log_level, *log_format;
	bool check;
	int argc; /* what stands behind the options */
	char **argv;
};

/* -1: go on; else the exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"state", required_argument, NULL, 's'},
		{"listen", required_argument, NULL, 'l'},
		{"port-file", required_argument, NULL, 'p'},
		{"log-level", required_argument, NULL, 'L'},
		{"log-format", required_argument, NULL, 'F'},
		{"check", no_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) >= 0)
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 's':
			ret->state = optarg;
			break;
		case 'l':
			ret->listen = optarg;
			break;
		case 'p':
			ret->port_file = optarg;
			break;
		case 'L':
			ret->log_level = optarg;
			break;
		case 'F':
			ret->log_format = optarg;
			break;
		case 'C':
			ret->check = true;
			break;
		case 'h':
			fputs(usage, stdout);
			fputs(command_usage(), stdout);
			return 0;
		case 'v':
			puts("gavea-fleetd " GAVEA_VERSION);
			return 0;
		default:
			return 2;
		}
	ret->argc = argc - optind;
	ret->argv = argv + optind;
	if (optind < argc && !command_is(argv[optind])) {
		fprintf(stderr, "gavea-fleetd: unexpected argument '%s'\n", argv[optind]);
		return 2;
	}
	return -1;
}

static int load_settings(const struct arguments *arguments, struct settings *settings, struct error *error)
{
	int r = settings_init(settings);

	if (r == 0)
		r = settings_read_file(settings, arguments->config ? arguments->config : CONFIG_FILE,
			!arguments->config, error);
	if (r == 0 && arguments->listen) {
		r = settings_set_listen(settings, arguments->listen);
		if (r == -EINVAL)
			error_set(error, r, "--listen: '%s' is not ADDRESS:PORT", arguments->listen);
	}
	if (r == 0 && arguments->state) {
		free(settings->state);
		settings->state = strdup(arguments->state);
		r = settings->state ? 0 : -ENOMEM;
	}
	if (r == 0 && arguments->log_level) {
		settings->log_level = log_level_from_name(arguments->log_level);
		if (settings->log_level < 0)
			r = error_set(error, -EINVAL, "--log-level: '%s' is none", arguments->log_level);
	}
	return r < 0 ? r : settings_judge(settings, error);
}

static int write_port(const char *path, uint16_t port, struct error *error)
{
	char text[16];
	int length = snprintf(text, sizeof text, "%u\n", port);
	int r = path ? file_write_atomic(AT_FDCWD, path, text, (size_t)length, 0644) : 0;

	return r < 0 ? error_set(error, r, "can't write %s: %s", path, strerror(-r)) : 0;
}

/* A line of the log for each line: a configuration may have several errors. */
static void complain(const struct error *error, int code)
{
	_cleanup_free_ char *text = strdup(error_text(error, code));
	char *rest = text;

	for (const char *line; rest && (line = strsep(&rest, "\n"));)
		log_error("%s", line);
}

/* A transaction: the old settings stay in force when there is anything wrong with the new ones. */
static void reload(const struct arguments *arguments, struct settings *settings, struct server *server)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buf_ struct buf restart = BUF_INIT;
	struct settings next = {};
	int r;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_ns(CLOCK_MONOTONIC) / NSEC_PER_USEC);
	r = load_settings(arguments, &next, &error);
	if (r == 0)
		r = settings_reload(settings, &next, &restart, &error);
	if (r < 0) {
		complain(&error, r);
		log_error("not reloaded: the settings from before stay in force");
		sd_notify(0, "READY=1\nSTATUS=Not reloaded: see the log");
	} else {
		server_set_tokens(server, settings);
		log_set_level(settings->log_level);
		log_notice("reloaded: tokens and log level");
		r = server_reload_certificate(server, settings, &error);
		if (r < 0)
			log_error("the certificate from before stays: %s", error_text(&error, r));
		if (restart.size > 0)
			log_warning("these settings take effect at a restart: %s", buf_str(&restart));
		sd_notifyf(0, "READY=1\nSTATUS=Listening on port %u", httpd_port(server->httpd));
	}
	settings_done(&next);
}

/* Until SIGTERM or SIGINT; reloads, and keeps the watchdog quiet meanwhile. */
static void handle_signals(
	int signals, const struct arguments *arguments, struct settings *settings, struct server *server)
{
	struct pollfd fd = {.fd = signals, .events = POLLIN};
	struct signalfd_siginfo info;
	uint64_t watchdog_us = 0;
	int timeout = server_tick_ms(settings);

	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		timeout = (int)MIN(watchdog_us / 2000, (uint64_t)timeout);
	for (;;) {
		int n = poll(&fd, 1, timeout);

		if (n == 0) {
			sd_notify(0, "WATCHDOG=1");
			server_tick(server);
		} else if (n < 0 || read(signals, &info, sizeof info) != sizeof info) {
			continue;
		} else if (info.ssi_signo == SIGHUP) {
			reload(arguments, settings, server);
		} else {
			return;
		}
	}
}

/* Blocks signals in every thread to come. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit is like a full disk */
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(struct settings *settings, const struct arguments *arguments, struct error *error)
{
	struct server *server = NULL;
	_cleanup_fd_ int signals = -EBADF;
	int r;

	umask(0077);
	signals = open_signals();
	if (signals < 0)
		return error_set(error, -errno, "signalfd: %s", strerror(errno));
	r = server_start(settings, &server, error);
	if (r == 0)
		r = write_port(arguments->port_file, httpd_port(server->httpd), error);
	if (r == 0) {
		log_notice("listening on %s port %u, %s", settings->address, httpd_port(server->httpd),
			settings_tls(settings) ? "TLS" : "without TLS");
		if (settings_open(settings) && !settings->report_token)
			log_warning("no report_token is set: whoever reaches this port can report");
		sd_notifyf(0, "READY=1\nSTATUS=Listening on port %u", httpd_port(server->httpd));
		handle_signals(signals, arguments, settings, server);
		sd_notify(0, "STOPPING=1");
		log_info("stopping");
	}
	server_stop(server);
	return r;
}

/* As many descriptors as connections need. */
static void raise_limits(const struct settings *settings)
{
	rlim_t need = settings->max_connections + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
		return;
	limit.rlim_cur = MIN(need, limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < need)
		log_warning("only %llu descriptors are allowed, %llu are needed for max_connections",
			(unsigned long long)limit.rlim_cur, (unsigned long long)need);
}

static bool open_log(const struct arguments *arguments)
{
	int format = log_format_from_name(arguments->log_format ? arguments->log_format : "auto");

	if (format < 0) {
		fprintf(stderr, "gavea-fleetd: --log-format: '%s' is none of auto, text, json\n",
			arguments->log_format);
		return false;
	}
	log_open("gavea-fleetd", (enum log_format)format);
	return true;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {};
	struct settings settings = {};
	struct error error = ERROR_INIT;
	int r = parse_arguments(argc, argv, &arguments);

	if (r >= 0)
		return r;
	if (!open_log(&arguments))
		return 2;
	r = load_settings(&arguments, &settings, &error);
	if (r == 0 && arguments.argc > 0) {
		int status = command_run(&settings, arguments.argc, arguments.argv);

		settings_done(&settings);
		return status;
	}
	if (r == 0 && !arguments.check) {
		log_set_level(settings.log_level);
		raise_limits(&settings);
		r = serve(&settings, &arguments, &error);
	}
	if (r < 0)
		complain(&error, r);
	settings_done(&settings);
	error_done(&error);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
