# SPDX-License-Identifier: Apache-2.0
"""The fleet output in a real gavea-worker, against servers on loopback that misbehave in every way."""
import json
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support import protos, segment, workerlink  # noqa: E402

pytestmark = pytest.mark.skipif(not (protos.build() / "gavea-worker").exists(),
                                reason="there is no gavea-worker")

AGENT_ID, SPOOL_ID = "0123456789abcdef" * 2, "fedcba9876543210" * 2
TOKEN = "s3cr3t-t0ken"
FACTS = {"agent_id": AGENT_ID, "spool_id": SPOOL_ID, "name": "app-01", "version": "1.0", "machine_id": "m",
         "boot_id": "b", "interval_ms": "15000", "label_keys": "role", "label.role": "app"}


class Request:
    def __init__(self, handler, body, report_pb2):
        self.path, self.headers, self.body = handler.path, handler.headers, body
        raw = zstandard.decompress(body) if handler.headers.get("Content-Encoding") == "zstd" else body
        if handler.headers["Content-Type"] == "application/x-protobuf":
            self.report = report_pb2.Report.FromString(raw)
        else:
            self.report = json.loads(raw)


class Server:
    """Answers each request with what answer(request) returns: (status, headers, body); None: says nothing."""

    def __init__(self, report_pb2, answer, context=None, port=0):
        self.requests = []
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(Request(self, body, report_pb2))
                answer_now = answer(outer.requests[-1])
                if answer_now is None:
                    outer.release.wait(60)
                    self.close_connection = True
                    return
                status, headers, content = answer_now
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that hang up
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Bench:
    """A worker with the output opened on a server, and a spool of 20 records behind two declarations."""

    def __init__(self, folder):
        self.folder = folder
        self.worker = workerlink.Worker(folder, "fleet")
        self.pb = self.worker.report
        self.servers = []
        self.segment = segment.Segment(folder / "segment", 7, SPOOL_ID)
        self.segment.append(1, self.pb.Record(time_ms=1, check=self.pb.Check(number=1, name="host/main")))
        self.segment.append(2, self.pb.Record(time_ms=1, check=self.pb.Check(number=2, name="cert/www")))
        self.start = self.segment.size
        for seq in range(3, 23):
            result = self.pb.Result(check=1 + seq % 2, status=self.pb.OK, state=self.pb.OK,
                                    summary=f"run {seq}")
            self.segment.append(seq, self.pb.Record(time_ms=seq, result=result))

    def serve(self, answer, context=None, port=0):
        server = Server(self.pb, answer, context, port)
        self.servers.append(server)
        return server

    def open(self, url, **options):
        return self.worker.open(1, "fleet/central", url=url, token=TOKEN, **options)

    def deliver(self, offset=None, first_seq=3, **options):
        offset = self.start if offset is None else offset
        return self.worker.deliver(1, self.segment, offset, first_seq, FACTS, **options)

    def ack(self, seq, **fields):
        return 200, {"Content-Type": "application/x-protobuf"}, \
            self.pb.ReportAck(acked_seq=seq, **fields).SerializeToString()

    def failure(self, answer, **options):
        """What a delivery to such a server says, after it was made sure that nothing was acknowledged."""
        server = self.serve(answer)
        assert self.open(f"http://127.0.0.1:{server.port}", **options).error == 0
        done = self.deliver()
        assert done.error < 0 and done.acknowledged_seq == 0
        return done

    def stop(self):
        for server in self.servers:
            server.stop()
        assert self.worker.close() == 0, self.worker.stderr.read_text()
        said = "".join(self.worker.logs) + self.worker.stderr.read_text()
        assert TOKEN not in said
        assert "Sanitizer" not in said and "runtime error" not in said, said


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.stop()


def last_seq(request):
    return max((record.seq for record in request.report.records), default=0)


