# SPDX-License-Identifier: Apache-2.0
"""gavea-fleetd takes reports: good ones once, bad ones never, and says which."""
import socket
import struct
import sys
import time
from pathlib import Path

import pytest
import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support import fleetd  # noqa: E402
from tests.support.fleetd import Agent, Fleet, wait_until  # noqa: E402


@pytest.fixture(scope="session")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("proto"))


@pytest.fixture
def fleet(tmp_path):
    server = Fleet(tmp_path).start()
    yield server
    server.stop()


def test_a_report_is_acknowledged_and_shown(fleet, pb):
    agent = Agent(pb)
    ack = agent.send(fleet, agent.full(state=pb.WARNING))
    assert ack.acked_seq == agent.seq and not ack.error and ack.server_time_ms > 0
    host = fleet.get("/v1/hosts/host-001?samples=true")
    assert (host["id"], host["state"], host["status"]) == (agent.agent_id, "live", "warning")
    assert host["labels"] == {"role": "app"} and host["address"] == "127.0.0.1"
    cert, cpu = host["checks"]
    assert (cert["check"], cert["status"], cert["duration_ms"]) == ("cert/www", "warning", 1.5)
    assert cert["items"][1] == {"name": "item-1", "status": "warning", "summary": "item 1", "attributes": {"days": "1"}}
    assert (cpu["check"], cpu["status"], cpu["summary"]) == ("host/cpu", "ok", "all is well")
    by_name = {s["name"]: s for s in host["samples"]}
    assert by_name["node_load1"]["value"] == 1.5
    assert by_name["node_cpu_seconds_total"]["labels"] == {"cpu": "0", "mode": "idle"}
    assert by_name["latency_seconds"]["labels"] == {"path": 'a"b\\c\nd'}
    assert by_name["latency_seconds"]["count"] == 4


def test_the_next_report_needs_no_declarations(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full())
    second = agent.full(state=pb.CRITICAL)
    assert not any(r.HasField("check") for r in second.records)
    assert agent.send(fleet, second).acked_seq == agent.seq
    assert fleet.get("/v1/hosts/host-001")["status"] == "critical"


def test_a_body_without_compression_is_taken(fleet, pb):
    agent = Agent(pb)
    body = agent.full().SerializeToString()
    status, _, content = fleet.request("POST", "/v1/report", body, {"Content-Type": "application/x-protobuf"})
    assert status == 200 and pb.ReportAck.FromString(content).acked_seq == agent.seq


def test_a_replayed_report_has_no_second_effect(fleet, pb):
    agent = Agent(pb)
    report = agent.full()
    event = agent.add(report.records).event
    event.kind, event.summary, event.status = "reload", "configuration reloaded", pb.OK
    first = agent.send(fleet, report)
    again = agent.send(fleet, report)
    assert again.acked_seq == first.acked_seq
    events = fleet.get("/v1/events")["events"]
    assert [e["kind"] for e in events] == ["reload"]
    assert fleet.metric('gavea_fleet_reports_total{outcome="known"}') == 1


def test_an_older_report_that_comes_late_changes_nothing(fleet, pb):
    agent = Agent(pb)
    first = agent.full()
    agent.send(fleet, first)
    older = agent.full(state=pb.CRITICAL)
    newer = agent.full(state=pb.OK)
    agent.send(fleet, newer)
    assert agent.send(fleet, older).acked_seq == agent.seq
    assert fleet.get("/v1/hosts/host-001")["status"] == "ok"


def test_only_the_new_part_of_an_overlapping_report_counts(fleet, pb):
    agent = Agent(pb)
    report = agent.full()
    agent.send(fleet, report)
    event = agent.add(report.records).event
    event.kind, event.summary = "state", "went on"
    assert agent.send(fleet, report).acked_seq == agent.seq
    assert len(fleet.get("/v1/events")["events"]) == 1


def test_a_gap_in_seq_is_taken(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full())
    agent.seq += 1000
    report = agent.full()
    loss = agent.add(report.records).loss
    loss.first_seq, loss.last_seq, loss.samples, loss.reason = 8, 1007, 1000, "the spool was full"
    assert agent.send(fleet, report).acked_seq == agent.seq
    event, = fleet.get("/v1/events")["events"]
    assert event["kind"] == "loss" and "1000 samples" in event["summary"]


