# SPDX-License-Identifier: Apache-2.0
"""A small HTTP app whose releases behave as the test wants: swap_app.py PORT COLOUR RELEASE-FOLDER

The release's folder holds behaviour.json: version, and what is wrong with it: refuse_start, die_after (seconds), errors (share of
answers that are 500), slow (share of answers that take slow_for seconds), hang (share that is never answered),
errors_after (seconds until errors begin), leak (MiB a request; it ends when it gets no more). /wait takes as long
as there is a file RELEASE-FOLDER.wait.
"""
import http.server
import json
import os
import random
import socket
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour = {}
    colour = "?"
    began = time.monotonic()
    kept = []

    def do_GET(self):
        b = self.behaviour
        if self.path == "/healthz":
            self.answer(200)
            return
        while self.path == "/wait" and os.path.exists(sys.argv[3] + ".wait"):
            time.sleep(0.05)
        if b.get("leak"):
            self.leak(int(b["leak"]) << 20)
        if random.random() < b.get("hang", 0):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if random.random() < b.get("slow", 0):
            time.sleep(b.get("slow_for", 1))
        faulty = time.monotonic() - self.began >= b.get("errors_after", 0) and random.random() < b.get("errors", 0)
        self.answer(500 if faulty else 200)

    def leak(self, size):
        try:
            self.kept.append(b"x" * size)
        except MemoryError:
            os._exit(9)

    def answer(self, status):
        text = f"{self.colour} {self.behaviour.get('version', '?')}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Colour", self.colour)
        self.send_header("X-Version", self.behaviour.get("version", "?"))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def main():
    port, colour, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    with open(os.path.join(folder, "behaviour.json"), encoding="utf-8") as file:
        Handler.behaviour = json.load(file)
    Handler.colour = colour
    threading.stack_size(256 << 10)  # so that a copy that leaks lacks memory for itself, not for threads
    if Handler.behaviour.get("refuse_start"):
        sys.exit("this release does not start")
    if "die_after" in Handler.behaviour:
        threading.Timer(Handler.behaviour["die_after"], os._exit, [3]).start()
    Server(("127.0.0.1", port), Handler).serve_forever()


main()
