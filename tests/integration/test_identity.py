# SPDX-License-Identifier: Apache-2.0
"""Identities with real programs: tokens, enrolment, certificates, renewal, revocation, copies; gavead, gavea and
gavea-fleetd on loopback."""
import http.client
import json
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.integration.conftest import BUILD, PATIENCE, SANITIZER, Agent, Process, cli, wait_until  # noqa: E402
from tests.support.control import Control  # noqa: E402
from tests.integration.test_fleet_api import COMPONENTS, SPEC, to_json_schema  # noqa: E402
from tests.support import fleetd, protos  # noqa: E402

SCOPES = ("read", "operate", "admin", "report", "enroll")
A, B, M, N = "a" * 32, "b" * 32, "1" * 32, "2" * 32


def template_of(path):
    """The address in the description that this one is of; None: it is a page."""
    for template in SPEC["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.split("?")[0]):
            return template
    return None


def judge(method, path, status, kind, content, seen):
    """Holds an answer to docs/openapi.yaml."""
    template = template_of(path)
    if not template or status == 405:
        return
    described = SPEC["paths"][template][method.lower()]["responses"][str(status)]
    while "$ref" in described:
        described = SPEC["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
    seen.add((template, method.lower(), status))
    kind = kind.split(";")[0]
    assert kind in described.get("content", {"": 0}), (method, path, status, kind)
    if kind == "application/json":
        schema = to_json_schema(described["content"][kind]["schema"])
        jsonschema.Draft7Validator({**schema, "components": COMPONENTS}).validate(json.loads(content))


class Server(Process):
    """gavea-fleetd with identity = true."""

    def __init__(self, folder, extra="", listen="127.0.0.1:0", names=("localhost", "127.0.0.1")):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.state, self.extra = folder, folder / "state", extra
        self.seen = set()
        self.config, self.port_file = folder / "fleet.conf", folder / "port"
        self.config.write_text(f"identity = true;\nnames = {json.dumps(names)};\n{extra}\n")
        self.port_file.unlink(missing_ok=True)
        super().__init__(folder, "gavea-fleetd", ["--config", self.config, "--state", self.state, "--listen", listen,
                                                  "--port-file", self.port_file])
        self.port = int(wait_until("gavea-fleetd to listen", self._listens))
        self.url = f"https://127.0.0.1:{self.port}"
        self.ca = folder / "ca.pem"
        self.ca.write_text(self.command("ca").stdout)

    def _listens(self):
        assert self.running(), self.log
        return self.port_file.exists() and self.port_file.read_text().strip()

    def again(self):
        """The same, at the same port."""
        return Server(self.folder, self.extra, f"127.0.0.1:{self.port}")

    def command(self, *arguments, check=True):
        done = subprocess.run([BUILD / "gavea-fleetd", "--config", self.config, "--state", self.state, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert not SANITIZER.search(done.stderr), done.stderr
        assert not check or done.returncode == 0, done.stderr
        return done

    def token(self, role, *more):
        return self.command("token", "create", "--role", role, *more).stdout.strip()

    def token_id(self, text):
        """The newest of that kind."""
        return json.loads(self.command("token", "list", "--json").stdout)["tokens"][0]["id"]

    def audit(self):
        return json.loads(self.command("audit", "--json").stdout)["entries"]

    def agents(self):
        return json.loads(self.command("agent", "list", "--json").stdout)["agents"]

    def connect(self, identity=None, context=None):
        context = context or ssl.create_default_context(cafile=str(self.ca))
        if identity:
            context.load_cert_chain(identity)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)

    def ask(self, method, path, token=None, body=None, identity=None, headers=None):
        """(status, what was said)"""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection = self.connect(identity)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.headers.get("Content-Type", "")
            judge(method, path, answer.status, kind, text, self.seen)
            return answer.status, json.loads(text) if kind.startswith("application/json") else text
        finally:
            connection.close()

    def report(self, pb, token=None, identity=None, agent_id=A, machine_id=M, boot_id="boot"):
        report = pb.Report(protocol=1, agent_id=agent_id, spool_id="c" * 32, stream=1, next_within_ms=60000)
        report.agent.name, report.agent.machine_id, report.agent.boot_id = "app-01", machine_id, boot_id
        return self.ask("POST", "/v1/report", token, report.SerializeToString(), identity,
                        {"Content-Type": "application/x-protobuf"})


def make_request(folder, curve="P-256"):
    """A key and a request for a certificate with it."""
    key, csr = folder / "key.pem", folder / "csr.pem"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes",
                    "-keyout", key, "-out", csr, "-subj", "/CN=anything"], check=True, capture_output=True)
    return key, csr.read_text()


def enrollment(csr, agent_id=A, machine_id=M):
    return {"agent_id": agent_id, "machine_id": machine_id, "name": "app-01", "csr": csr}


def get_identity(server, folder, agent_id=A, machine_id=M, token=None):
    """An agent that enrols by hand; the file with its identity."""
    folder.mkdir(exist_ok=True)
    key, csr = make_request(folder)
    status, answer = server.ask("POST", "/v1/enroll", token or server.token("enroll"),
                                enrollment(csr, agent_id, machine_id))
    assert status == 201, answer
    identity = folder / "identity.pem"
    identity.write_text(key.read_text() + answer["certificate"])
    return identity


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("protos"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("identity") / "server", 'read_token = "configured-read-token";')
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tokens(server):
    return {scope: server.token(scope) for scope in SCOPES}


# ---- Who may do what ----

READS = {"read", "operate", "admin"}
MATRIX = [
    ("GET", "/v1/hosts", READS), ("GET", "/v1/hosts/x", READS), ("GET", "/v1/checks", READS),
    ("GET", "/v1/events", READS), ("GET", "/metrics", READS), ("GET", "/", READS), ("GET", "/nothing", READS),
    ("GET", "/v1/agents", READS), ("POST", "/v1/report", {"report"}), ("POST", "/v1/enroll", {"enroll"}),
    ("GET", "/v1/tokens", {"admin"}), ("POST", "/v1/tokens", {"admin"}), ("DELETE", "/v1/tokens/0000", {"admin"}),
    ("POST", f"/v1/agents/{B}/revoke", {"admin"}), ("GET", "/v1/audit", {"admin"}), ("POST", "/v1/renew", set()),
]


@pytest.mark.parametrize("method, path, allowed", MATRIX, ids=lambda value: str(value))
def test_each_address_takes_just_its_scopes(server, tokens, method, path, allowed):
    assert server.ask(method, path, body={} if method == "POST" else None)[0] == 401
    for scope, token in tokens.items():
        status, said = server.ask(method, path, token, {} if method == "POST" else None)
        assert (status not in (401, 403)) == (scope in allowed), (scope, status, said)
        if scope not in allowed and path != "/v1/renew":
            assert status == 403 and said["code"] == "scope" and scope in said["error"]


def test_every_address_of_the_description_stands_in_the_matrix():
    text = (Path(__file__).resolve().parents[2] / "docs/openapi.yaml").read_text()
    described = set(re.findall(r"^  (/\S+):$", text, re.M)) - {"/healthz", "/v1/ca"}
    tested = {re.sub(r"/(x|0000|b{32})(?=/|$)", "/*", path) for _, path, _ in MATRIX}
    assert {re.sub(r"\{\w+\}", "*", path) for path in described} <= tested


def test_health_and_the_authority_are_for_everybody(server):
    assert server.ask("GET", "/healthz")[0] == 200
    assert server.ask("GET", "/v1/ca") == (200, server.ca.read_bytes())


def test_tokens_of_the_configuration_go_on_working_and_administer_nothing(server):
    assert server.ask("GET", "/v1/hosts", "configured-read-token")[0] == 200
    assert server.ask("GET", "/v1/tokens", "configured-read-token")[0] == 401
    assert server.ask("GET", "/v1/hosts", "another")[0] == 401


@pytest.mark.parametrize("change, code", [
    (lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"), "token-damaged"),
    (lambda text: text[:-3], "token-damaged"),
    (lambda text: "gavea_api_", "token-damaged"),
    (lambda text: text.upper(), "token-missing"),
])
def test_a_token_with_a_typing_error_is_told_from_an_unknown_one(server, tokens, change, code):
    status, said = server.ask("GET", "/v1/hosts", change(tokens["read"]))
    assert (status, said["code"]) == (401, code)


def test_a_token_of_another_server_is_unknown(server, tmp_path):
    other = subprocess.run([BUILD / "gavea-fleetd", "--state", tmp_path, "token", "create", "--role", "read"],
                           capture_output=True, text=True, check=True).stdout.strip()
    assert server.ask("GET", "/v1/hosts", other)[1]["code"] == "token-unknown"


def test_a_revoked_token_ends_at_once(server):
    token = server.token("read", "--name", "for a while")
    assert server.ask("GET", "/v1/hosts", token)[0] == 200
    server.command("token", "revoke", server.token_id(token))
    status, said = server.ask("GET", "/v1/hosts", token)
    assert (status, said["code"]) == (401, "token-revoked")
    done = server.command("token", "revoke", "00000000", check=False)
    assert done.returncode == 1 and "there is no token '00000000'" in done.stderr


def test_a_token_ends_when_it_was_to_end(server):
    token = server.token("read", "--expires", "1s")
    wait_until("the token to end", lambda: server.ask("GET", "/v1/hosts", token)[0] == 401)
    status, said = server.ask("GET", "/v1/hosts", token)
    assert said["code"] == "token-expired" and "ended at" in said["error"]


def test_a_token_may_be_the_password_of_a_browser(server, tokens):
    import base64
    basic = base64.b64encode(f"anna:{tokens['read']}".encode()).decode()
    assert server.ask("GET", "/", headers={"Authorization": f"Basic {basic}"})[0] == 200


def test_tokens_are_made_and_revoked_by_the_api(server, tokens):
    status, made = server.ask("POST", "/v1/tokens", tokens["admin"], {"scopes": "read", "name": "board", "expires": "1h"})
    assert status == 201 and server.ask("GET", "/v1/hosts", made["token"])[0] == 200
    listed = next(t for t in server.ask("GET", "/v1/tokens", tokens["admin"])[1]["tokens"] if t["id"] == made["id"])
    assert "token" not in listed and listed["name"] == "board" and listed["created_by"].startswith("token ")
    assert server.ask("DELETE", f"/v1/tokens/{made['id']}", tokens["admin"])[0] == 204
    assert server.ask("DELETE", f"/v1/tokens/{made['id']}", tokens["admin"])[0] == 404
    assert server.ask("GET", "/v1/hosts", made["token"])[0] == 401
    actions = [(e["action"], e["subject"]) for e in server.ask("GET", "/v1/audit", tokens["admin"])[1]["entries"]]
    assert actions[:2] == [("token-revoked", made["id"]), ("token-created", made["id"])]


@pytest.mark.parametrize("body, error", [
    ({}, "a token is for one or several of read, operate, admin, report, enroll"),
    ({"scopes": "root"}, "a token is for one or several of"),
    ({"scopes": "enroll,read"}, "a token for enroll is for nothing else"),
    ({"scopes": "read", "expires": "soon"}, "expires is not a duration"),
    ({"scopes": "read", "expires": "0s"}, "expires is not a duration"),
    ({"scopes": "read", "name": "a\nb"}, "control characters"),
    ({"scopes": "read", "uses": 3}, "uses are counted of tokens for enroll only"),
    ({"scopes": "enroll", "agent_id": "me"}, "the agent's id is not 32 hexadecimal digits"),
    ({"scopes": ["read"]}, "scopes is neither text nor a whole number"),
])
def test_a_token_that_makes_no_sense_is_not_made(server, tokens, body, error):
    status, said = server.ask("POST", "/v1/tokens", tokens["admin"], body)
    assert status == 400 and error in said["error"]


def test_a_form_of_another_page_changes_nothing(server, tokens):
    status, said = server.ask("POST", "/v1/tokens", tokens["admin"], "scopes=admin",
                              headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, said["code"]) == (415, "not-json")


def test_no_token_stands_in_the_database_or_the_log(server, tokens):
    texts = [token.split(".")[0] for token in tokens.values()]
    for path in [*server.state.iterdir(), server.log_path]:
        content = path.read_bytes()
        assert not any(text.encode() in content or text[-72:].encode() in content for text in texts), path
    assert all(path.stat().st_mode & 0o077 == 0 for path in server.state.iterdir())


def test_scanners_know_a_token(tokens):
    for scope, token in tokens.items():
        assert re.fullmatch(r"gavea_(api|enroll)_[0-9a-f]{72}(\.[0-9a-f]{64})?", token), scope
    assert "." in tokens["enroll"]


# ---- Enrolment, as the server sees it ----

def test_an_agent_reports_with_its_certificate_and_under_no_other_name(server, pb, tmp_path):
    identity = get_identity(server, tmp_path, "3" * 32)
    assert server.report(pb, identity=identity, agent_id="3" * 32)[0] == 200
    status, said = server.report(pb, identity=identity, agent_id="4" * 32)
    assert (status, said["code"]) == (403, "agent-mismatch")
    assert server.ask("GET", "/v1/hosts", identity=identity)[0] == 401


def test_a_token_cannot_speak_for_an_agent_that_has_a_certificate(server, pb, tokens, tmp_path):
    assert server.report(pb, tokens["report"], agent_id="5" * 32)[0] == 200
    get_identity(server, tmp_path, "5" * 32)
    status, said = server.report(pb, tokens["report"], agent_id="5" * 32)
    assert (status, said["code"]) == (403, "certificate-required")


def test_a_token_for_one_use_is_good_for_one_agent(server, tmp_path):
    token = server.token("enroll")
    _, csr = make_request(tmp_path)
    first = server.ask("POST", "/v1/enroll", token, enrollment(csr, "6" * 32))
    again = server.ask("POST", "/v1/enroll", token, enrollment(csr, "6" * 32))
    assert first[0] == 201 and again[0] == 200 and first[1]["certificate"] == again[1]["certificate"]
    status, said = server.ask("POST", "/v1/enroll", token, enrollment(csr, "7" * 32))
    assert (status, said["code"]) == (401, "token-used")


def test_a_token_for_two_uses_is_good_for_two(server, tmp_path):
    token = server.token("enroll", "--uses", "2")
    _, csr = make_request(tmp_path)
    statuses = [server.ask("POST", "/v1/enroll", token, enrollment(csr, f"{i:032x}"))[0] for i in (101, 102, 103)]
    assert statuses == [201, 201, 401]


def test_of_many_that_race_for_one_use_one_wins(server, tmp_path):
    token = server.token("enroll")
    _, csr = make_request(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda i: server.ask("POST", "/v1/enroll", token, enrollment(csr, f"{i:032x}"))[0],
                                 range(201, 209)))
    assert sorted(statuses) == [201] + [401] * 7


def test_many_agents_enrol_and_report_while_tokens_come_and_go(server, pb, tokens, tmp_path):
    lasting = server.token("enroll", "--uses", "any")

    def live(number):
        agent_id = f"{number:032x}"
        identity = get_identity(server, tmp_path / agent_id, agent_id, token=lasting)
        made = server.ask("POST", "/v1/tokens", tokens["admin"], {"scopes": "read"})[1]
        statuses = [server.report(pb, identity=identity, agent_id=agent_id)[0],
                    server.ask("GET", "/v1/agents", made["token"])[0],
                    server.ask("DELETE", f"/v1/tokens/{made['id']}", tokens["admin"])[0],
                    server.ask("POST", f"/v1/agents/{agent_id}/revoke", tokens["admin"], {})[0],
                    server.report(pb, identity=identity, agent_id=agent_id)[0]]
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(live, range(301, 317))) == [[200, 200, 204, 204, 401]] * 16