def test_records_arrive_and_are_acknowledged(bench):
    server = bench.serve(lambda request: bench.ack(last_seq(request)))
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    done = bench.deliver()
    assert (done.error, done.acknowledged_seq) == (0, 22)
    [request] = server.requests
    assert request.path == "/v1/report"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    report = request.report
    assert (report.protocol, report.agent_id, report.spool_id, report.stream) == (1, AGENT_ID, SPOOL_ID, 7)
    assert (report.agent.name, dict(report.agent.labels)) == ("app-01", {"role": "app"})
    assert report.next_within_ms == 30000
    assert [(r.seq, r.result.summary) for r in report.records] == [(n, f"run {n}") for n in range(3, 23)]
    assert not report.declarations


def test_an_empty_batch_is_a_sign_of_life(bench):
    server = bench.serve(lambda request: bench.ack(22))
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    done = bench.deliver(bench.segment.size, 23, length=0)
    assert (done.error, done.acknowledged_seq) == (0, 0)
    assert not server.requests[0].report.records


def test_the_connection_is_kept(bench):
    peers = set()
    server = bench.serve(lambda request: bench.ack(last_seq(request)))
    handler = server.server.RequestHandlerClass
    setup = handler.setup
    handler.setup = lambda self: (peers.add(self.client_address), setup(self))[1]
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    for _ in range(5):
        assert bench.deliver().error == 0
    assert len(peers) == 1


def test_a_server_that_is_down_and_comes_back(bench):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert bench.open(f"http://127.0.0.1:{port}").error == 0
        done = bench.deliver()
    assert done.error < 0 and done.acknowledged_seq == 0
    assert done.message == f"POST http://127.0.0.1:{port}/v1/report: cannot connect: Connection refused"
    bench.serve(lambda request: bench.ack(last_seq(request)), port=port)
    done = bench.deliver()
    assert (done.error, done.acknowledged_seq) == (0, 22)


def test_a_slow_server_times_out(bench):
    done = bench.failure(lambda request: None, request_timeout=100_000_000)
    assert "no answer in time" in done.message


def test_a_delivery_can_be_cancelled(bench):
    came = threading.Event()

    def answer(request):
        came.set()

    threading.Thread(target=lambda: came.wait(30) and bench.worker.cancel()).start()
    done = bench.failure(answer)
    assert "cancelled" in done.message


@pytest.mark.parametrize("content_type", ["application/x-protobuf", "text/html"])
def test_garbage_is_no_acknowledgement(bench, content_type):
    done = bench.failure(lambda request: (200, {"Content-Type": content_type}, b"<html>welcome"))
    assert "HTTP 200, but the answer" in done.message


def test_an_acknowledgement_of_more_than_was_sent_is_bounded(bench):
    server = bench.serve(lambda request: bench.ack(2**64 - 1))
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    assert bench.deliver().acknowledged_seq == 22


@pytest.mark.parametrize("status, text", [
    (301, "redirects are not followed"), (401, "refused the token"), (403, "refused the token"),
    (404, "check url"), (415, "format or compression"), (500, "the server has failed"),
    (502, "the server has failed")])
