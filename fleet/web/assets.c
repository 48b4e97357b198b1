/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/web/assets.h"

#include "base/crc32c.h"

#include <stdio.h>

/* Paths are relative to the root of the tree, where the compiler runs. NOLINTBEGIN(bugprone-macro-parentheses): names of
 * symbols can't stand in parentheses. */
#define EMBED(name, file) \
	__asm__(".pushsection .rodata\n" \
		".hidden " #name "\n.global " #name "\n" #name ":\n" \
		".incbin \"fleet/web/static/" file "\"\n" \
		".hidden " #name "_end\n.global " #name "_end\n" #name "_end:\n.byte 0\n" \
		".popsection\n")

EMBED(asset_style, "style.css");
EMBED(asset_script, "app.js");
EMBED(asset_icon, "icon.svg");
/* NOLINTEND(bugprone-macro-parentheses) */
extern const char asset_style[], asset_style_end[];
extern const char asset_script[], asset_script_end[];
extern const char asset_icon[], asset_icon_end[];

static struct asset asset(const char *path, const char *type, const char *data, const char *end)
{
	struct asset made = {path, type, data, end, ""};

	snprintf(made.tag, sizeof made.tag, "%08x", crc32c(0, data, (size_t)(end - data)));
	return made;
}

void assets_init(struct asset ret_assets[static ASSET_COUNT])
{
	ret_assets[ASSET_STYLE] =
		asset("/static/style.css", "text/css; charset=utf-8", asset_style, asset_style_end);
	ret_assets[ASSET_SCRIPT] =
		asset("/static/app.js", "text/javascript; charset=utf-8", asset_script, asset_script_end);
	ret_assets[ASSET_ICON] = asset("/static/icon.svg", "image/svg+xml", asset_icon, asset_icon_end);
}