def test_numbers_that_were_not_declared_are_asked_for(fleet, pb):
    agent = Agent(pb)
    agent.declared = True
    report = agent.full()
    ack = agent.send(fleet, report, status=409)
    assert ack.need_declarations and ack.acked_seq == 0
    assert fleet.get("/v1/hosts")["hosts"] == []
    seq = agent.seq
    agent.seq = 0
    agent.declare(report.declarations)
    assert agent.send(fleet, report).acked_seq == seq
    assert fleet.get("/v1/hosts/host-001")["check_counts"]["ok"] == 2


def test_a_new_stream_has_numbers_of_its_own(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full())
    agent.stream = 2
    agent.send(fleet, agent.full(), status=409)
    agent.declared = False
    agent.send(fleet, agent.full())
    assert len(fleet.get("/v1/hosts/host-001")["checks"]) == 2


def test_a_check_that_is_gone_disappears_with_its_series(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full())
    report = agent.report()
    agent.add(report.records).check_gone.check = 1
    agent.send(fleet, report)
    host = fleet.get("/v1/hosts/host-001?samples=true")
    assert [c["check"] for c in host["checks"]] == ["cert/www"] and host["samples"] == []


def test_text_that_is_too_long_or_not_utf8_is_mended(fleet, pb):
    agent = Agent(pb)
    report = agent.full()
    agent.add_result(report, 1, pb.OK, "x" * 10000)
    body = report.SerializeToString().replace(b"certificate of www", b"certificate \xff\xfe www")
    agent.send(fleet, None, raw=zstandard.compress(body))
    cert, cpu = fleet.get("/v1/hosts/host-001")["checks"]
    assert cert["summary"] == "certificate ?? www" and len(cpu["summary"]) == 4096


def bad(change):
    def make(agent):
        report = agent.full()
        change(report)
        return report
    return make


@pytest.mark.parametrize("change, text", [
    (bad(lambda r: setattr(r, "protocol", 2)), "protocol 2 is not spoken here, only 1"),
    (bad(lambda r: setattr(r, "agent_id", "xyz")), "agent_id is not 32 hexadecimal digits"),
    (bad(lambda r: setattr(r, "spool_id", "A" * 32)), "spool_id is not 32 hexadecimal digits"),
    (bad(lambda r: r.ClearField("agent")), "agent is missing"),
    (bad(lambda r: setattr(r.agent, "name", "")), "agent.name is not a name"),
    (bad(lambda r: setattr(r.agent, "name", "a\nb")), "agent.name is not a name"),
    (bad(lambda r: setattr(r.records[1], "seq", r.records[0].seq)), "seq does not rise: 1 after 1"),
    (bad(lambda r: r.records[-1].samples.values.pop()), "samples: 2 numbers of series but 1 values"),
    (bad(lambda r: r.records[-1].samples.series.__setitem__(0, -5)),
     "samples: the series' number -5 is out of range"),
    (bad(lambda r: setattr(r.records[0].check, "number", 1 << 20)),
     "host/cpu: the number 1048576 is out of range"),
    (bad(lambda r: setattr(r.records[2].series, "name", "a b")), "series 1: its name is not one of a metric"),
    (bad(lambda r: r.declarations.add(seq=1).event.SetInParent()), "declarations hold more than series and checks"),
])
def test_a_report_that_makes_no_sense_is_refused_with_the_reason(fleet, pb, change, text):
    agent = Agent(pb)
    assert agent.send(fleet, change(agent), status=400).error == text
    assert fleet.get("/v1/hosts")["hosts"] == []


def test_values_that_are_no_numbers_do_no_harm(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full(load=float("inf"), idle=float("nan")))
    host = fleet.get("/v1/hosts/host-001?samples=true")
    assert {s["name"]: s["value"] for s in host["samples"]} == {
        "latency_seconds": 4.5, "node_cpu_seconds_total": None, "node_load1": None}


