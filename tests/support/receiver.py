# SPDX-License-Identifier: Apache-2.0
"""A centre that keeps what agents report in the JSON form of docs/protocol.md, and does not always say so."""
import http.server
import json
import random
import threading


class Receiver:
    """On a free port of the loopback. Of the reports, `trouble` (0 to 1) get no good answer, though they are kept."""

    def __init__(self, trouble=0.0, seed=1):
        self.records = {}  # (spool id, seq) -> record
        self.repeated = 0
        self.conflicts = []  # records that came with another content under the same name
        self._trouble, self._random, self._lock = trouble, random.Random(seed), threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                status, answer = receiver.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def take(self, report):
        """(status, answer) for a report."""
        with self._lock:
            records = report.get("records", [])
            for record in records:
                name = report["spoolId"], int(record["seq"])
                if name not in self.records:
                    self.records[name] = record
                elif self.records[name] == record:
                    self.repeated += 1
                else:
                    self.conflicts.append((name, self.records[name], record))
            if self._random.random() < self._trouble:
                return 503, {"error": "not now", "retryAfterMs": 20}
            return 200, {"ackedSeq": records[-1]["seq"] if records else "0"}

    def events(self):
        """(time in ms, kind, summary) of all events."""
        with self._lock:
            return [(int(r["timeMs"]), r["event"]["kind"], r["event"].get("summary", "")) for r in self.records.values()
                    if "event" in r]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
