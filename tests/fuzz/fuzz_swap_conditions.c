/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/swap
/* A line of configuration: as a gate, a condition of the preflight, and a digest. What is read is judged once. */
#include "plugins/swap/gate.h"
#include "plugins/swap/preflight.h"
#include "plugins/swap/signature.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_gate(const char *text, size_t size)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct gate_counts now = {.n = size * 10, .k = size}, base = {.n = 1000, .k = 3};
	struct gate_result result;
	struct gate gate;

	if (gate_parse(text, &gate, &error) < 0) {
		if (!error.message)
			abort();
		return;
	}
	gate_judge(&gate, &now, &base, &result);
	if (result.verdict == VERDICT_PASS && now.n == 0)
		abort();
	gate_done(&gate);
}

static void try_point(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct point point;

	if (point_parse(text, &point, &error) == 0) {
		if (!point.checks == !point.manual)
			abort();
		point_done(&point);
	} else if (!error.message) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	uint8_t bytes[SIGNATURE_BYTES];

	if (!text)
		return 0;
	try_gate(text, size);
	try_point(text);
	(void)digest_parse(text, bytes);
	(void)signature_parse(data, size, bytes);
	return 0;
}