def test_an_expired_or_revoked_token_enrols_nobody(server, tmp_path):
    token = server.token("enroll", "--expires", "1s")
    _, csr = make_request(tmp_path)
    wait_until("the token to end", lambda: server.ask("POST", "/v1/enroll", token, {})[0] == 401)
    assert server.ask("POST", "/v1/enroll", token, enrollment(csr, "8" * 32))[1]["code"] == "token-expired"


def test_a_living_agent_is_replaced_only_with_a_token_for_it(server, pb, tmp_path):
    agent_id = "9" * 32
    before = get_identity(server, tmp_path / "before", agent_id)
    _, csr = make_request(tmp_path)
    status, said = server.ask("POST", "/v1/enroll", server.token("enroll"), enrollment(csr, agent_id))
    assert (status, said["code"]) == (409, "already-enrolled") and f"--agent {agent_id}" in said["error"]
    token = server.token("enroll", "--agent", agent_id)
    status, said = server.ask("POST", "/v1/enroll", token, enrollment(csr, "0" * 32))
    assert (status, said["code"]) == (403, "token-other-agent")
    after = get_identity(server, tmp_path / "after", agent_id, token=token)
    assert server.report(pb, identity=after, agent_id=agent_id)[0] == 200
    assert server.report(pb, identity=before, agent_id=agent_id)[1]["code"] == "certificate-revoked"


