/* SPDX-License-Identifier: Apache-2.0 */
/* What a client can read, by its Accept and Accept-Encoding headers (RFC 9110). */
#ifndef PROMETHEUS_NEGOTIATE_H
#define PROMETHEUS_NEGOTIATE_H

#include <stdbool.h>

enum format {
	FORMAT_TEXT, /* text/plain; version=0.0.4 */
	FORMAT_OPENMETRICS, /* application/openmetrics-text; version=1.0.0 */
	FORMATS,
};

/* The format that the client likes best; text when it likes both the same, when it says nothing (NULL), and when it
 * takes neither: a scraper that asks for nothing that there is gets what all can read. */
enum format negotiate_format(const char *accept);

/* Whether the client takes gzip: it must name it, or "*", with a weight above 0. */
bool negotiate_gzip(const char *accept_encoding);

const char *format_content_type(enum format format);

#endif
