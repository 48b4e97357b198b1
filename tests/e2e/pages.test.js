// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, launch, open, texts, violations } from "./browser.js";
import { populate } from "./demo.js";
import { Fleet } from "./fleet.js";

const hour = { within_ms: 3600000 };
const idOf = (number) => number.toString(16).padStart(32, "0");
const ok = (summary = "fine") => ({ state: "ok", summary });

let browser, demo;

before(async () => {
	browser = await launch();
	demo = await Fleet.start();
	await populate(demo);
	await eventually(async () => {
		const answer = await fetch(`${demo.url}/?status=lost`);
		assert.match(await answer.text(), /data-key="0{31}9"/);
	});
});

after(async () => {
	await browser?.close();
	await demo?.stop();
});

async function start(t, ...settings) {
	const fleet = await Fleet.start(...settings);

	t.after(() => fleet.stop());
	return fleet;
}

test("the overview begins with what is wrong, worst first", async (t) => {
	const page = await open(t, browser, demo.url);
	const rows = page.locator("#problems tr");

	assert.equal(await page.title(), "(8) Fleet – gavea");
	assert.deepEqual(await texts(rows.locator(".c-host")), ["proxy-01", "db-02", "app-01", "db-01", "app-01", "app-02",
		"edge-gru-2", "proxy-01"]);
	assert.deepEqual(await texts(rows.locator(".c-mark")), ["lost", "critical", "critical", "unknown", "warning",
		"warning", "unknown", "warning"]);
	assert.match(await rows.nth(1).innerText(), /service\/queue\s+3 of 4 queues do not answer\s+.* ago/);
	assert.deepEqual(await texts(page.locator("#hosts .c-host").first()), ["proxy-01"]);
	const first = await page.locator("#problems").boundingBox();
	assert.ok(first.y < 400, `the problems begin at ${first.y}`);
});

test("a lost host says since when, and its checks are what was last known", async (t) => {
	const page = await open(t, browser, demo.url);
	const first = page.locator("#problems tr").first();

	assert.match(await first.innerText(), /lost\s+proxy-01\s+the host itself\s+Silent: the last report came/);
	assert.match(await first.locator(".c-time time").getAttribute("datetime"), /^2\d{3}-/);
	assert.match(await page.locator("#problems tr").last().innerText(), /proxy-01\s+cert\/www\s+last known: warning/);
	await page.locator("#hosts").getByRole("link", { name: "proxy-01" }).click();
	assert.match(await page.locator(".headline").innerText(), /proxy-01\s+lost/);
	assert.match(await page.locator(".banner").innerText(), /Everything below is what was last known/);
	for (const text of await texts(page.locator("#checks > tr > .c-text"))) assert.match(text, /^last known: /);
});

test("the counts and the filter show a part of the fleet", async (t) => {
	const page = await open(t, browser, demo.url);

	await page.getByRole("link", { name: "2 critical" }).click();
	assert.deepEqual(await texts(page.locator("#hosts .c-host")), ["app-01", "db-02"]);
	assert.deepEqual(await texts(page.locator("#problems .c-mark")), ["critical", "critical"]);
	await page.getByLabel("Status").selectOption("");
	await page.getByLabel("Text").fill("role=EDGE");
	await page.getByRole("button", { name: "Filter" }).click();
	assert.equal(await page.getByLabel("Text").inputValue(), "role=EDGE");
	assert.deepEqual(await texts(page.locator("#hosts .c-host")), ["edge-gru-2", "edge-gru-1", "edge-lis-1"]);
	await page.getByLabel("Text").fill("no such thing");
	await page.getByRole("button", { name: "Filter" }).click();
	assert.match(await page.locator("main").innerText(), /No host matches the filter/);
	await page.getByRole("link", { name: "Clear the filter" }).click();
	assert.equal(await page.locator("#hosts tr").count(), 12);
});

test("a host's page tells who it is, its checks, its last hour and its events", async (t) => {
	const page = await open(t, browser, `${demo.url}/hosts/db-02`);

	assert.equal(await page.title(), "db-02 – gavea");
	assert.match(await page.locator(".facts").innerText(), /Agent\s+1\.0/);
	assert.deepEqual(await texts(page.locator(".headline + .labels .label")), ["role=db", "site=gru-1"]);
	const rows = page.locator("#checks > tr");
	assert.match(await rows.first().innerText(), /critical\s+service\/queue\s+flapping 3 of 4 queues/);
	assert.match(await page.locator("#checks > tr", { hasText: "host/cpu" }).innerText(), /last run: warning, attempt 2/);
	await page.getByText("4 items, 3 not ok").click();
	assert.deepEqual(await texts(rows.first().locator(".c-item")), ["orders", "mail", "audit", "search"]);
	const sparks = page.getByRole("img");
	assert.equal(await sparks.count(), 6);
	assert.match(await sparks.first().getAttribute("aria-label"),
		/^Load over the last hour: minimum [\d.]+, average [\d.]+, maximum [\d.]+, last [\d.]+$/);
	await page.locator(".plot summary").first().click();
	assert.equal(await page.locator(".plot").first().locator("tbody tr").count(), 12);
	assert.match(await page.locator("#events").innerText(), /reload configuration reloaded: 5 checks/);
});

