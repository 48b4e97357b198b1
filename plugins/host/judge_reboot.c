/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The item "reboot": whether an upgrade asks for one, by the file that Debian's packages leave, and by a kernel of the
 * running one's flavour that is newer and installed.
 */
#include "attrs.h"

#include "base/clock.h"
#include "base/status.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	RELEASE_ROOM = 128,
};

#define RESCAN (60 * NSEC_PER_SEC)

static const char kernel_prefix[] = "vmlinuz-";

struct reboot {
	enum gavea_status status; /* when one is required */
	bool required;
	char running[RELEASE_ROOM];
	bool running_installed;
	char newest[RELEASE_ROOM]; /* of the same flavour, if newer */
	int64_t next_scan;
};

static int reboot_open(void *state, struct collection *collection)
{
	struct reboot *reboot = state;

	reboot->status = (enum gavea_status)status_from_name(
		gavea_option_string(collection->check, "reboot_required"));
	return 0;
}

/* "-cloud-amd64" of "6.1.0-18-cloud-amd64": what follows the numbers. */
static const char *flavour_of(const char *release)
{
	size_t size = strspn(release, "0123456789.");

	while (release[size] == '-' && release[size + 1] >= '0' && release[size + 1] <= '9')
		size += 1 + strspn(release + size + 1, "0123456789.");
	return release + size;
}

static int each_kernel(void *context, const char *folder, const char *name)
{
	struct reboot *reboot = context;
	const char *release = name + strlen(kernel_prefix);

	(void)folder;
	if (strlen(release) >= RELEASE_ROOM)
		return 0;
	if (streq(release, reboot->running))
		reboot->running_installed = true;
	if (streq(flavour_of(release), flavour_of(reboot->running)) &&
		strverscmp(release, *reboot->newest ? reboot->newest : reboot->running) > 0)
		snprintf(reboot->newest, sizeof(reboot->newest), "%s", release);
	return 0;
}

static int reboot_scan(struct reboot *reboot, const struct collection *collection)
{
	_cleanup_free_ char *flag = NULL, *boot = NULL;
	struct utsname names;

	if (asprintf(&flag, "%s/run/reboot-required", collection->rootfs) < 0) {
		flag = NULL;
		return -ENOMEM;
	}
	if (asprintf(&boot, "%s/boot", collection->rootfs) < 0) {
		boot = NULL;
		return -ENOMEM;
	}
	if (uname(&names) < 0)
		return -errno;
	reboot->required = access(flag, F_OK) == 0;
	snprintf(reboot->running, sizeof(reboot->running), "%.*s", RELEASE_ROOM - 1, names.release);
	reboot->running_installed = false;
	reboot->newest[0] = '\0';
	return attr_each(boot, kernel_prefix, reboot, each_kernel);
}

static int reboot_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	struct reboot *reboot = state;

	(void)file;
	(void)text;
	if (reboot->status == GAVEA_OK)
		return 0;
	if (due(collection, &reboot->next_scan, RESCAN)) {
		int r = reboot_scan(reboot, collection);

		if (r < 0)
			return r;
	}
	if (reboot->required)
		verdict(&collection->verdicts, collection->check, "reboot", reboot->status, false,
			"an upgrade asks for a reboot; /run/reboot-required.pkgs names the packages");
	/* A kernel that came from elsewhere is not judged by those that are installed. */
	else if (reboot->running_installed && *reboot->newest)
		verdict(&collection->verdicts, collection->check, "reboot", reboot->status, false,
			"kernel %s is installed, %s runs: reboot", reboot->newest, reboot->running);
	else
		verdict(&collection->verdicts, collection->check, "reboot", GAVEA_OK, false,
			"none is asked for");
	return 0;
}

const struct collector judge_reboot = {
	"reboot", {NULL}, sizeof(struct reboot), reboot_open, reboot_judge, NULL, NULL};
