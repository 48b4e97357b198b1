// SPDX-License-Identifier: Apache-2.0
//
// Debian's Chromium, and what the tests ask of a page.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function launch() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync"],
	});
}

// A page in a context of its own that fails its test when it writes an error to the console.
export async function open(t, browser, address, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
	const page = await context.newPage();
	const complaints = [];

	page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
	page.on("pageerror", (error) => complaints.push(String(error)));
	page.complaints = complaints;
	t.after(async () => {
		await context.close();
		assert.deepEqual(complaints, []);
	});
	await page.goto(address);
	return page;
}

// Runs axe-core outside the page's policy, in a world of its own.
export async function violations(page) {
	const session = await page.context().newCDPSession(page);
	const { frameTree } = await session.send("Page.getFrameTree");
	const { executionContextId: contextId } = await session.send("Page.createIsolatedWorld", {
		frameId: frameTree.frame.id,
	});
	const evaluate = async (expression) => {
		const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
			expression, contextId, awaitPromise: true, returnByValue: true,
		});
		assert.equal(exceptionDetails, undefined);
		return result.value;
	};

	await evaluate(axe + "; null");
	return evaluate(`axe.run(document, { resultTypes: ["violations"] }).then((found) =>
		found.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 200)).join(" | ")))`);
}

export async function texts(locator) {
	return (await locator.allInnerTexts()).map((text) => text.trim());
}

// Waits until an assertion holds.
export async function eventually(check, patience = 30000) {
	const end = Date.now() + patience;

	for (;;) {
		try {
			return await check();
		} catch (error) {
			if (Date.now() > end) throw error;
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
}
