# SPDX-License-Identifier: Apache-2.0
"""What gavea-fleetd keeps: over restarts, kills, full disks and damage; and how it sees that a host is lost."""
import os
import shutil
import re
import resource
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support import fleetd  # noqa: E402
from tests.support.fleetd import Agent, Fleet, wait_until  # noqa: E402


@pytest.fixture(scope="session")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("proto"))


@pytest.fixture
def fleet(tmp_path):
    server = Fleet(tmp_path, ['snapshot_every = "100ms";']).start()
    yield server
    server.stop()


def steady(host):
    """What must not change over a restart."""
    return {k: v for k, v in host.items() if k not in ("deadline",)}


def test_everything_is_there_after_a_restart(fleet, pb):
    agents = [Agent(pb, number) for number in range(1, 6)]
    for agent in agents:
        agent.send(fleet, agent.full(state=pb.WARNING))
        agent.send(fleet, agent.full(state=pb.CRITICAL))
    before = [fleet.get(f"/v1/hosts/{a.agent_id}?samples=true") for a in agents]
    fleet.restart()
    after = [fleet.get(f"/v1/hosts/{a.agent_id}?samples=true") for a in agents]
    for old, new in zip(before, after):
        for sample in old["samples"] + new["samples"]:
            sample.pop("rate")  # begins again with the next two samples
        assert steady(old) == steady(new)
    for agent in agents:  # the numbers are known too
        assert agent.send(fleet, agent.full()).acked_seq == agent.seq


def test_a_kill_loses_nothing_that_is_only_in_the_log(tmp_path, pb):
    server = Fleet(tmp_path, ['snapshot_every = "1h";']).start()
    agent = Agent(pb)
    report = agent.full(state=pb.WARNING)
    event = agent.add(report.records).event
    event.kind, event.summary = "reload", "once"
    agent.send(server, report)
    server.kill()
    server.start()
    assert fleet_host(server)["status"] == "warning"
    assert agent.send(server, report).acked_seq == agent.seq
    assert len(server.get("/v1/events")["events"]) == 1
    assert agent.send(server, agent.full(state=pb.OK)).acked_seq == agent.seq
    assert fleet_host(server)["status"] == "ok"
    server.stop()


def test_a_forgotten_host_stays_forgotten_after_a_kill(tmp_path, pb):
    server = Fleet(tmp_path, ['snapshot_every = "1h";']).start()
    agent, other = Agent(pb), Agent(pb, 2)
    for one in (agent, other):
        server_report = one.full()
        one.send(server, server_report)
    assert server.request("DELETE", "/v1/hosts/host-001")[0] == 204
    server.kill()
    server.start()
    assert [h["name"] for h in server.get("/v1/hosts")["hosts"]] == ["host-002"]
    agent.declared = False
    agent.send(server, agent.full())
    server.kill()
    server.start()
    assert [h["name"] for h in server.get("/v1/hosts")["hosts"]] == ["host-001", "host-002"]
    server.stop()


def test_nobody_forgets_a_host_with_a_token_to_read(tmp_path, pb):
    server = Fleet(tmp_path, ['read_token = "r";']).start()
    Agent(pb).send(server, Agent(pb).full())
    headers = {"Authorization": "Bearer r"}
    assert server.request("DELETE", "/v1/hosts/host-001", headers=headers)[0] == 403
    assert server.get("/v1/hosts", headers=headers)["hosts"]
    server.stop()


def fleet_host(server):
    return server.get("/v1/hosts/host-001")


