/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensors of the hardware: temperatures, fans, voltages, as the kernel's hwmon class has them. The names of files say what
 * they hold ("temp1_crit", Documentation/hwmon/sysfs-interface.rst).
 */
#include "scanned.h"

#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum {
	WORD_ROOM = 128,
};

static const char *const sensor_types[] = {"vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm",
	"temp", "curr", "power", "energy", "humidity", "intrusion"};

static const struct metric chip_metric = {
	"node_hwmon_chip_names", GAVEA_GAUGE, NULL, "What a chip calls itself"};
static const struct metric label_metric = {
	"node_hwmon_sensor_label", GAVEA_GAUGE, NULL, "What a sensor is labelled"};

struct chip {
	struct scanned *scanned;
	char name[WORD_ROOM];
};

/* A name of a file, taken apart. */
struct sensor {
	char type[WORD_ROOM];
	char name[WORD_ROOM]; /* type and number */
	char element[WORD_ROOM]; /* "" when the name is all of it */
};

static void hwmon_close(void *state)
{
	scanned_done(state);
}

/* Lower case, other characters than letters, digits and ":" as "_", and none of these at the ends. */
static void clean_word(const char *word, char clean[static WORD_ROOM])
{
	size_t used = 0, start = 0;

	for (; *word && used < WORD_ROOM - 1; word++) {
		char c = (char)tolower((unsigned char)*word);

		clean[used++] =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ? c : '_';
	}
	while (used && clean[used - 1] == '_')
		used--;
	while (start < used && clean[start] == '_')
		start++;
	memmove(clean, clean + start, used - start);
	clean[used - start] = '\0';
}

/* The chip by the path of its device, which is stable, else by its own name, else by its number. */
static void name_chip(const char *folder, const char *name, char chip[static WORD_ROOM])
{
	_cleanup_free_ char *link = path_join(folder, "device", NULL);
	char path[PATH_MAX], type[WORD_ROOM], device[WORD_ROOM], text[WORD_ROOM];
	char *slash;

	if (link && realpath(link, path) && (slash = strrchr(path, '/'))) {
		clean_word(slash + 1, device);
		*slash = '\0';
		slash = strrchr(path, '/');
		clean_word(slash ? slash + 1 : "", type);
		if (*device) {
			snprintf(chip, WORD_ROOM, "%.60s%s%.60s", type, *type ? "_" : "", device);
			return;
		}
	}
	chip[0] = '\0';
	if (attr_read_text(folder, "name", text, sizeof(text)) == 0)
		clean_word(text, chip);
	if (!*chip)
		clean_word(name, chip);
}

/* "temp1_crit" to temp, temp1, crit. Whether it is a sensor. */
static bool sensor_parse(const char *file, struct sensor *ret_sensor)
{
	size_t type_size = strcspn(file, "0123456789");
	size_t digits = strspn(file + type_size, "0123456789");
	const char *rest = file + type_size + digits;
	bool known = false;

	if (!type_size || type_size >= 32 || digits > 9 || (*rest && *rest != '_') || (*rest && !rest[1]) ||
		strlen(rest) >= WORD_ROOM)
		return false;
	snprintf(ret_sensor->type, WORD_ROOM, "%.*s", (int)type_size, file);
	for (size_t i = 0; i < ARRAY_SIZE(sensor_types); i++)
		known = known || streq(ret_sensor->type, sensor_types[i]);
	snprintf(ret_sensor->name, WORD_ROOM, "%.31s%ld", ret_sensor->type,
		strtol(file + type_size, NULL, 10));
	snprintf(ret_sensor->element, WORD_ROOM, "%s", *rest ? rest + 1 : "");
	return known;
}

/* What an element is measured in: the end of the metric's name, and how to get there. */
struct unit {
	const char *suffix;
	const char *unit;
	double factor;
	double divisor;
};

