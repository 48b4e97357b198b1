/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

#define REPEAT (3 * NSEC_PER_SEC)

void context_progress(struct context *context, double done, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(context->progress, sizeof(context->progress), format, args);
	va_end(args);
	context->progress_done = done;
	context->progress_until = clock_ns(CLOCK_MONOTONIC) + REPEAT;
	(void)gavea_progress(context->check, done, context->progress);
}

void context_repeat_progress(struct context *context)
{
	if (*context->progress && clock_ns(CLOCK_MONOTONIC) < context->progress_until)
		(void)gavea_progress(context->check, context->progress_done, context->progress);
}
