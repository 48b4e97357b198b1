// SPDX-License-Identifier: Apache-2.0
//
// Keeps the page up to date. The server says by an event stream what changed; then the page is fetched again and
// what differs is put in place, element by element, so that focus, open details and the place on the page stay as
// they are. Without this script the page is as old as its last load.

const PACE_MS = 1500; // between two fetches
const SILENCE_MS = 40000; // the server speaks at least every 15 s
const RETRY_MS = 5000;

// Without the user and the password that the page's own address may carry: fetch() refuses those.
const here = () => location.origin + location.pathname + location.search;

const since = document.body.dataset.since;
const indicator = document.getElementById("live");
const main = document.getElementById("main");
const host = main.querySelector("[data-host]")?.dataset.host;

// ---- Times ----

let ahead = Number(document.body.dataset.now) - Date.now(); // the server's clock before this one

function span(seconds) {
	const minutes = Math.floor(seconds / 60);
	const hours = Math.floor(seconds / 3600);
	const days = Math.floor(seconds / 86400);

	if (seconds < 60) return `${seconds} s`;
	if (minutes < 60) return `${minutes} min`;
	if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
	return days < 10 && hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

function ago(ms) {
	if (Math.abs(ms) < 2000) return "just now";
	return ms < 0 ? `in ${span(Math.floor(-ms / 1000))}` : `${span(Math.floor(ms / 1000))} ago`;
}

function refreshTimes() {
	const now = Date.now() + ahead;

	for (const time of document.querySelectorAll("time:not([data-fixed])")) {
		const text = ago(now - Date.parse(time.dateTime));
		if (time.firstChild.data !== text) time.firstChild.data = text;
	}
}

// ---- Putting the new in place of the old ----

// Belongs to the person at the page, not to the server.
const OWN = new Set(["open"]);

function keyOf(node) {
	return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key ?? (node.id || null) : null;
}

function updateAttributes(old, fresh) {
	for (const { name, value } of fresh.attributes)
		if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
	for (const { name } of [...old.attributes])
		if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
}

function updateNode(old, fresh) {
	if (old.nodeType === Node.ELEMENT_NODE) {
		updateAttributes(old, fresh);
		updateChildren(old, fresh);
	} else if (old.data !== fresh.data) {
		old.data = fresh.data;
	}
}

function updateChildren(old, fresh) {
	const keyed = new Map([...old.children].map((child) => [keyOf(child), child]));
	let at = old.firstChild;

	for (const child of fresh.childNodes) {
		const key = keyOf(child);
		const match = key ? keyed.get(key) : at;

		if (match?.nodeName !== child.nodeName || keyOf(match) !== key) {
			const added = document.importNode(child, true);
			if (key) added.classList.add("fresh");
			old.insertBefore(added, at);
			continue;
		}
		if (match === at) at = at.nextSibling;
		else old.insertBefore(match, at);
		updateNode(match, child);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

// What a screen reader tells of a change.
function gist() {
	return main.querySelector("#h-problems, .headline")?.textContent ?? "";
}

function put(page) {
	const focused = document.activeElement;
	const before = gist();

	ahead = Number(page.body.dataset.now) - Date.now();
	document.title = page.title;
	updateChildren(main, page.getElementById("main"));
	// An element that is moved loses the focus.
	if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
	refreshTimes();
	if (gist() !== before) document.getElementById("news").textContent = gist();
}

// ---- Hearing of changes ----

let stream = null;
let heardAt = 0;
let lostAt = null;
let fetchedAt = 0;
let fetching = null;
let opening = null;

function show(state, text) {
	if (indicator.textContent === text) return;
	indicator.dataset.state = state;
	indicator.textContent = text;
}

function lost() {
	lostAt ??= new Date();
	show("lost", `Connection lost since ${lostAt.toLocaleTimeString()}`);
}

function heard() {
	heardAt = Date.now();
	lostAt = null;
	show("live", "Live");
}

async function update() {
	fetchedAt = Date.now();
	try {
		const answer = await fetch(here(), { cache: "no-store" });
		if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");

		fetching = null;
		put(page);
	} catch {
		lost();
		fetching = setTimeout(update, RETRY_MS);
	}
}

function want() {
	fetching ??= setTimeout(update, Math.max(0, fetchedAt + PACE_MS - Date.now()));
}

function open() {
	clearTimeout(opening);
	stream?.close();
	heardAt = Date.now();
	stream = new EventSource(`${location.origin}/events/stream?since=${encodeURIComponent(since)}`);
	stream.addEventListener("open", heard);
	stream.addEventListener("beat", heard);
	stream.addEventListener("change", (event) => {
		const change = JSON.parse(event.data);

		heard();
		if (!host || change.all || change.hosts.includes(host)) want();
	});
	stream.addEventListener("error", () => {
		lost();
		// The browser comes back by itself after a broken connection, but not after an answer such as 503.
		if (stream?.readyState === EventSource.CLOSED) opening = setTimeout(open, RETRY_MS * (1 + Math.random()));
	});
}

function watch() {
	refreshTimes();
	if (stream && Date.now() - heardAt > SILENCE_MS) {
		lost();
		open();
	}
}

// A page that nobody sees needs no connection; a browser has few for each server.
function onVisibility() {
	if (document.hidden) {
		clearTimeout(opening);
		stream?.close();
		stream = null;
	} else if (!stream) {
		open();
	}
}

setInterval(watch, 5000);
if (since) {
	document.addEventListener("visibilitychange", onVisibility);
	onVisibility();
}