test("a change arrives without a reload and leaves focus and open details alone", async (t) => {
	const fleet = await start(t);
	const told = (state, others = {}) => ({
		...hour, name: "one", checks: {
			"a/items": { state: "warning", summary: "one of two", items: [["x", "ok", "well", {}], ["y", "warning", "less", {}]] },
			"b/moves": { state, summary: `now ${state}` }, ...others,
		},
	});

	await fleet.report(1, told("ok"));
	const page = await open(t, browser, `${fleet.url}/hosts/one`);
	await page.locator("#live", { hasText: "Live" }).waitFor();
	await page.evaluate(() => { window.stays = true; });
	const summary = page.locator("#checks summary");
	await summary.focus();
	await page.keyboard.press("Enter");
	await page.evaluate(() => { document.activeElement.dataset.mine = "1"; });

	await fleet.report(1, told("critical", { "c/new": ok("just added") }));
	const rows = page.locator("#checks > tr");
	await eventually(async () => assert.deepEqual(await texts(rows.locator("> .c-host")), ["b/moves", "a/items", "c/new"]));
	assert.match(await rows.first().innerText(), /critical\s+b\/moves\s+now critical/);
	assert.equal(await page.locator("#news").textContent(), "one critical");
	assert.equal(await page.evaluate(() => document.activeElement.nodeName), "SUMMARY");
	assert.ok(await page.locator("#checks details").evaluate((details) => details.open));

	// Now the row that has the focus moves up.
	await fleet.report(1, told("ok"));
	await eventually(async () => assert.deepEqual(await texts(rows.locator("> .c-host")), ["a/items", "b/moves", "c/new"]));
	assert.equal(await page.evaluate(() => document.activeElement.nodeName), "SUMMARY");
	assert.ok(await page.locator("#checks details").evaluate((details) => details.open));
	assert.equal(await page.locator("#news").textContent(), "one warning");
	assert.ok(await page.evaluate(() => window.stays), "the page was not loaded again");
});

test("a new host and a new problem appear on the overview by themselves", async (t) => {
	const fleet = await start(t);
	const page = await open(t, browser, fleet.url);

	assert.match(await page.locator("main").innerText(), /No host has reported yet/);
	await page.locator("#live", { hasText: "Live" }).waitFor();
	await fleet.report(1, { ...hour, name: "one", checks: { "a/b": ok() } });
	await page.locator("#hosts tr").waitFor();
	assert.match(await page.locator("main").innerText(), /Nothing is wrong/);
	await page.getByLabel("Text").fill("half a word");
	await fleet.report(1, { ...hour, name: "one", checks: { "a/b": { state: "critical", summary: "broken" } } });
	await page.locator("#problems tr", { hasText: "broken" }).waitFor();
	assert.equal(await page.title(), "(1) Fleet – gavea");
	assert.equal(await page.getByLabel("Text").inputValue(), "half a word");
	assert.equal(await page.evaluate(() => document.activeElement.id), "q");
});

test("a page says since when it has lost the server, and catches up when it is back", async (t) => {
	const fleet = await start(t);

	await fleet.report(1, { ...hour, name: "one", checks: { "a/b": ok() } });
	const page = await open(t, browser, fleet.url);
	await page.locator("#live", { hasText: "Live" }).waitFor();
	await fleet.tell({ stop: true });
	await page.locator("#live", { hasText: /^Connection lost since \d/ }).waitFor();
	await fleet.tell({ start: true });
	await fleet.report(1, { ...hour, name: "one", checks: { "a/b": { state: "warning", summary: "while away" } } });
	await page.locator("#problems tr", { hasText: "while away" }).waitFor({ timeout: 60000 });
	await page.locator("#live", { hasText: "Live" }).waitFor();
	page.complaints.length = 0; // of the connection that was lost
});

test("everything can be read without JavaScript", async (t) => {
	const page = await open(t, browser, demo.url, { javaScriptEnabled: false });

	assert.equal(await page.locator("#problems tr").count(), 8);
	assert.match(await page.locator("header").innerText(), /Not live without JavaScript/);
	assert.match(await page.locator(".asof").innerText(), /^As of .* UTC\. Reload$/);
	await page.locator("#problems").getByRole("link", { name: "db-02" }).click();
	await page.getByText("4 items, 3 not ok").click();
	assert.ok(await page.getByText("no consumer for 12 min").isVisible());
	await page.getByRole("link", { name: "Events" }).click();
	assert.ok(await page.locator("#events tr").count() > 5);
});