static struct unit unit_of(const char *type, const char *element)
{
	if (streq(element, "fault") || streq(element, "alarm"))
		return (struct unit){"", NULL, 1, 1};
	if (streq(element, "beep"))
		return (struct unit){"_enabled", NULL, 1, 1};
	if (streq(type, "in") || streq(type, "cpu"))
		return (struct unit){"_volts", "volts", 0.001, 1};
	if (streq(type, "temp") && !streq(element, "type"))
		return (struct unit){"_celsius", "celsius", 0.001, 1};
	if (streq(type, "curr"))
		return (struct unit){"_amps", "amperes", 0.001, 1};
	if (streq(type, "energy"))
		return (struct unit){"_joule_total", "joules", 1, 1e6};
	if (streq(type, "power") && streq(element, "accuracy"))
		return (struct unit){"", NULL, 1, 1e6};
	if (streq(type, "power") && startswith(element, "average_interval"))
		return (struct unit){"_seconds", "seconds", 0.001, 1};
	if (streq(type, "power"))
		return (struct unit){"_watt", "watts", 1, 1e6};
	if (streq(type, "humidity"))
		return (struct unit){"", NULL, 1, 1e6};
	if (streq(type, "fan") &&
		(!*element || streq(element, "min") || streq(element, "max") || streq(element, "target")))
		return (struct unit){"_rpm", NULL, 1, 1};
	if (streq(type, "update_interval"))
		return (struct unit){"_seconds", "seconds", 0.001, 1};
	return (struct unit){"", NULL, 1, 1};
}

static void sensor_add(struct chip *chip, const char *folder, const char *file, const struct sensor *sensor)
{
	const struct gavea_pair labels[] = {{"chip", chip->name}, {"sensor", sensor->name}};
	const char *type = sensor->type;
	char name[2 * WORD_ROOM + 64], help[2 * WORD_ROOM + 64], element[WORD_ROOM];
	struct metric metric = {name, GAVEA_GAUGE, NULL, help};
	struct unit unit;

	clean_word(streq(sensor->element, "input") ? "" : sensor->element, element);
	unit = unit_of(type, element);
	if (streq(type, "vrm"))
		type = "voltage_regulator_version";
	if (streq(type, "beep_enable"))
		type = "beep_enabled";
	snprintf(name, sizeof(name), "node_hwmon_%s%s%s%s", type, *element ? "_" : "", element, unit.suffix);
	snprintf(help, sizeof(help), "%s%s%s of a sensor", type, *element ? " " : "", element);
	metric.unit = unit.unit;
	if (streq(type, "energy"))
		metric.type = GAVEA_COUNTER;
	scanned_add(chip->scanned, &metric, labels, 2, folder, file, unit.factor, unit.divisor,
		*element ? ATTR_SELDOM : ATTR_EACH_RUN);
}

static int each_file(void *context, const char *folder, const char *file)
{
	struct chip *chip = context;
	struct sensor sensor;
	char text[WORD_ROOM];

	if (!sensor_parse(file, &sensor))
		return 0;
	if (streq(sensor.element, "label")) {
		struct gavea_pair labels[] = {{"chip", chip->name}, {"label", text}, {"sensor", sensor.name}};

		if (attr_read_text(folder, file, text, sizeof(text)) < 0)
			return 0;
		return scanned_info(chip->scanned, &label_metric, labels, 3);
	}
	sensor_add(chip, folder, file, &sensor);
	return 0;
}

static int each_chip(void *context, const char *folder, const char *name)
{
	struct chip chip = {.scanned = context};
	_cleanup_free_ char *path = path_join(folder, name, NULL),
			    *device = path_join(folder, name, "device");
	char text[WORD_ROOM], clean[WORD_ROOM];
	int r;

	if (!path || !device)
		return -ENOMEM;
	name_chip(path, name, chip.name);
	if (attr_read_text(path, "name", text, sizeof(text)) == 0) {
		struct gavea_pair labels[] = {{"chip", chip.name}, {"chip_name", clean}};

		clean_word(text, clean);
		r = scanned_info(context, &chip_metric, labels, 2);
		if (r < 0)
			return r;
	}
	r = attr_each(path, "", &chip, each_file);
	return r < 0 ? r : attr_each(device, "", &chip, each_file);
}

static int hwmon_collect(void *state, struct collection *collection, size_t file, const char *text)
{
	(void)file;
	(void)text;
	return scanned_collect(state, collection, "class/hwmon", "", each_chip);
}

const struct collector collector_hwmon = {
	"hwmon", {NULL}, sizeof(struct scanned), NULL, hwmon_collect, hwmon_close, NULL};
