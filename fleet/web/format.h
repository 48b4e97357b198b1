/* SPDX-License-Identifier: Apache-2.0 */
/* Times and numbers for people. */
#ifndef FLEET_WEB_FORMAT_H
#define FLEET_WEB_FORMAT_H

#include "fleet/web/html.h"

/* "just now", "42 s ago", "3 h 12 min ago", "2 d 4 h ago"; "in 5 s" for what lies ahead. Returns buffer. */
char *format_ago(char buffer[static 48], int64_t ago_ms);

/* "420 ms", "3.2 s", "42 s", "5 min". Returns buffer. */
char *format_took(char buffer[static 48], uint64_t duration_us);

/* A value in a unit of struct model_plot: "12.3 %", "1.5 MiB/s", "3.21". Returns buffer. */
char *format_value(char buffer[static 48], double value, const char *unit);

/* "2026-01-31 12:00:00 UTC", or "unknown" for what no calendar has. Returns buffer. */
char *format_exact(char buffer[static 48], int64_t unix_ms);

/* A <time> that says how long ago, with the exact time in datetime and title. 0: "unknown". */
void html_ago(struct html *html, int64_t unix_ms, int64_t now_ms);

#endif
