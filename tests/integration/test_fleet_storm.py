# SPDX-License-Identifier: Apache-2.0
"""gavea-fleetd when all come at once: who is refused, who gets in, and that nothing is lost or stored twice."""
import http.client
import random
import sqlite3
import threading

import pytest

from tests.support import fleetd, storm
from tests.support.fleetd import Agent, Fleet, wait_until

AGENTS, REPORTS, CYCLES = 200, 4, 12


@pytest.fixture(autouse=True)
def leftovers():
    yield
    fleetd.kill_started()


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("protos"))


def stored(server):
    """How often each part of each agent's backlog is in the store, and how many events of other kinds."""
    with sqlite3.connect(f"file:{server.state}/fleet.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT agent_id, summary, count(*) FROM event WHERE kind = 'storm' GROUP BY 1, 2").fetchall()
        others = db.execute("SELECT kind, summary FROM event WHERE kind != 'storm'").fetchall()
    return {(int(agent, 16) - 1, summary): count for agent, summary, count in rows}, others


def assert_stored_once(server, agents, reports):
    found, others = stored(server)
    assert found == {(number, f"part {index}"): 1 for number in range(agents) for index in range(reports)}
    assert others == [], "history that comes late alarms nobody"


class Watcher(threading.Thread):
    """Somebody who looks at the pages meanwhile."""

    def __init__(self, server):
        super().__init__()
        self.server, self.over, self.looks, self.wrong = server, threading.Event(), 0, []

    def run(self):
        while not self.over.wait(0.1):
            for path in ("/healthz", "/", "/v1/hosts?limit=10"):
                status = self.server.request("GET", path)[0]
                if status != 200:
                    self.wrong.append((path, status))
            self.looks += 1


def test_a_storm_of_backlogs_is_stored_once_and_flattened(tmp_path, pb):
    server = Fleet(tmp_path, ["queue = 40;", 'queue_memory = "8MiB";', "agent_reports = 0;", 'agent_bytes = "0B";']).start()
    watcher = Watcher(server)
    watcher.start()
    try:
        done = storm.Storm(pb, storm.Backlog(pb, REPORTS, CYCLES), AGENTS, server.port).run()
    finally:
        watcher.over.set()
        watcher.join()
    assert len(done.finished) == AGENTS and done.statuses[200] == AGENTS * REPORTS
    assert set(done.statuses) <= {200, 429, "no answer"}, done.statuses
    assert watcher.looks > 0 and watcher.wrong == []
    assert server.metric("gavea_fleet_queue_reports") == 0 and server.metric("gavea_fleet_queue_bytes") == 0
    assert server.metric('gavea_fleet_hosts{state="live"}') == AGENTS
    server.stop()
    assert_stored_once(server, AGENTS, REPORTS)


@pytest.fixture
def blocked(tmp_path):
    """A server with room for few reports, whose writer stands still while the database is locked by somebody else."""
    server = Fleet(tmp_path, ["queue = 16;", "threads = 2;"]).start()
    yield server
    server.stop()


