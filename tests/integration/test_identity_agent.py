# SPDX-License-Identifier: Apache-2.0
"""Identities the whole way, with gavead: enrolment, renewal, revocation, servers that go and come, copies."""
import shutil
import sqlite3
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.integration.conftest import PATIENCE, Agent, wait_until  # noqa: E402
from tests.support import fleetd, protos  # noqa: E402
from tests.support.control import Control  # noqa: E402
from tests.support.identities import Server, enroll, get_identity, identity_of  # noqa: E402

HOST = 'host: { every = "1s"; };\n'


def fleet_conf(server, extra=""):
    return HOST + f'fleet: {{ checks = ( {{ name = "central"; url = "{server.url}"; every = "200ms"; {extra} }} ); }};\n'


class Host:
    """A host with its agent. extra is added to the settings of its fleet output."""

    def __init__(self, folder, server, control_pb, extra="", enrolled=True):
        self.folder, self.server, self.control_pb = folder, server, control_pb
        (folder / "etc/conf.d").mkdir(parents=True)
        self.configure(extra)
        if enrolled:
            enroll(server, folder, server.token("enroll"))
        self.agent = None

    def configure(self, extra=""):
        (self.folder / "etc/conf.d/all.conf").write_text(fleet_conf(self.server, extra))

    def id(self):
        return (self.folder / "state/agent-id").read_text().strip()

    def start(self, prefix=()):
        self.agent = Agent(self.folder, prefix=prefix).ready()
        self.control = Control(self.control_pb, self.agent.socket, PATIENCE)
        return self

    def output(self):
        return self.control.status()[1]["fleet/central"]

    def delivers(self):
        """Whether all that is there has been delivered."""
        output = self.output()
        return output.cursor_seq > 0 and output.behind_records == 0 and not output.error

    def wait_delivered(self):
        """That something new arrives."""
        seen = self.output().cursor_seq
        wait_until("the agent to deliver", lambda: self.output().cursor_seq > seen and self.delivers())

    def wait_error(self, *words):
        return wait_until(f"an error with {words}", lambda: all(w in self.output().error for w in words) and
                          self.output().error)


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("protos"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("identity") / "server")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tokens(server):
    return {"read": server.token("read")}


@pytest.fixture(scope="module")
def control_pb(tmp_path_factory):
    return protos.control(tmp_path_factory.mktemp("control"))


@pytest.fixture
def hosts(tmp_path, control_pb):
    made = []

    def make(server, name="host", **options):
        made.append(Host(tmp_path / name, server, control_pb, **options))
        return made[-1]
    yield make
    for host in made:
        if host.agent:
            host.agent.stop()


def is_known(server, token, agent_id):
    status, host = server.ask("GET", f"/v1/hosts/{agent_id}", token)
    return status == 200 and host["state"] == "live"


def test_an_agent_that_enrolled_reports_without_any_token(server, tokens, hosts):
    host = hosts(server).start()
    wait_until("the host", lambda: is_known(server, tokens["read"], host.id()))
    host.wait_delivered()


def test_an_agent_with_a_token_for_it_enrols_by_itself(server, tokens, hosts, tmp_path):
    (tmp_path / "enroll").write_text(server.token("enroll", "--uses", "any"))
    host = hosts(server, enrolled=False, extra=f'enroll_token = "${{file:{tmp_path}/enroll}}";').start()
    wait_until("the host", lambda: is_known(server, tokens["read"], host.id()))
    text = (tmp_path / "enroll").read_text().split(".")[0]
    assert text not in host.agent.log and "enrolled as agent" in host.agent.log
    for path in (host.folder / "state").rglob("*"):
        assert path.is_dir() or text.encode() not in path.read_bytes(), path


def test_an_agent_without_identity_is_told_what_to_do_and_goes_on_without_a_reload(server, hosts):
    host = hosts(server, enrolled=False, extra=f'ca = "{server.ca}";').start()
    host.wait_error("HTTP 401", "a valid token is needed")
    enroll(server, host.folder, server.token("enroll"))
    host.wait_delivered()


def test_a_revoked_agent_says_so_and_comes_back_with_a_new_token(server, hosts):
    host = hosts(server).start()
    host.wait_delivered()
    server.command("agent", "revoke", host.id())
    host.wait_error("HTTP 401", "was revoked", "gavea enroll")
    enroll(server, host.folder, server.token("enroll"), "--force")
    host.wait_delivered()


def test_a_server_that_is_killed_and_comes_back_is_known_again(hosts, tmp_path):
    server = Server(tmp_path / "server")
    host = hosts(server).start()
    host.wait_delivered()
    server.kill()
    wait_until("the agent to notice", lambda: host.output().error)
    server = server.again()
    try:
        host.wait_delivered()
    finally:
        server.stop()