for (const [look, options] of Object.entries({
	"light": {},
	"dark": { colorScheme: "dark" },
	"on a phone": { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
})) {
	test(`axe-core finds no fault with the pages, ${look}`, async (t) => {
		const page = await open(t, browser, demo.url, { reducedMotion: "reduce", ...options });

		assert.deepEqual(await violations(page), []);
		for (const path of ["/hosts/db-02", "/hosts/proxy-01", "/events", "/?q=nobody"]) {
			await page.goto(demo.url + path);
			for (const summary of await page.locator("summary").all()) await summary.click();
			assert.deepEqual(await violations(page), [], path);
			const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
		}
	});
}

test("the keyboard alone leads from the overview to an item and back", async (t) => {
	const page = await open(t, browser, demo.url);
	const focused = () => page.evaluate(() => document.activeElement.innerText?.trim() ?? "");
	const tabTo = async (text) => {
		for (let i = 0; i < 60 && (await focused()) !== text; i++) await page.keyboard.press("Tab");
		assert.equal(await focused(), text);
		const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
		assert.equal(outline, "solid", `the focus on ${text} is seen`);
	};

	await page.keyboard.press("Tab");
	assert.equal(await focused(), "Skip to the content");
	await page.keyboard.press("Enter");
	await page.keyboard.press("Tab");
	assert.match(await focused(), /1\s+lost/);
	await tabTo("db-02");
	await page.keyboard.press("Enter");
	await page.waitForURL(`**/hosts/${idOf(5)}`);
	for (let i = 0; i < 30 && !(await focused()).startsWith("4 items"); i++) await page.keyboard.press("Tab");
	await page.keyboard.press("Space");
	assert.ok(await page.getByText("no consumer for 12 min").isVisible());
	await page.keyboard.press("Shift+Tab");
	await page.keyboard.press("Enter");
	await page.waitForURL(`${demo.url}/`);
});

test("what agents write stays text", async (t) => {
	const fleet = await start(t);
	const evil = `"><script>document.title="owned"</script><img src=x onerror="document.title='owned'">`;
	const long = "x".repeat(3000);

	await fleet.report(1, {
		...hour, name: `a${evil}`, labels: { [`l${evil}`]: evil, rtl: "\u202Eabc\u05D0" },
		checks: {
			[`c/${evil}`]: { state: "critical", summary: evil, items: [[evil, "critical", evil, { [evil]: evil }]] },
			"c/long": { state: "warning", summary: long },
		},
		events: [[evil, "", "critical", evil]],
	});
	const page = await open(t, browser, fleet.url, { viewport: { width: 390, height: 844 } });
	for (const path of ["/", `/hosts/${idOf(1)}`, "/events", `/?q=${encodeURIComponent(evil)}`, `/hosts/${encodeURIComponent(evil)}`]) {
		await page.goto(fleet.url + path);
		assert.ok(!(await page.title()).startsWith("owned"), path);
		assert.equal(await page.locator("script").count(), 1, path);
		assert.equal(await page.locator("img").count(), 0, path);
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
	}
	await page.goto(`${fleet.url}/hosts/${idOf(1)}`);
	assert.ok((await page.locator("h1").innerText()).includes("<script>"));
	page.complaints.splice(0, page.complaints.length, ...page.complaints.filter((text) => !text.includes("404")));
});

test("pages ask for the read token and are live with it", async (t) => {
	const fleet = await start(t, `read_token = "a-long-token";`);

	assert.equal((await fetch(fleet.url)).status, 401);
	assert.match((await fetch(fleet.url)).headers.get("www-authenticate"), /Basic/);
	const page = await open(t, browser, fleet.url, { httpCredentials: { username: "any", password: "a-long-token" } });
	await page.locator("#live", { hasText: "Live" }).waitFor();
	// The token may also stand in the address.
	const other = await open(t, browser, fleet.url.replace("//", "//any:a-long-token@"));
	await other.locator("#live", { hasText: "Live" }).waitFor();
	await fleet.report(1, { ...hour, name: "one", checks: { "a/b": ok() } });
	await page.locator("#hosts tr").waitFor();
	await other.locator("#hosts tr").waitFor();
});

test("answers carry a strict policy, and files that do not change are kept", async () => {
	const page = await fetch(demo.url);
	const policy = page.headers.get("content-security-policy");

	assert.ok(policy.startsWith("default-src 'none'; style-src 'self'; script-src 'self'"));
	assert.ok(!policy.includes("unsafe"));
	assert.equal(page.headers.get("x-content-type-options"), "nosniff");
	assert.equal(page.headers.get("referrer-policy"), "no-referrer");
	const address = (await page.text()).match(/href="(\/static\/style\.css\?v=\w+)"/)[1];
	const style = await fetch(demo.url + address);
	assert.match(style.headers.get("cache-control"), /immutable/);
	const again = await fetch(demo.url + address, { headers: { "If-None-Match": style.headers.get("etag") } });
	assert.equal(again.status, 304);
	assert.equal((await fetch(`${demo.url}/static/../server.c`)).status, 404);
	assert.equal((await fetch(`${demo.url}/no/such/page`)).status, 404);
	assert.equal((await fetch(demo.url, { method: "POST" })).status, 405);
});