def test_a_kill_under_load_loses_nothing_that_was_acknowledged(tmp_path, pb):
    server = Fleet(tmp_path, ['snapshot_every = "100ms";']).start()
    agents = [Agent(pb, number) for number in range(1, 9)]
    acked = {agent.agent_id: 0 for agent in agents}
    for life in range(3):
        killed = threading.Event()

        def load(agent):
            connection = server.connect()
            while not killed.is_set():
                report = agent.full()
                event = agent.add(report.records).event
                event.kind, event.summary = "tick", str(agent.seq)
                try:
                    acked[agent.agent_id] = agent.send(server, report, connection=connection).acked_seq
                except OSError:
                    break
                except Exception:  # the answer was cut off
                    if killed.is_set():
                        break
                    raise

        threads = [threading.Thread(target=load, args=(agent,)) for agent in agents]
        for thread in threads:
            thread.start()
        wait_until("some load", lambda: all(acked[a.agent_id] > 20 * (life + 1) for a in agents))
        killed.set()
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        with sqlite3.connect(f"file:{server.state}/fleet.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT agent_id, max(CAST(summary AS INTEGER)), count(*), count(DISTINCT summary) "
                              "FROM event GROUP BY agent_id").fetchall()
        for agent_id, newest, count, distinct in rows:
            assert newest >= acked[agent_id] and count == distinct
        for agent in agents:
            probe = agent.report()
            assert agent.send(server, probe).acked_seq >= acked[agent.agent_id]
    server.stop()


def test_a_silent_host_is_lost_and_comes_back(fleet, pb):
    agent = Agent(pb)
    agent.within_ms = 500
    agent.send(fleet, agent.full())
    assert fleet_host(fleet)["state"] == "live"
    host = wait_until("the host to be lost", lambda: (lambda h: h["state"] == "lost" and h)(fleet_host(fleet)))
    assert fleet.get("/v1/hosts?status=live")["hosts"] == []
    assert [h["name"] for h in fleet.get("/v1/hosts?status=lost")["hosts"]] == ["host-001"]
    event, = wait_until("the event", lambda: fleet.get("/v1/events")["events"])
    assert (event["kind"], event["status"], event["host"]["name"]) == ("host-lost", "critical", "host-001")
    assert "though it announced a report every 500 ms" in event["summary"]
    assert fleet.metric('gavea_fleet_hosts{state="lost"}') == 1
    agent.within_ms = 60000
    agent.send(fleet, agent.full())
    back = fleet_host(fleet)
    assert back["state"] == "live" and back["since"] > host["since"]
    assert [e["kind"] for e in fleet.get("/v1/events")["events"]] == ["host-back", "host-lost"]


def test_the_servers_own_downtime_loses_nobody(fleet, pb):
    agent = Agent(pb)
    agent.within_ms = 1000
    agent.send(fleet, agent.full())
    fleet.stop()
    time.sleep(3.5)  # longer than its deadline
    fleet.start()
    assert fleet_host(fleet)["state"] == "live"
    wait_until("the fresh deadline to pass", lambda: fleet_host(fleet)["state"] == "lost")
    fleet.restart()
    assert fleet_host(fleet)["state"] == "lost"


def test_a_check_without_results_becomes_overdue(fleet, pb):
    agent = Agent(pb)
    report = agent.full()
    for record in report.records:
        if record.HasField("check"):
            record.check.every_ms, record.check.timeout_ms = 100, 100
    report.next_within_ms = 1000
    agent.send(fleet, report)

    def overdue():
        sign = agent.report()  # it lives, but its checks don't run
        sign.next_within_ms = 60000
        agent.send(fleet, sign)
        return all(c["overdue"] and c["status"] == "unknown" for c in fleet_host(fleet)["checks"])

    wait_until("the checks to be overdue", overdue)
    assert fleet.metric("gavea_fleet_checks_overdue") == 2
    assert [c["check"] for c in fleet.get("/v1/checks?status=unknown")["checks"]] == ["cert/www", "host/cpu"]
    assert fleet.get("/v1/checks?status=ok")["checks"] == []
    assert b"Its result is overdue" in fleet.request("GET", "/")[2]
    assert fleet.request("GET", "/hosts/host-001")[2].count(b">overdue<") == 2