def test_another_server_at_the_same_address_is_not_believed(hosts, tmp_path):
    server = Server(tmp_path / "server")
    host = hosts(server).start()
    host.wait_delivered()
    server.stop()
    shutil.rmtree(server.state)
    other = server.again()
    try:
        host.wait_error("certificate is not trusted")
    finally:
        other.stop()


def test_a_lost_authority_is_not_replaced_while_agents_trust_it(tmp_path):
    server = Server(tmp_path / "server")
    (server.state / "authority.pem").rename(tmp_path / "backup.pem")
    assert server.command("ca", check=False).returncode == 0  # nobody has a certificate yet
    get_identity(server, tmp_path / "agent", token=server.token("enroll"))
    server.stop()
    (server.state / "authority.pem").unlink()
    done = server.command("ca", check=False)
    assert done.returncode == 1 and "is gone from the state directory, though agents have certificates" in done.stderr
    assert not (server.state / "authority.pem").exists()
    with sqlite3.connect(server.state / "identity.db") as db:
        assert db.execute("SELECT count(*) FROM audit WHERE action = 'authority-made'").fetchall() == [(2,)]


def test_certificates_of_both_sides_are_renewed_while_reports_go_on(hosts, tmp_path):
    server = Server(tmp_path / "server", 'certificate_lifetime = "4s";')
    # On a machine that is too busy to renew in time it enrols again, and renews the next time.
    (tmp_path / "enroll").write_text(server.token("enroll", "--uses", "any"))
    try:
        host = hosts(server, enrolled=False, extra=f'enroll_token = "${{file:{tmp_path}/enroll}}";').start()
        host.wait_delivered()
        before = identity_of(host.folder).read_text()
        wait_until("a renewal", lambda: "renewed" in [e["action"] for e in server.audit()])
        wait_until("the server's own", lambda: "the server's certificate was renewed" in server.log)
        host.wait_delivered()
        assert identity_of(host.folder).read_text() != before
        assert identity_of(host.folder).stat().st_mode & 0o777 == 0o600
    finally:
        server.stop()


def test_a_certificate_that_ended_is_refused_by_both_sides(hosts, pb, tmp_path):
    server = Server(tmp_path / "server", 'certificate_lifetime = "5s";')

    def ended():
        try:
            return server.report(pb, identity=copy)[1].get("code") == "certificate-expired"
        except (ssl.SSLError, AttributeError):
            return False  # the server's own is just being renewed; or it still counts
    try:
        host = hosts(server)
        copy = tmp_path / "copy.pem"
        shutil.copy(identity_of(host.folder), copy)
        wait_until("its end", ended)
        host.start().wait_error("the certificate ended at", "gavea enroll")
    finally:
        server.stop()


def another_machine(folder):
    """A command that runs others on a machine with another id."""
    (folder / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    return ["unshare", "-m", "sh", "-c", f'mount --bind {folder}/machine-id /etc/machine-id && exec "$0" "$@"']


NAMESPACES = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
needs_namespaces = pytest.mark.skipif(not NAMESPACES, reason="may not make mount namespaces")


@needs_namespaces
def test_a_copy_gets_an_identity_of_its_own_and_the_original_goes_on(server, tokens, hosts, tmp_path):
    (tmp_path / "enroll").write_text(server.token("enroll", "--uses", "any"))
    original = hosts(server, "original", extra=f'enroll_token = "${{file:{tmp_path}/enroll}}";').start()
    original.wait_delivered()
    original.agent.stop()
    copy = hosts(server, "copy", enrolled=False, extra=f'enroll_token = "${{file:{tmp_path}/enroll}}";')
    shutil.copytree(original.folder / "state", copy.folder / "state", dirs_exist_ok=True)
    assert copy.id() == original.id()
    original.start()
    copy.start(another_machine(tmp_path))
    wait_until("the copy", lambda: copy.id() != original.id() and is_known(server, tokens["read"], copy.id()))
    original.wait_delivered()
    assert is_known(server, tokens["read"], original.id())
    assert f"is a copy of that of agent {original.id()} on another machine" in copy.agent.log


@needs_namespaces
def test_a_copy_without_a_token_asks_for_one(server, hosts, tmp_path):
    original = hosts(server, "original").start()
    original.wait_delivered()
    original.agent.stop()
    copy = hosts(server, "copy", enrolled=False)
    shutil.copytree(original.folder / "state", copy.folder / "state", dirs_exist_ok=True)
    copy.start(another_machine(tmp_path))
    copy.wait_error(f"is that of agent {original.id()} on another machine: this one is a copy", "gavea enroll")


def test_an_identity_may_lie_elsewhere(server, hosts, tmp_path):
    host = hosts(server, enrolled=False, extra=f'identity = "{tmp_path}/elsewhere";')
    done = enroll(server, host.folder, server.token("enroll"), "--identity", tmp_path / "elsewhere")
    assert f'identity = "{tmp_path}/elsewhere";' in done.stdout and (tmp_path / "elsewhere/identity.pem").exists()
    host.start().wait_delivered()
