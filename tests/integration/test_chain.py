# SPDX-License-Identifier: Apache-2.0
"""The whole way: plugins, gavead, the fleet output, gavea-fleetd. What is acknowledged is there, once, whatever dies."""
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, BUILD, Fleet, PATIENCE, wait_until  # noqa: E402
from control import Control  # noqa: E402
import protos  # noqa: E402

pytestmark = pytest.mark.skipif(not (BUILD / "gavea-fleetd").exists(), reason="make all first")


@pytest.fixture(scope="session")
def control_pb(tmp_path_factory):
    return protos.control(tmp_path_factory.mktemp("protos"))


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    """The test plugins and the fleet output in one folder."""
    folder = tmp_path_factory.mktemp("plugins")
    for file in [*(BUILD / "test-plugins").glob("*.so"), BUILD / "plugins/fleet.so"]:
        shutil.copy(file, folder)
    return folder


class Chain:
    """An agent, and the server that it reports to."""

    def __init__(self, folder, pb, plugins, started):
        self.folder, self.pb, self.plugins, self.things = folder, pb, plugins, started
        self.fleet = self.agent = None
        self.port = 0
        for sub in ("server", "host/etc/conf.d"):
            (folder / sub).mkdir(parents=True, exist_ok=True)

    def start_fleet(self, **options):
        self.fleet = Fleet(self.folder / "server", listen=f"127.0.0.1:{self.port}", **options)
        self.things.append(self.fleet)
        self.fleet.ready()
        self.port = self.fleet.port

    def configure(self, checks, token="test-token", url=None, extra=""):
        url = url or f"http://127.0.0.1:{self.port}"
        (self.folder / "host/etc/conf.d/checks.conf").write_text(checks)
        (self.folder / "host/etc/conf.d/fleet.conf").write_text(
            f'fleet: {{ url = "{url}"; token = "{token}"; every = "200ms"; {extra} }};')

    def start_agent(self, **options):
        self.agent = Agent(self.folder / "host", self.plugins, **options)
        self.things.append(self.agent)
        self.control = Control(self.pb, self.agent.socket, PATIENCE)

        def answers():
            assert self.agent.running(), self.agent.log
            try:
                self.control.status()
                return True
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        wait_until("gavead to answer", answers)

    def get(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         headers={"Authorization": "Bearer test-token"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def checks(self):
        return {c["check"]: c for c in self.get("/v1/checks")["checks"]}

    def fleet_events(self, kinds=None):
        """All events that the server has, oldest first, as (time, kind, check, summary)."""
        found, after = [], 0
        while True:
            page = self.get(f"/v1/events?after={after}&limit=100")
            found += page["events"]
            if not page["events"]:
                break
            after = max(e["id"] for e in page["events"])
        found.sort(key=lambda e: e["id"])
        return [(e["time"], e["kind"], e["check"], e["summary"]) for e in found
                if not e["kind"].startswith("host-") and (kinds is None or e["kind"] in kinds)]

    def agent_events(self):
        def utc(ms):
            return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"
        return [(utc(e.time_ms), e.event.kind, e.check, e.event.summary) for e in self.control.events()]

    def wait_delivered(self):
        def done():
            _, outputs, _ = self.control.status()
            output = outputs["fleet/default"]
            return output.behind_records == 0 and not output.error and output.cursor_seq > 0
        wait_until("everything to be delivered", done)

    def same_events(self):
        """What the agent has and what the server has, once both stand still."""
        def same():
            self.wait_delivered()
            return self.agent_events() == self.fleet_events()
        try:
            wait_until("the same events on both sides", same)
        except AssertionError:
            assert self.fleet_events() == self.agent_events()
            raise


@pytest.fixture
def chain(tmp_path, control_pb, plugins, started):
    return Chain(tmp_path, control_pb, plugins, started)


PLAIN = 'plain: { every = "200ms"; word = "x"; };'
# Its state changes with each run but the server must see each change once.
NOISY = PLAIN + '''
hostile: { every = "300ms"; timeout = "2s"; checks = (
  { name = "crash"; mode = "crash"; every = "1s"; }, { name = "items"; mode = "flood-items"; count = 5; } ); };'''


def test_checks_arrive_with_their_items(chain):
    chain.start_fleet()
    chain.configure('hostile: { every = "1h"; mode = "flood-items"; count = 3; };')
    chain.start_agent()
    check = wait_until("the check at the server", lambda: chain.checks().get("hostile/default"))
    assert check["status"] == "warning"
    assert [item["name"] for item in check["items"]] == ["item 0", "item 1", "item 2"]
    chain.same_events()


def test_a_server_that_comes_late_gets_everything(chain):
    chain.start_fleet()
    chain.fleet.stop()
    chain.configure(NOISY)
    chain.start_agent()
    wait_until("a failed try", lambda: "Connection refused" in chain.control.status()[1]["fleet/default"].error)
    wait_until("some events", lambda: len(chain.agent_events()) >= 5)
    chain.start_fleet()
    chain.same_events()
    kinds = [kind for _, kind, _, _ in chain.fleet_events()]
    assert "output-failing" in kinds and "output-recovered" in kinds


def test_kill_9_of_the_server_loses_nothing_and_doubles_nothing(chain):
    chain.start_fleet()
    chain.configure(NOISY)
    chain.start_agent()
    for _ in range(5):
        wait_until("the check at the server", lambda: "plain/default" in chain.checks())
        time.sleep(0.3)
        chain.fleet.kill()
        chain.start_fleet()
    chain.same_events()


def test_kill_9_of_the_agent_loses_nothing_that_was_acknowledged(chain):
    chain.start_fleet()
    chain.configure(NOISY)
    for delay in (0.2, 0.5, 0.9, 1.3):
        chain.start_agent()
        time.sleep(delay)
        seen = chain.fleet_events()
        chain.agent.kill()
        assert chain.fleet_events()[:len(seen)] == seen
    chain.start_agent()

    def same():
        # The agent keeps only what was not delivered yet when it was killed, and what came after.
        chain.wait_delivered()
        kept, events = chain.agent_events(), chain.fleet_events()
        return events[-len(kept):] == kept and len(events) == len(set(events)) and events
    events = wait_until("the agent's events to be the newest of the server's", same)
    assert len([e for e in events if e[1] == "started"]) == 5


def test_a_server_that_lost_its_memory_is_told_again(chain):
    chain.start_fleet()
    chain.configure(PLAIN)
    chain.start_agent()
    wait_until("the check", lambda: "plain/default" in chain.checks())
    chain.fleet.stop()
    shutil.rmtree(chain.fleet.state)
    chain.start_fleet()
    check = wait_until("the check again", lambda: chain.checks().get("plain/default"))
    assert check["status"] == "ok" and check["summary"] == "the word is x"


def test_a_wrong_token_is_named_and_a_right_one_delivers_what_waited(chain):
    chain.start_fleet()
    chain.configure(PLAIN, token="wrong")
    chain.start_agent()
    error = wait_until("an error", lambda: chain.control.status()[1]["fleet/default"].error)
    assert "token" in error and "wrong" not in error.replace("wrong token", "")
    assert "plain/default" not in chain.checks()
    chain.configure(PLAIN)
    assert chain.control.reload() == ("", [])
    wait_until("the check", lambda: "plain/default" in chain.checks())
    chain.same_events()


def test_a_check_that_is_taken_out_goes_at_the_server_too(chain):
    chain.start_fleet()
    chain.configure('plain: { every = "200ms"; checks = ( { name = "a"; }, { name = "b"; } ); };')
    chain.start_agent()
    wait_until("both", lambda: {"plain/a", "plain/b"} <= set(chain.checks()))
    chain.configure('plain: { every = "200ms"; checks = ( { name = "a"; } ); };')
    assert chain.control.reload() == ("", [])
    wait_until("one to go", lambda: set(chain.checks()) == {"plain/a"})


def test_a_check_that_went_while_the_agent_was_down_goes_too(chain):
    chain.start_fleet()
    chain.configure('plain: { every = "200ms"; checks = ( { name = "a"; }, { name = "b"; } ); };')
    chain.start_agent()
    wait_until("both", lambda: {"plain/a", "plain/b"} <= set(chain.checks()))
    chain.agent.stop()
    chain.configure('plain: { every = "200ms"; checks = ( { name = "a"; } ); };')
    chain.start_agent()
    wait_until("one to go", lambda: set(chain.checks()) == {"plain/a"})


def test_the_server_hears_that_an_agent_stops(chain):
    chain.start_fleet()
    chain.configure(PLAIN)
    chain.start_agent()
    wait_until("the check", lambda: "plain/default" in chain.checks())
    chain.agent.stop()
    assert chain.fleet_events()[-1][1] == "stopped"


def test_reloads_workers_and_operations_are_traced(chain):
    chain.start_fleet()
    chain.configure('hostile: { every = "200ms"; mode = "none"; }; changer: { every = "1h"; };')
    chain.start_agent()
    wait_until("the check", lambda: "changer/default" in chain.checks())
    chain.configure('hostile: { every = "200ms"; mode = "crash"; }; changer: { every = "1h"; };')
    assert chain.control.reload() == ("", [])
    (chain.folder / "host/etc/conf.d/bad.conf").write_text("nonsense: { };")
    assert chain.control.reload()[1]

    def traces():
        return {(t["name"], t["check"], t["attributes"].get("plugin", "")): t for t in reversed(chain.get("/v1/traces")["traces"])}
    wanted = {("reload", "", ""), ("worker start", "", "hostile"), ("worker", "", "hostile"), ("swap", "changer/default", "")}
    found = wait_until("the traces", lambda: (lambda t: wanted <= set(t) and t["reload", "", ""]["error"] and t)(traces()))
    assert "SIGSEGV" in found["worker", "", "hostile"]["error"]
    assert found["worker start", "", "hostile"]["error"] == ""
    assert "bad.conf" in found["reload", "", ""]["error"]
    swap = found["swap", "changer/default", ""]
    assert swap["error"] == "its last step was not seen to be done" and swap["attributes"] == {}
    spans = chain.get("/v1/traces/" + swap["trace_id"])["spans"]
    assert [(s["name"], s["error"], s.get("parent_id")) for s in spans] == [
        ("drain", "", swap["span_id"]), ("switch", "not seen to be done", swap["span_id"]), ("swap", swap["error"], None)]


def make_certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", "-days", "2", "-subj", "/CN=fleet",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)


def test_tls_with_the_right_and_the_wrong_authority(chain, tmp_path):
    make_certificate(tmp_path, "right")
    make_certificate(tmp_path, "other")
    chain.start_fleet(config=f'''report_token = "test-token"; read_token = "test-token";
certificate = "{tmp_path}/right.pem"; key = "{tmp_path}/right.key";''')
    url = f"https://127.0.0.1:{chain.port}"
    chain.configure(PLAIN, url=url, extra=f'ca = "{tmp_path}/other.pem";')
    chain.start_agent()
    error = wait_until("an error", lambda: chain.control.status()[1]["fleet/default"].error)
    assert "certificate" in error
    chain.configure(PLAIN, url=url, extra=f'ca = "{tmp_path}/right.pem";')
    assert chain.control.reload() == ("", [])
    chain.wait_delivered()


def test_a_silent_host_is_lost_and_comes_back(chain):
    chain.start_fleet()
    chain.configure(PLAIN)
    chain.start_agent()
    wait_until("the host", lambda: chain.get("/v1/hosts")["hosts"])
    chain.agent.kill()
    host = wait_until("the host to be lost",
                      lambda: (h := chain.get("/v1/hosts")["hosts"][0])["state"] == "lost" and h, patience=60)
    assert host["since"] > host["last_seen"]
    chain.start_agent()
    wait_until("the host to be back", lambda: chain.get("/v1/hosts")["hosts"][0]["state"] == "live")
    kinds = [e["kind"] for e in chain.get("/v1/events?limit=100")["events"]]
    assert "host-lost" in kinds and "host-back" in kinds
