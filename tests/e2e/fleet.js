// SPDX-License-Identifier: Apache-2.0
//
// A gavea-fleetd that a test runs, through server.py.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

export class Fleet {
	// settings: lines of the server's configuration.
	static async start(...settings) {
		const fleet = new Fleet();

		fleet.folder = mkdtempSync(join(tmpdir(), "gavea-e2e-"));
		fleet.process = spawn("/usr/bin/python3", [join(here, "server.py"), fleet.folder, ...settings], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		fleet.lines = createInterface({ input: fleet.process.stdout })[Symbol.asyncIterator]();
		fleet.port = (await fleet.answer()).port;
		fleet.url = `http://127.0.0.1:${fleet.port}`;
		return fleet;
	}

	async answer() {
		const { value, done } = await this.lines.next();

		if (done) throw new Error("server.py has ended: see its message above");
		return JSON.parse(value);
	}

	async tell(what) {
		this.process.stdin.write(JSON.stringify(what) + "\n");
		return this.answer();
	}

	report(number, what) {
		return this.tell({ report: number, ...what });
	}

	async stop() {
		const ended = new Promise((resolve) => this.process.once("exit", resolve));

		this.process.stdin.end();
		const status = await ended;
		rmSync(this.folder, { recursive: true, force: true });
		if (status !== 0) throw new Error(`server.py ended with ${status}`);
	}
}