def test_a_revoked_agent_needs_a_token_that_is_newer(server, pb, tmp_path):
    agent_id, lasting = "c" * 32, server.token("enroll", "--uses", "any")
    identity = get_identity(server, tmp_path / "before", agent_id, token=lasting)
    connection = server.connect(identity)
    server.command("agent", "revoke", agent_id, "--reason", "stolen")
    status, said = server.report(pb, identity=identity, agent_id=agent_id)
    assert (status, said["code"]) == (401, "certificate-revoked") and "gavea enroll" in said["error"]
    assert server.ask("POST", "/v1/renew", identity=identity, body={})[1]["code"] == "certificate-revoked"
    connection.close()
    _, csr = make_request(tmp_path)
    assert server.ask("POST", "/v1/enroll", lasting, enrollment(csr, agent_id))[1]["code"] == "agent-revoked"
    time.sleep(0.01)
    get_identity(server, tmp_path / "after", agent_id)
    state = next(a for a in server.agents() if a["agent_id"] == agent_id)
    assert state["state"] == "valid" and ("agent-revoked", "stolen") in [(e["action"], e["detail"]) for e in server.audit()]


def test_a_copy_on_another_machine_is_refused_and_told_once(server, pb, tokens, tmp_path):
    agent_id = "d" * 32
    identity = get_identity(server, tmp_path, agent_id, M)
    for _ in range(3):
        status, said = server.report(pb, identity=identity, agent_id=agent_id, machine_id=N)
        assert (status, said["code"]) == (409, "cloned") and "identity of its own" in said["error"]
    _, csr = make_request(tmp_path)
    assert server.ask("POST", "/v1/enroll", server.token("enroll"), enrollment(csr, agent_id, N))[1]["code"] == "cloned"
    assert server.ask("POST", "/v1/renew", identity=identity, body=enrollment(csr, agent_id, N))[1]["code"] == "cloned"
    assert server.report(pb, identity=identity, agent_id=agent_id, machine_id=M)[0] == 200
    assert [e["action"] for e in server.audit() if e["subject"] == agent_id].count("cloned") == 1
    events = wait_until("the event", lambda: [
        e for e in server.ask("GET", "/v1/events", tokens["read"])[1]["events"] if e["kind"] == "cloned-agent"])
    assert len(events) == 1 and events[0]["host"]["id"] == agent_id


