/* SPDX-License-Identifier: Apache-2.0 */
/* The item "file descriptors": open files of the whole host, of those that may be. */
#include "collector.h"

struct files {
	double warning; /* per cent */
	double critical;
};

static int files_open(void *state, struct collection *collection)
{
	struct files *files = state;

	files->warning = gavea_option_float(collection->check, "files_warning");
	files->critical = gavea_option_float(collection->check, "files_critical");
	return 0;
}

static int files_judge(void *state, struct collection *collection, size_t file, const char *text)
{
	const struct files *files = state;
	const struct facts *facts = &collection->facts;
	enum gavea_status status = GAVEA_OK;
	double percent;

	(void)file;
	(void)text;
	if (facts->files_maximum <= 0)
		return 0;
	percent = 100 * facts->files_allocated / facts->files_maximum;
	if (percent > files->critical)
		status = GAVEA_CRITICAL;
	else if (percent > files->warning)
		status = GAVEA_WARNING;
	verdict(&collection->verdicts, collection->check, "file descriptors", status, true,
		"%.0f open, %.0f %% of what may be%s", facts->files_allocated, percent,
		status == GAVEA_OK ? "" : "; find who leaks them (lsof), or raise fs.file-max");
	return 0;
}

const struct collector judge_files = {
	"file descriptors", {NULL}, sizeof(struct files), files_open, files_judge, NULL, NULL};