def test_damaged_compression_is_refused(fleet, pb):
    agent = Agent(pb)
    whole = zstandard.compress(agent.full().SerializeToString())
    for size in (0, 3, 10, len(whole) - 1):
        ack = agent.send(fleet, None, raw=whole[:size], status=400)
        assert "zstd" in ack.error
    streamed = zstandard.ZstdCompressor(write_content_size=False).compress(agent.full().SerializeToString())
    assert agent.send(fleet, None, raw=streamed[:-2], status=400).error == "the zstd data is cut off"
    assert agent.send(fleet, None, raw=b"not zstd at all", status=400).error == "not zstd data"
    assert agent.send(fleet, None, raw=zstandard.compress(b"\xff" * 100), status=400).error == "not a gavea.v1.Report"


@pytest.mark.parametrize("says_size", [True, False])
def test_a_bomb_is_refused_before_it_unfolds(fleet, pb, says_size):
    bomb = zstandard.ZstdCompressor(write_content_size=says_size).compress(b"\0" * (512 << 20))
    assert len(bomb) < 1 << 20
    ack = Agent(pb).send(fleet, None, raw=bomb, status=413)
    assert ack.error == "more than 8388608 bytes when decompressed"
    status = Path(f"/proc/{fleet.popen.pid}/status").read_text()
    peak = int(next(row for row in status.splitlines() if row.startswith("VmHWM")).split()[1])
    if "san" not in fleetd.BUILD.name:
        assert peak < 128 << 10