def lock(server):
    db = sqlite3.connect(f"{server.state}/fleet.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


def post(agent, server, report, answers):
    connection = server.connect()
    try:
        connection.request("POST", "/v1/report", report.SerializeToString(), {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answers.append((answer.status, answer.headers, answer.read()))
    except (OSError, http.client.HTTPException) as error:
        answers.append((error, None, None))
    finally:
        connection.close()


def send_beside(agent, server, report):
    answers = []
    thread = threading.Thread(target=post, args=(agent, server, report, answers))
    thread.start()
    return thread, answers


def large(agent):
    report = agent.full()
    for _ in range(20):
        agent.add_result(report, 1, agent.pb.OK, random.Random(agent.seq).randbytes(1500).hex())
    return report


def test_a_full_queue_refuses_with_different_times_and_keeps_room_for_the_small(blocked, pb):
    agents = [Agent(pb, number) for number in range(1, 40)]
    db = lock(blocked)
    try:
        waiting = [send_beside(agents[i], blocked, large(agents[i])) for i in range(12)]
        wait_until("the queue to fill", lambda: blocked.metric("gavea_fleet_queue_reports") == 12)
        refused = []
        for agent in agents[12:32]:
            post(agent, blocked, large(agent), refused)
        assert {status for status, _, _ in refused} == {429}
        assert len({headers["Retry-After"] for _, headers, _ in refused}) > 1
        assert all(1 <= int(headers["Retry-After"]) <= 60 for _, headers, _ in refused)
        small = [send_beside(agents[32 + i], blocked, agents[32 + i].full()) for i in range(4)]
        wait_until("the small ones to get in", lambda: blocked.metric("gavea_fleet_queue_reports") == 16)
        late = []
        post(agents[39 - 1], blocked, agents[38].full(), late)
        assert late[0][0] == 429 and blocked.request("GET", "/")[0] == 200
    finally:
        db.rollback()
        db.close()
    for thread, answers in waiting + small:
        thread.join()
        assert answers[0][0] == 200
    assert blocked.metric('gavea_fleet_reports_total{outcome="busy"}') == 21
    assert blocked.metric('gavea_fleet_reports_total{outcome="accepted"}') == 16


def test_one_agent_on_many_connections_leaves_room_for_others(blocked, pb):
    loud, other = Agent(pb, 1), Agent(pb, 2)
    db = lock(blocked)
    try:
        waiting = [send_beside(loud, blocked, loud.full()) for _ in range(12)]
        wait_until("the answers", lambda: sum(len(answers) for _, answers in waiting) == 8)
        assert blocked.metric("gavea_fleet_queue_reports") == 4
        modest = send_beside(other, blocked, other.full())
        wait_until("the other's report", lambda: blocked.metric("gavea_fleet_queue_reports") == 5)
    finally:
        db.rollback()
        db.close()
    for thread, _ in [*waiting, modest]:
        thread.join()
    assert modest[1][0][0] == 200
    refused = [pb.ReportAck.FromString(body) for _, answers in waiting for status, _, body in answers if status == 429]
    assert {ack.error for ack in refused} == {"reports of this agent are waiting already"}
    assert all(500 <= ack.retry_after_ms <= 60000 for ack in refused)


def test_an_agent_over_its_allowance_has_to_wait_and_another_has_not(tmp_path, pb):
    server = Fleet(tmp_path, ["agent_reports = 1;"]).start()
    agent, other = Agent(pb, 1), Agent(pb, 2)
    connection = server.connect()
    agent.send(server, agent.full(), connection=connection)
    ack = None
    for _ in range(500):
        connection.request("POST", "/v1/report", agent.report().SerializeToString(),
                           {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        ack = pb.ReportAck.FromString(answer.read())
        if answer.status == 429:
            break
    assert answer.status == 429
    assert ack.error == "this agent sends more than it may: see agent_reports and agent_bytes"
    assert 0 < ack.retry_after_ms <= 1501 and answer.headers["Retry-After"] in ("1", "2")
    assert other.send(server, other.full()).acked_seq == other.seq
    assert server.metric('gavea_fleet_reports_total{outcome="limited"}') == 1
    server.stop()


def test_bodies_that_are_being_sent_are_bounded_together(tmp_path, pb):
    server = Fleet(tmp_path, ['queue_memory = "4MiB";']).start()
    head = (b"POST /v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000000\r\n\r\n")
    held = []
    try:
        for _ in range(3):
            connection = server.connect()
            connection.connect()
            connection.sock.sendall(head + b"x")
            held.append(connection)
        wait_until("the three to be taken in", lambda: server.metric("gavea_fleet_http_requests_total") >= 4)
        answers = []
        agent = Agent(pb, 1)
        post(agent, server, agent.full(), answers)
        assert answers[0][0] == 200, "small ones still get in"
        connection = server.connect()
        connection.connect()
        connection.sock.sendall(head + b"y" * 1000000)
        answer = http.client.HTTPResponse(connection.sock)
        answer.begin()
        assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 60
        connection.close()
    finally:
        for connection in held:
            connection.close()
    server.stop()