def test_of_two_copies_with_one_machine_id_the_later_one_is_refused(server, pb, tmp_path):
    agent_id = "12" * 16
    identity = get_identity(server, tmp_path, agent_id)
    for _ in range(3):
        first = server.report(pb, identity=identity, agent_id=agent_id, boot_id="first")
        second = server.report(pb, identity=identity, agent_id=agent_id, boot_id="second")
    assert first[0] == 200 and (second[0], second[1]["code"]) == (409, "cloned")
    assert "this one came later" in second[1]["error"] and "gavea enroll --new-id" in second[1]["error"]
    assert [e["detail"] for e in server.audit() if e["subject"] == agent_id][0] == "in boot second"


@pytest.mark.parametrize("change, error", [
    ({"csr": "nonsense"}, "csr is not a PKCS #10 request in PEM"),
    ({"csr": "x" * 9000}, "csr is larger than 8192 bytes"),
    ({"agent_id": "../../etc"}, "agent_id is not 32 hexadecimal digits"),
    ({"agent_id": A.upper()}, "agent_id is not 32 hexadecimal digits"),
    ({"machine_id": ""}, "machine_id is not 32 hexadecimal digits"),
    ({"name": ""}, "name is not one of a host"),
    ({"name": "a\nb"}, "name is not one of a host"),
    ({"csr": 3}, "csr is not a PKCS #10 request in PEM"),
    ({"csr": ["x"]}, "csr is neither text nor a whole number"),
])
def test_a_request_that_makes_no_sense_uses_up_no_token(server, tokens, tmp_path, change, error):
    _, csr = make_request(tmp_path)
    status, said = server.ask("POST", "/v1/enroll", tokens["enroll"], {**enrollment(csr), **change})
    assert status == 400 and error in said["error"]