def test_many_small_parts_do_not_take_unbounded_memory(fleet, pb):
    records = b"".join(b"\x4a\x00" for _ in range(3 << 20))  # empty records
    ack = Agent(pb).send(fleet, None, raw=zstandard.compress(records), status=413)
    assert "too many parts" in ack.error


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(fleet):
    with socket.create_connection(("127.0.0.1", fleet.port)) as client:
        client.sendall(b"POST /v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                       b"Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_bounded_too(fleet):
    with socket.create_connection(("127.0.0.1", fleet.port)) as client:
        client.sendall(b"POST /v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(20):
            client.sendall(chunk)
        client.sendall(b"0\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_waits_to_be_told_is_told_to_go_on(fleet, pb):
    agent = Agent(pb)
    body = zstandard.compress(agent.full().SerializeToString())
    with socket.create_connection(("127.0.0.1", fleet.port)) as client:
        client.sendall(b"POST /v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                       b"Content-Encoding: zstd\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body))
        assert client.recv(64).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        assert client.recv(64).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("headers", [
    {"Content-Type": "application/json"},
    {},
    {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"},
])
def test_other_types_and_encodings_are_refused(fleet, headers):
    assert fleet.request("POST", "/v1/report", b"{}", headers)[0] == 415


def test_other_methods_are_refused_with_those_that_are_allowed(fleet):
    status, headers, _ = fleet.request("GET", "/v1/report")
    assert (status, headers["Allow"]) == (405, "POST")
    status, headers, _ = fleet.request("DELETE", "/v1/hosts")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def exchange(fleet, requests):
    """Sends these bytes on one connection and returns all that comes until it is closed."""
    with socket.create_connection(("127.0.0.1", fleet.port), timeout=fleetd.PATIENCE) as client:
        client.sendall(requests)
        answer = b""
        while part := client.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("path", [b"/", b"/v1/hosts", b"/metrics", b"/static/style.css", b"/events/stream"])
def test_a_head_request_leaves_nothing_between_two_answers(fleet, path):
    answer = exchange(fleet, b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
                      b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ") and rest.startswith(b"HTTP/1.1 200 "), answer


@pytest.mark.parametrize("target", [
    b"/static/../../../etc/passwd", b"/static/%2e%2e/%2e%2e/etc/passwd", b"//etc/passwd", b"/v1/hosts/..%2f..%2f",
    b"/healthz%00/x", b"/v1/report%00"])
def test_paths_that_climb_or_hide_lead_nowhere(fleet, target):
    answer = exchange(fleet, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 "), answer


def test_no_other_site_may_read_the_api(fleet):
    for method in ("GET", "OPTIONS"):
        status, headers, _ = fleet.request(method, "/v1/hosts", headers={"Origin": "https://other.example"})
        assert status == (200 if method == "GET" else 405)
        assert not [name for name in headers if name.lower().startswith("access-control-")]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_report_may_come_in_chunks(fleet, pb):
    agent = Agent(pb)
    body = zstandard.compress(agent.full().SerializeToString())
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 50]), body[i:i + 50]) for i in range(0, len(body), 50))
    answer = exchange(fleet, b"POST /v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                      b"Content-Encoding: zstd\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks +
                      b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_tokens_are_asked_for(tmp_path, pb):
    (tmp_path / "token").write_text("s3cret\n")
    server = Fleet(tmp_path, ['report_token = "${file:%s/token}";' % tmp_path, 'read_token = "r3ad";']).start()
    agent = Agent(pb)
    report = agent.full()
    for wrong in (None, "wrong", "s3cre", "s3cret2", "r3ad"):
        assert "token" in agent.send(server, report, status=401, token=wrong)["error"]
    assert agent.send(server, report, token="s3cret").acked_seq == agent.seq
    assert server.request("GET", "/v1/hosts")[0] == 401
    assert server.request("GET", "/v1/hosts", headers={"Authorization": "Bearer r3ad"})[0] == 200
    status, headers, _ = server.request("GET", "/")
    assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ")
    assert server.request("GET", "/v1/hosts", headers={"Authorization": "Basic eDpyM2Fk"})[0] == 200  # x:r3ad
    assert server.request("GET", "/v1/hosts", headers={"Authorization": "Basic eDpyM2Fl"})[0] == 401
    assert server.request("GET", "/healthz")[0] == 200
    server.stop()
    assert "s3cret" not in server.log and "r3ad" not in server.log


def test_reports_come_over_tls(tmp_path, pb):
    context = fleetd.tls_context(tmp_path)
    settings = [f'certificate = "{tmp_path}/cert.pem";', f'key = "{tmp_path}/key.pem";']
    server = Fleet(tmp_path, settings, context=context).start()
    agent = Agent(pb)
    assert agent.send(server, agent.full()).acked_seq == agent.seq
    assert server.get("/v1/hosts/host-001")["state"] == "live"
    server.stop()


def test_a_client_that_dribbles_loses_its_connection(tmp_path):
    server = Fleet(tmp_path, ['idle_timeout = "1s";']).start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(0.2)

        def dribble():
            try:
                client.sendall(b"G")
                return client.recv(1) == b""
            except socket.timeout:
                return False
            except OSError:
                return True

        wait_until("the connection to be closed", dribble)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                       b"Content-Length: 1000\r\n\r\n")
        client.settimeout(0.2)
        wait_until("the connection to be closed", dribble)
    assert server.get("/healthz") == {"status": "ok"}
    server.stop()


def test_connections_of_one_address_are_capped(tmp_path):
    server = Fleet(tmp_path, ["max_connections_per_address = 3;", "threads = 1;"]).start()
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
    time.sleep(0.2)
    answered = 0
    for client in clients:
        try:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answered += client.recv(15) == b"HTTP/1.1 200 OK"
        except OSError:
            pass
    assert answered == 3
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def has_room():
        try:
            return server.request("GET", "/healthz")[0] == 200
        except OSError:
            return False

    wait_until("room for connections", has_room)
    server.stop()


def test_two_agents_with_one_id_are_told_apart(fleet, pb):
    original = Agent(pb, spool="a", machine="m1")
    copy = Agent(pb, spool="b", machine="m2")
    original.send(fleet, original.full())
    copy.send(fleet, copy.full())
    assert not fleet.get("/v1/hosts/host-001")["conflict"]
    original.send(fleet, original.full())
    copy.send(fleet, copy.full())
    original.send(fleet, original.full())
    host = fleet.get("/v1/hosts/host-001")
    assert host["conflict"]
    event, = fleet.get("/v1/events")["events"]
    assert event["kind"] == "duplicate-agent-id"
    assert "machine m1 at 127.0.0.1, and machine m2 at 127.0.0.1" in event["summary"]
    assert fleet.metric("gavea_fleet_hosts_in_conflict") == 1


def test_a_new_spool_of_an_agent_begins_anew(fleet, pb):
    agent = Agent(pb, spool="a")
    agent.seq = 500
    agent.send(fleet, agent.full())
    agent = Agent(pb, spool="b")
    assert agent.send(fleet, agent.full(state=pb.CRITICAL)).acked_seq == agent.seq
    assert fleet.get("/v1/hosts/host-001")["status"] == "critical"
    assert not fleet.get("/v1/hosts/host-001")["conflict"]
