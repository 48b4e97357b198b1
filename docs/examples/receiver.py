#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A centre of your own: takes reports as JSON, prints what checks say, acknowledges: docs/protocol.md"""
import http.server
import json
import sys

checks = {}  # (agent, spool, stream, number) -> name

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        report, ack = json.loads(self.rfile.read(int(self.headers["Content-Length"]))), {}
        stream = report["agentId"], report["spoolId"], report.get("stream")
        for record in report.get("declarations", []) + report.get("records", []):
            if "check" in record:
                checks[(*stream, record["check"]["number"])] = record["check"]["name"]
            if "result" in record:
                result, name = record["result"], checks.get((*stream, record["result"]["check"]))
                if not name:  # it was declared before we were there
                    ack = {"needDeclarations": True}
                    break
                print(report["agent"]["name"], name, result["state"], result.get("summary", ""), flush=True)
            ack = {"ackedSeq": record["seq"]}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ack).encode())

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