def test_a_store_that_cannot_be_written_refuses_reports_and_recovers(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full())
    size = max(f.stat().st_size for f in fleet.state.iterdir())
    resource.prlimit(fleet.popen.pid, resource.RLIMIT_FSIZE, (size // 4096 * 4096, resource.RLIM_INFINITY))
    refused = None
    for _ in range(50):
        report = agent.full()
        report.records[0].result.summary = os.urandom(1500).hex()
        try:
            agent.send(fleet, report)
        except AssertionError as error:
            refused = error
            break
    assert refused and "503" in str(refused)
    health = fleet.get("/healthz", status=503)
    assert health["status"] == "failing" and "fleet.db" in health["error"]
    assert fleet_host(fleet)["state"] == "live"  # reading works
    assert fleet.metric("gavea_fleet_store_up") == 0
    resource.prlimit(fleet.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until("the store to recover", lambda: fleet.request("GET", "/healthz")[0] == 200)
    assert agent.send(fleet, report).acked_seq == agent.seq
    assert "the store can't be written" in fleet.log and "the store can be written again" in fleet.log


def test_a_host_that_comes_back_while_the_store_fails_is_told_later(fleet, pb):
    agent = Agent(pb)
    agent.within_ms = 500
    agent.send(fleet, agent.full())
    wait_until("the host to be lost", lambda: fleet.get("/v1/events")["events"])
    size = max(f.stat().st_size for f in fleet.state.iterdir())
    resource.prlimit(fleet.popen.pid, resource.RLIMIT_FSIZE, (size // 4096 * 4096, resource.RLIM_INFINITY))
    agent.within_ms = 60000
    report = agent.full()
    for record in report.records:
        if record.HasField("result"):
            record.result.summary = os.urandom(2000).hex()
    agent.send(fleet, report, status=503)
    resource.prlimit(fleet.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until("the store to recover", lambda: fleet.request("GET", "/healthz")[0] == 200)
    agent.send(fleet, report)
    assert [e["kind"] for e in fleet.get("/v1/events")["events"]] == ["host-back", "host-lost"]


def fails_to_start(fleet):
    fleet.spawn()
    assert fleet.popen.wait(fleetd.PATIENCE) == 1
    return fleet.log


def test_a_damaged_database_is_an_error_that_says_what_to_do(fleet, pb):
    agent = Agent(pb)
    agent.send(fleet, agent.full())
    fleet.stop()
    path = fleet.state / "fleet.db"
    good = path.read_bytes()
    for damaged in (b"x" * len(good), good[:1000] + b"\xff" * (len(good) - 1000)):
        path.write_bytes(damaged)
        assert f"{path}: " in fails_to_start(fleet)
        assert "damaged" in fleet.log and "move it away" in fleet.log
        fleet.log_path.unlink()
    path.write_bytes(good)
    fleet.start()


def test_a_damaged_host_does_not_keep_the_others_from_being_served(fleet, pb):
    agents = [Agent(pb, number=n) for n in (1, 2)]
    for agent in agents:
        agent.send(fleet, agent.full())
    fleet.stop()
    with sqlite3.connect(fleet.state / "fleet.db") as db:
        db.execute("UPDATE host SET snapshot = 'nonsense' WHERE agent_id = ?", (agents[0].agent_id,))
        db.execute("DELETE FROM report")
    db.close()
    fleet.start()
    assert [h["name"] for h in fleet.get("/v1/hosts")["hosts"]] == ["host-002"]
    assert f"the snapshot of host {agents[0].agent_id} is damaged: it will be known again with its next report" in fleet.log
    report = agents[0].full()
    assert agents[0].send(fleet, report, status=409).need_declarations
    agents[0].declare(report.declarations)
    assert agents[0].send(fleet, report).acked_seq > 0
    assert [h["name"] for h in fleet.get("/v1/hosts")["hosts"]] == ["host-001", "host-002"]
    fleet.restart()
    assert len(fleet.get("/v1/hosts")["hosts"]) == 2


def test_another_programs_database_is_left_alone(tmp_path):
    server = Fleet(tmp_path)
    server.state.mkdir()
    with sqlite3.connect(server.state / "fleet.db") as db:
        db.execute("CREATE TABLE theirs(x)")
    assert "some other program's database" in fails_to_start(server)


def test_a_database_of_a_later_version_is_left_alone(fleet):
    fleet.stop()
    with sqlite3.connect(fleet.state / "fleet.db") as db:
        db.execute("PRAGMA user_version = 99")
    assert "of a later version of gavea-fleetd (format 99, this one knows 1)" in fails_to_start(fleet)


def test_a_second_server_on_the_same_state_is_refused(fleet, tmp_path):
    (tmp_path / "second").mkdir()
    second = Fleet(tmp_path / "second", state=fleet.state)
    assert "is in use by another gavea-fleetd" in fails_to_start(second)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_a_state_directory_of_someone_else_is_an_error(tmp_path):
    server = Fleet(tmp_path)
    server.state.mkdir(mode=0o700)
    for folder in tmp_path.parents:
        if folder.stat().st_mode & 0o005 != 0o005 and str(folder).startswith("/tmp"):
            folder.chmod(0o755)
    tmp_path.chmod(0o777)
    # The build may lie where only root gets to.
    program = shutil.copy(fleetd.PROGRAM, tmp_path / "program")
    pid = os.fork()
    if pid == 0:
        os.setgid(65534)
        os.setuid(65534)
        log = os.open(tmp_path / "fleetd.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 2)
        os.execv(program, [str(program), "--state", str(server.state), "--listen", "127.0.0.1:0"])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert f"can't write to the state directory {server.state}: Permission denied" in server.log


@pytest.mark.parametrize("settings, arguments, text", [
    (["listn = 1;"], [], 'fleet.conf:1: listn: unknown key; did you mean "listen"?'),
    (["", "events = 5;"], [], 'fleet.conf:2: events: 5 has no unit; write "5s"'),
    (['events = "5";'], [], 'fleet.conf:1: events: 5 has no unit; write "5s"'),
    (["threads = 0;"], [], "fleet.conf:1: threads: must be 1 to 64"),
    (['report_token = "${file:/nowhere}";'], [], "fleet.conf:1: report_token: ${file:/nowhere}: No such file or directory"),
    (["x = "], [], "fleet.conf:3: syntax error"),
    (["threads = 0;", "insecure = 1;"], [], "fleet.conf:2: insecure: "),
    (['certificate = "/x";'], [], "certificate and key are needed both, or neither"),
    (['certificate = "/nowhere"; key = "/nowhere";'], [], "can't read /nowhere: No such file or directory"),
    ([], ["--listen", "0.0.0.0:0"], "listening on 0.0.0.0 needs TLS"),
    (['plots = ["not a name"];'], [], "plots: "),
])
def test_a_configuration_that_makes_no_sense_is_an_error_with_its_place(tmp_path, settings, arguments, text):
    assert text in fails_to_start(Fleet(tmp_path, settings, arguments))


def test_the_shipped_configuration_is_valid_and_so_is_each_setting_in_it(tmp_path):
    shipped = (fleetd.ROOT / "packaging/gavea-fleet.conf").read_text()
    settings, count = re.subn(r"^// ([a-z_]+ = .*;)$", r"\1", shipped, flags=re.M)
    assert count == 24
    (tmp_path / "plain.conf").write_text(shipped)
    (tmp_path / "all.conf").write_text(settings.replace("/etc/gavea-fleet/", f"{tmp_path}/"))
    for name in ("report.token", "read.token"):
        (tmp_path / name).write_text("x\n")
    for name in ("plain.conf", "all.conf"):
        done = subprocess.run([fleetd.PROGRAM, "--check", "--config", tmp_path / name], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_certificate_that_is_none_is_an_error(tmp_path):
    (tmp_path / "x.pem").write_text("not a certificate")
    log = fails_to_start(Fleet(tmp_path, [f'certificate = "{tmp_path}/x.pem"; key = "{tmp_path}/x.pem";']))
    assert "can't start the HTTP server" in log


def test_it_tells_systemd_how_it_is(tmp_path, pb):
    import socket
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(tmp_path / "notify"))
    notify.settimeout(fleetd.PATIENCE)
    os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"] = str(tmp_path / "notify"), "200000"
    try:
        server = Fleet(tmp_path).start()
    finally:
        del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
    assert notify.recv(100).startswith(b"READY=1\n")
    assert notify.recv(100) == b"WATCHDOG=1"

    def next_but_watchdog():
        while (text := notify.recv(100)) == b"WATCHDOG=1":
            pass
        return text

    server.popen.send_signal(signal.SIGHUP)
    assert next_but_watchdog().startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert next_but_watchdog().startswith(b"READY=1\n")
    server.config.write_text("nonsense = 1;\n")
    server.popen.send_signal(signal.SIGHUP)
    assert next_but_watchdog().startswith(b"RELOADING=1\n")
    assert next_but_watchdog() == b"READY=1\nSTATUS=Not reloaded: see the log"
    server.popen.send_signal(signal.SIGTERM)
    assert next_but_watchdog() == b"STOPPING=1"
    server.stop()


def reload(server, text):
    """Sends SIGHUP and waits until the log says how it went."""
    before = server.log.count(text)
    server.popen.send_signal(signal.SIGHUP)
    wait_until(text, lambda: server.log.count(text) > before)


def status_with(server, token):
    return server.request("GET", "/v1/hosts", headers={"Authorization": f"Bearer {token}"})[0]


def test_a_reload_takes_new_tokens(tmp_path):
    (tmp_path / "token").write_text("first\n")
    server = Fleet(tmp_path, ['read_token = "${file:%s/token}";' % tmp_path]).start()
    assert (status_with(server, "first"), status_with(server, "second")) == (200, 401)
    (tmp_path / "token").write_text("second\n")
    reload(server, "reloaded: tokens and log level")
    assert (status_with(server, "first"), status_with(server, "second")) == (401, 200)
    server.stop()
    assert "first" not in server.log and "second" not in server.log


def test_a_reload_with_an_error_keeps_the_old_settings_and_says_why(tmp_path):
    server = Fleet(tmp_path, ['read_token = "first";']).start()
    server.config.write_text('read_token = "second";\nevents = "soon";\n')
    reload(server, "not reloaded: the settings from before stay in force")
    assert f"{server.config}:2: " in server.log
    assert (status_with(server, "first"), status_with(server, "second")) == (200, 401)
    server.config.unlink()
    reload(server, "not reloaded: the settings from before stay in force")
    assert status_with(server, "first") == 200
    server.stop()


def test_a_reload_names_settings_that_need_a_restart(tmp_path):
    server = Fleet(tmp_path, ['read_token = "first";']).start()
    server.config.write_text('read_token = "second";\nthreads = 3;\nplots = ["node_procs_running"];\n')
    reload(server, "these settings take effect at a restart: plots, threads")
    assert status_with(server, "second") == 200
    server.stop()


def test_a_reload_cannot_take_the_tokens_off_a_server_that_others_reach(tmp_path):
    fleetd.tls_context(tmp_path)
    settings = [f'certificate = "{tmp_path}/cert.pem"; key = "{tmp_path}/key.pem";']
    server = Fleet(tmp_path, [*settings, 'read_token = "first"; report_token = "r";', 'listen = "[::ffff:127.0.0.1]:0";'],
                   context=ssl._create_unverified_context())
    server.listen = None
    server.start()
    server.config.write_text('listen = "127.0.0.1:0";\n')
    reload(server, "not reloaded: the settings from before stay in force")
    assert "needs report_token and read_token" in server.log
    assert (status_with(server, "first"), status_with(server, "")) == (200, 401)
    server.stop()
