# SPDX-License-Identifier: Apache-2.0
"""A way between an agent and its server on which reports get lost, doubled and late, and answers too."""
import collections
import http.client
import http.server
import threading


class Chaos:
    """On a free port of the loopback, before the server at `port`. What it does to each report comes from `random`."""

    def __init__(self, port, random, trouble=0.4):
        self.port, self.trouble = port, trouble
        self.counts = collections.Counter()
        self._random, self._lock = random, threading.Lock()
        self._old = collections.deque(maxlen=20)  # (path, headers, body) of reports that were on their way before
        chaos = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                chaos.take(self)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _forward(self, path, headers, body):
        """(status, headers, body), or None when there is no server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except OSError:
            return None
        except http.client.HTTPException:
            return None
        finally:
            connection.close()

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        report = (request.path, {k: v for k, v in request.headers.items() if k.lower() not in ("host", "connection")}, body)
        with self._lock:
            way = self._random.choice(["lost", "answer lost", "doubled", "late"]) \
                if self._random.random() < self.trouble else "good"
            old = self._random.choice(self._old) if self._old else None
            self._old.append(report)
            self.counts[way] += 1
        if way == "lost":
            request.close_connection = True
            return
        if way == "late" and old:
            self._forward(*old)
        answer = self._forward(*report)
        if way == "doubled":
            answer = self._forward(*report)
        if answer is None or way == "answer lost":
            request.close_connection = True
            return
        status, headers, content = answer
        request.send_response(status)
        for name, value in headers:
            if name.lower() in ("content-type", "retry-after"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