def test_each_refusal_is_told_and_nothing_is_lost(bench, status, text):
    done = bench.failure(lambda request: (status, {"Location": "http://127.0.0.1:1/"}, b""))
    assert f"HTTP {status}: " in done.message and text in done.message
    assert len(bench.servers[0].requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_passed_on(bench, status):
    assert bench.failure(lambda request: (status, {"Retry-After": "9"}, b"")).retry_after_ns == 9_000_000_000


@pytest.mark.parametrize("by_status", [True, False])
def test_declarations_are_sent_on_request(bench, by_status):
    def answer(request):
        if request.report.declarations:
            return bench.ack(last_seq(request))
        return (409, {}, b"") if by_status else bench.ack(0, need_declarations=True)

    server = bench.serve(answer)
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    done = bench.deliver()
    assert (done.error, done.acknowledged_seq) == (0, 22)
    assert [(d.seq, d.check.name) for d in server.requests[1].report.declarations] == [
        (1, "host/main"), (2, "cert/www")]
    assert len(server.requests) == 2 and len(server.requests[1].report.records) == 20


def test_a_poisoned_record_is_passed_over_and_told(bench):
    stored = set()

    def answer(request):
        seqs = {record.seq for record in request.report.records}
        if 13 in seqs:
            return 400, {"Content-Type": "application/json"}, b'{"error": "record 13 is odd"}'
        stored.update(seqs)
        return bench.ack(max(seqs, default=0))

    server = bench.serve(answer)
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    done = bench.deliver()
    assert (done.error, done.acknowledged_seq) == (0, 22)
    assert stored == set(range(3, 23)) - {13}
    [event] = bench.worker.events
    assert event.kind == "record-refused" and event.attributes["seq"] == "13"
    assert "record 13 is odd" in event.attributes["reason"]


def test_nothing_is_given_up_when_all_is_refused(bench):
    done = bench.failure(lambda request: (400, {}, b""))
    assert "refuses even a report without records" in done.message
    assert not bench.worker.events


def test_a_report_too_large_is_halved(bench):
    server = bench.serve(lambda request: (413, {}, b"") if len(request.report.records) > 4
                         else bench.ack(last_seq(request)))
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    assert bench.deliver().acknowledged_seq == 22


def test_a_replay_has_its_effect_once(bench):
    """A server that stored a report and died before its answer gets the same records again."""
    state = {"last": 0, "stored": []}

    def answer(request):
        for record in request.report.records:
            if record.seq > state["last"]:
                state["stored"].append(record.seq)
                state["last"] = record.seq
        return (500, {}, b"") if len(server.requests) == 1 else bench.ack(state["last"])

    server = bench.serve(answer)
    assert bench.open(f"http://127.0.0.1:{server.port}").error == 0
    assert bench.deliver().error < 0
    assert bench.deliver().acknowledged_seq == 22
    assert state["stored"] == list(range(3, 23))


@pytest.fixture
def certificate(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_a_certificate_that_is_not_trusted_ends_it(bench, certificate):
    server = bench.serve(lambda request: bench.ack(last_seq(request)), certificate[1])
    assert bench.open(f"https://127.0.0.1:{server.port}").error == 0
    done = bench.deliver()
    assert done.error < 0 and done.acknowledged_seq == 0
    assert done.message == (f"POST https://127.0.0.1:{server.port}/v1/report: certificate is not trusted: "
                            "self-signed certificate")
    assert not server.requests


def test_ca_says_whom_to_trust(bench, certificate):
    server = bench.serve(lambda request: bench.ack(last_seq(request)), certificate[1])
    assert bench.open(f"https://127.0.0.1:{server.port}", ca=certificate[0]).error == 0
    done = bench.deliver()
    assert (done.error, done.message, done.acknowledged_seq) == (0, "", 22)


def test_plain_http_to_another_host_is_refused(bench):
    opened = bench.open("http://192.0.2.1")
    assert opened.error < 0 and "plain http is for this host only" in opened.message


def test_the_example_receiver_prints_and_acknowledges(bench, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(tmp_path / "printed", "w+") as printed, \
            subprocess.Popen([sys.executable, protos.ROOT / "docs/examples/receiver.py", str(port)],
                             stdout=printed, stderr=subprocess.DEVNULL) as receiver:
        try:
            assert bench.open(f"http://127.0.0.1:{port}", format="json", compression="none").error == 0
            done = None
            for _ in range(200):  # until it listens
                done = bench.deliver()
                if "Connection refused" not in done.message:
                    break
                threading.Event().wait(0.05)
            assert (done.error, done.message, done.acknowledged_seq) == (0, "", 22)
            assert bench.deliver(bench.segment.size, 23, length=0).error == 0
        finally:
            receiver.kill()
        lines = (tmp_path / "printed").read_text().splitlines()
    assert lines[0] == "app-01 cert/www OK run 3"
    assert lines[-1] == "app-01 host/main OK run 22"
    assert len(lines) == 20
