// SPDX-License-Identifier: Apache-2.0
//
// A dozen hosts, some of them in trouble.

const certificate = (state, summary) => ({
	state, summary, every_ms: 3600000, since_s: 5400, duration_us: 184000,
	items: [
		["www.example.com:443", state, summary, { issuer: "R11", days: state === "ok" ? "61" : "6" }],
		["api.example.com:443", "ok", "valid for 61 days", { issuer: "R11", days: "61" }],
	],
});

const healthy = {
	"host/cpu": { state: "ok", summary: "4 cores, 31 % busy", since_s: 864000 },
	"host/memory": { state: "ok", summary: "37 % available", since_s: 864000 },
	"host/filesystem": {
		state: "ok", summary: "all 3 filesystems have room", since_s: 864000,
		items: [["/", "ok", "38 % free", {}], ["/var", "ok", "52 % free", {}], ["/srv", "ok", "71 % free", {}]],
	},
	"cert/www": certificate("ok", "valid for 61 days"),
	"backup/db": { state: "ok", summary: "restored and verified 4 h ago", since_s: 172800, every_ms: 21600000 },
};

const troubles = {
	1: {
		"backup/db": {
			state: "critical", summary: "the last backup is 31 h old; restic: repository is locked by app-02",
			since_s: 1260, every_ms: 21600000,
		},
		"host/memory": { state: "warning", summary: "8 % available, 2 of 3 attempts", since_s: 300 },
	},
	2: { "cert/www": certificate("warning", "www.example.com:443 is valid for 6 days") },
	4: { "dns/zone": { state: "unknown", summary: "no answer in 10 s: worker killed by SIGKILL", since_s: 90 } },
	5: {
		"service/queue": {
			state: "critical", summary: "3 of 4 queues do not answer", since_s: 40, flapping: true,
			items: [
				["orders", "critical", "connection refused", { port: "5672" }],
				["mail", "critical", "connection refused", { port: "5672" }],
				["audit", "critical", "no consumer for 12 min", {}],
				["search", "ok", "0 waiting", {}],
			],
		},
		"host/cpu": { state: "ok", status: "warning", attempt: 2, summary: "4 cores, 94 % busy", since_s: 7200 },
	},
	7: { "secret/rotation": { every_ms: 86400000 } },
};

const names = ["app-01", "app-02", "app-03", "db-01", "db-02", "edge-gru-1", "edge-gru-2", "edge-lis-1", "proxy-01",
	"proxy-02", "queue-01", "mail-01"];

// Host 9 says that it will report again within a second, and does not.
export async function populate(fleet) {
	for (const [i, name] of names.entries())
		await fleet.report(i + 1, {
			name,
			labels: { role: name.split("-")[0], site: i % 3 ? "gru-1" : "lis-2" },
			within_ms: i + 1 === 9 ? 1000 : 3600000,
			history: 60,
			checks: { ...healthy, ...(i + 1 === 9 ? troubles[2] : troubles[i + 1]) },
			events: i < 6 ? [["state", "host/cpu", i ? "ok" : "warning", i ? "from warning to ok: 4 cores, 31 % busy" : "from ok to warning: 94 % busy"],
				["reload", "", "ok", "configuration reloaded: 5 checks"]] : [],
		});
}