def test_a_key_of_another_kind_is_refused(server, tokens, tmp_path):
    _, csr = make_request(tmp_path, "P-384")
    status, said = server.ask("POST", "/v1/enroll", tokens["enroll"], enrollment(csr))
    assert status == 400 and said["error"] == "csr: the key is not an ECDSA key on P-256"


def test_certificates_of_others_are_worth_nothing(server, pb, tmp_path):
    fleetd.tls_context(tmp_path)
    stranger = tmp_path / "stranger.pem"
    stranger.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
    status, said = server.report(pb, identity=stranger)
    assert (status, said["code"]) == (401, "certificate-unknown")
    status, said = server.report(pb, identity=server.state / "server.pem")
    assert (status, said["error"]) == (401, "the client's certificate is not that of an agent")


# ---- TLS ----

def handshake(port, *arguments):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments], input="", text=True,
                          capture_output=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("arguments", [
    ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
    ["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], ["-tls1_2", "-cipher", "3DES:RC4:NULL:@SECLEVEL=0"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"], ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
])
def test_old_versions_and_weak_ciphers_are_refused(server, arguments):
    done = handshake(server.port, *arguments)
    assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout, done.stdout


@pytest.mark.parametrize("arguments, cipher", [
    (["-tls1_3"], "TLS_AES_256_GCM_SHA384"), (["-tls1_2"], "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "ECDHE-ECDSA-CHACHA20-POLY1305"),
])
def test_good_ciphers_are_taken_and_an_agent_s_certificate_is_asked_for(server, arguments, cipher):
    done = handshake(server.port, "-CAfile", str(server.ca), "-verify_return_error", *arguments)
    assert done.returncode == 0 and f"Cipher is {cipher}" in done.stdout, done.stdout + done.stderr
    assert "Compression: NONE" in done.stdout and "Secure Renegotiation IS supported" in done.stdout or "-tls1_3" in arguments
    assert "Acceptable client certificate CA names\nCN = gavea fleet authority" in done.stdout


def shown(port):
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_certificate_renewed_in_its_file_is_shown_after_a_reload(tmp_path):
    fleetd.tls_context(tmp_path)
    fleet = fleetd.Fleet(tmp_path, [f'certificate = "{tmp_path}/cert.pem"; key = "{tmp_path}/key.pem";']).start()
    try:
        before = shown(fleet.port)
        fleetd.tls_context(tmp_path)
        fleet.popen.send_signal(signal.SIGHUP)
        wait_until("the new one", lambda: shown(fleet.port) != before)
        assert shown(fleet.port).split() == (tmp_path / "cert.pem").read_text().split()
        good = shown(fleet.port)
        (tmp_path / "key.pem").write_text("no key")
        fleet.popen.send_signal(signal.SIGHUP)
        wait_until("the complaint", lambda: "the certificate from before stays: the key cannot be used" in fleet.log)
        assert shown(fleet.port) == good
    finally:
        fleet.stop()


# ---- gavea enroll ----

def enroll(server, folder, token, *more, check=True):
    path = folder / "token"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(token + "\n")
    done = cli("enroll", server.url, "--token-file", path, "--state", folder / "state", "--config", folder / "etc", *more,
               check=check)
    assert token.split(".")[0] not in done.stdout + done.stderr
    return done


def identity_of(folder):
    return folder / "state/plugins/fleet/central/files/identity.pem"


def test_enroll_makes_the_key_here_and_tells_what_to_configure(server, pb, tmp_path):
    done = enroll(server, tmp_path, server.token("enroll"))
    identity = identity_of(tmp_path)
    assert f'url = "{server.url}"' in done.stdout and "renews itself" in done.stdout
    assert identity.stat().st_mode & 0o777 == 0o600 and identity.parent.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE KEY" in identity.read_text() and not (identity.parent / "pending.pem").exists()
    agent_id = (tmp_path / "state/agent-id").read_text().strip()
    machine_id = (tmp_path / "state/agent-machine").read_text().strip()
    assert server.report(pb, identity=identity, agent_id=agent_id, machine_id=machine_id)[0] == 200
    again = enroll(server, tmp_path, "gavea_enroll_anything")
    assert "has an identity already" in again.stdout


def test_enroll_goes_on_where_it_was_killed(server, tmp_path):
    """After the key was made, and after the server answered but before it was written."""
    token = server.token("enroll")
    enroll(server, tmp_path, token)
    identity = identity_of(tmp_path)
    text = identity.read_text()
    key = text[:text.index("-----BEGIN CERTIFICATE")]
    identity.unlink()
    (identity.parent / "pending.pem").write_text(key)
    enroll(server, tmp_path, token)
    assert identity.read_text() == text
    identity.unlink()
    (identity.parent / "pending.pem").write_text(key[:50])
    done = enroll(server, tmp_path, token, check=False)
    assert done.returncode == 1 and "has a certificate already" in done.stderr


def test_enroll_may_be_killed_at_any_time(server, tmp_path):
    """With a token for one use: in the end there is one certificate, and the agent has it."""
    token = tmp_path / "token"
    token.write_text(server.token("enroll"))
    for tries in range(12):
        process = subprocess.Popen([BUILD / "gavea", "enroll", server.url, "--token-file", token, "--state",
                                    tmp_path / "state"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.004 * tries)
        process.kill()
        process.wait()
    cli("enroll", server.url, "--token-file", token, "--state", tmp_path / "state")
    agent_id = (tmp_path / "state/agent-id").read_text().strip()
    with sqlite3.connect(server.state / "identity.db") as db:
        stored = db.execute("SELECT pem FROM certificate WHERE agent_id = ?", [agent_id]).fetchall()
    assert len(stored) == 1 and stored[0][0] in identity_of(tmp_path).read_text()


@pytest.mark.parametrize("token, error", [
    (lambda s: s.token("read"), "is for read, and this takes one for enroll; make one on the server"),
    (lambda s: "nonsense", "certificate is not trusted"),
    (lambda s: s.token("enroll")[:-1], "the fingerprint of the authority is not sha256: with 64 hexadecimal digits"),
    (lambda s: s.token("enroll").split(".")[0] + "." + "0" * 64, "somebody stands between"),
])
def test_enroll_says_what_is_wrong_with_a_token(server, tmp_path, token, error):
    text = token(server)
    more = ["--ca", server.ca] if text.startswith("gavea_api") else []
    done = enroll(server, tmp_path, text, *more, check=False)
    assert done.returncode == 1 and error in done.stderr and not identity_of(tmp_path).exists(), done.stderr


def test_enroll_sends_its_token_to_nobody_in_between(server, tmp_path):
    """Another server with another authority under the same address: it never sees the token."""
    other = Server(tmp_path / "other")
    try:
        token = server.token("enroll")
        done = enroll(other, tmp_path / "agent", token, check=False)
        assert done.returncode == 1 and "has another authority" in done.stderr
        assert other.audit() == [] or all(e["action"] != "enrolled" for e in other.audit())
    finally:
        other.stop()


def test_enroll_refuses_a_server_of_another_name(tmp_path):
    other = Server(tmp_path / "other", names=["fleet.example.com"])
    try:
        done = enroll(other, tmp_path / "agent", other.token("enroll"), check=False)
        assert done.returncode == 1 and "certificate is not for this host" in done.stderr
    finally:
        other.stop()


def test_enroll_writes_the_configuration_when_it_is_asked_to(server, tmp_path):
    (tmp_path / "etc/conf.d").mkdir(parents=True)
    (tmp_path / "etc/conf.d/fleet.conf").write_text("# fleet: {\n#   checks = ();\n# };\n")
    enroll(server, tmp_path, server.token("enroll"), "--write-config")
    text = (tmp_path / "etc/conf.d/fleet.conf").read_text()
    assert text.startswith("# fleet: {") and f'url = "{server.url}"' in text
    shutil.rmtree(tmp_path / "state")
    done = enroll(server, tmp_path, server.token("enroll"), "--write-config", check=False)
    assert done.returncode == 1 and "has settings already: add the section by hand" in done.stderr


def test_an_identity_may_lie_elsewhere(server, hosts, tmp_path):
    host = hosts(server, enrolled=False, extra=f'identity = "{tmp_path}/elsewhere";')
    done = enroll(server, host.folder, server.token("enroll"), "--identity", tmp_path / "elsewhere")
    assert f'identity = "{tmp_path}/elsewhere";' in done.stdout and (tmp_path / "elsewhere/identity.pem").exists()
    host.start().wait_delivered()


def test_a_whole_copy_becomes_another_agent(server, tmp_path):
    enroll(server, tmp_path, server.token("enroll"))
    before = (tmp_path / "state/agent-id").read_text()
    done = enroll(server, tmp_path, server.token("enroll"), "--new-id")
    assert "restart gavead" in done.stdout and (tmp_path / "state/agent-id").read_text() != before
    assert (tmp_path / "state/agent-id").read_text().strip() in done.stdout


def test_enroll_says_that_a_server_gives_no_certificates(tmp_path, start_fleet):
    fleet = start_fleet()
    (tmp_path / "token").write_text("x.y\n")
    done = cli("enroll", fleet.url, "--token-file", tmp_path / "token", "--ca", "/nowhere", check=False)
    assert done.returncode == 1 and "begin with https://" in done.stderr or "fingerprint" in done.stderr


def test_a_token_on_the_command_line_is_not_seen_for_long(server, tmp_path):
    """It asks a server that never answers, and its arguments are read meanwhile."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        token = server.token("enroll")
        process = subprocess.Popen([BUILD / "gavea", "enroll", f"https://127.0.0.1:{silent.getsockname()[1]}", "--token",
                                    token, "--state", tmp_path / "state"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            silent.accept()[0].close()
            line = Path(f"/proc/{process.pid}/cmdline")
            assert token.encode() not in (line.read_bytes() if line.exists() else b"")
        finally:
            process.communicate(timeout=PATIENCE)


# ---- The whole way, with the agent ----

HOST = 'host: { every = "1s"; };\n'


def fleet_conf(server, extra=""):
    return HOST + f'fleet: {{ checks = ( {{ name = "central"; url = "{server.url}"; every = "200ms"; {extra} }} ); }};\n'


def test_every_address_was_asked_for_and_answered_as_described(server, tokens, pb, tmp_path):
    agent_id = "e" * 32
    identity = get_identity(server, tmp_path, agent_id)
    assert server.ask("GET", "/v1/audit?limit=2", tokens["admin"])[1]["next"]
    assert server.ask("GET", "/v1/audit?limit=no", tokens["admin"])[0] == 400
    assert server.ask("GET", "/v1/audit?before=no", tokens["admin"])[0] == 400
    body = enrollment(make_request(tmp_path)[1], agent_id)
    assert server.ask("POST", "/v1/renew", body=body, identity=identity)[1]["code"] == "renewed-too-often"
    assert server.ask("GET", "/v1/agents", tokens["read"])[0] == 200
    assert server.ask("POST", f"/v1/agents/{agent_id}/revoke", tokens["admin"], {"reason": "x" * 256})[0] == 400
    assert server.ask("POST", f"/v1/agents/{agent_id}/revoke", tokens["admin"], {"reason": "lost"})[0] == 204
    assert server.ask("POST", f"/v1/agents/{agent_id}/revoke", tokens["admin"], {})[0] == 404
    asked = {(path, method) for path, method, status in server.seen if status < 300}
    described = {(path, method) for path, item in SPEC["paths"].items() for method in item}
    assert described - asked <= {("/v1/renew", "post"), ("/v1/hosts/{host}", "get")}


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
    server = Server(tmp_path / "server", 'certificate_lifetime = "3s";')
    try:
        host = hosts(server).start()
        host.wait_delivered()
        before = identity_of(host.folder).read_text()
        wait_until("two renewals", lambda: [e["action"] for e in server.audit()].count("renewed") >= 2)
        wait_until("the server's own", lambda: "the server's certificate was renewed" in server.log)
        host.wait_delivered()
        assert identity_of(host.folder).read_text() != before
        assert identity_of(host.folder).stat().st_mode & 0o777 == 0o600
        assert not (identity_of(host.folder).parent / "pending.pem").exists()
    finally:
        server.stop()


def test_a_certificate_that_ended_is_refused_by_both_sides(hosts, pb, tmp_path):
    server = Server(tmp_path / "server", 'certificate_lifetime = "3s";')
    try:
        host = hosts(server)
        copy = tmp_path / "copy.pem"
        shutil.copy(identity_of(host.folder), copy)
        status = wait_until("its end", lambda: server.report(pb, identity=copy)[1].get("code") == "certificate-expired"
                            if server.report(pb, identity=copy)[0] == 401 else None)
        assert status
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
