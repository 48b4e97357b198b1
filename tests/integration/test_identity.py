# SPDX-License-Identifier: Apache-2.0
"""Identities as the server sees them: tokens and scopes, enrolment, certificates, copies, TLS, and `gavea enroll`."""
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

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.integration.conftest import BUILD, PATIENCE, cli, wait_until  # noqa: E402
from tests.integration.test_fleet_api import SPEC  # noqa: E402
from tests.support import fleetd  # noqa: E402
from tests.support.identities import (  # noqa: E402
    A, B, M, N, Server, enroll, enrollment, get_identity, identity_of, make_request)

SCOPES = ("read", "operate", "admin", "report", "enroll")


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
    ("GET", "/v1/hosts", READS), ("GET", "/v1/hosts/x", READS),
    ("DELETE", "/v1/hosts/x", {"operate", "admin"}), ("GET", "/v1/traces", READS), ("GET", "/v1/traces/0000", READS), ("GET", "/v1/checks", READS),
    ("GET", "/v1/events", READS), ("GET", "/metrics", READS), ("GET", "/", READS), ("GET", "/nothing", READS),
    ("GET", "/v1/agents", READS), ("POST", "/v1/report", {"report"}), ("POST", "/v1/enroll", {"enroll"}),
    ("GET", "/v1/tokens", {"admin"}), ("POST", "/v1/tokens", {"admin"}), ("DELETE", "/v1/tokens/0000", {"admin"}),
    ("POST", f"/v1/agents/{B}/revoke", {"admin"}), ("GET", "/v1/audit", {"admin"}), ("POST", "/v1/renew", set()),
]


@pytest.mark.parametrize("method, path, allowed", MATRIX, ids=lambda value: ",".join(sorted(value)) if isinstance(value, set) else str(value))
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
    assert server.ask("GET", "/v1/tokens", "configured-read-token")[0] == 403
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


def test_who_has_a_host_forgotten_stands_in_the_audit_log(server, tokens, pb):
    agent_id = "f0" * 16
    assert server.report(pb, tokens["report"], agent_id=agent_id)[0] == 200
    assert server.ask("DELETE", f"/v1/hosts/{agent_id}", tokens["read"])[0] == 403
    assert server.ask("DELETE", f"/v1/hosts/{agent_id}", tokens["operate"])[0] == 204
    entry = next(e for e in server.audit() if e["action"] == "host-forgotten")
    assert entry["subject"] == agent_id and entry["actor"].startswith("token ")
    assert server.ask("GET", f"/v1/hosts/{agent_id}", tokens["read"])[0] == 404


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


def test_a_reader_is_told_how_to_trust_a_server_with_its_own_authority(server):
    done = cli("fleet", "hosts", "--url", server.url, check=False)
    assert done.returncode != 0
    assert ("; where the server has its own authority (identity = true): `gavea-fleetd ca >FILE` there, and here --ca FILE "
            "or GAVEA_FLEET_CA\n") in done.stderr


def test_half_a_command_of_the_server_is_not_called_an_unknown_one():
    done = subprocess.run([BUILD / "gavea-fleetd", "token"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr == "gavea-fleetd: token: a word is missing; see gavea-fleetd --help\n"


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
    # The rest is asked for where hosts report: test_fleet_api.py.
    assert described - asked <= {("/v1/renew", "post"), ("/v1/hosts/{host}", "get"), ("/v1/hosts/{host}", "delete"),
                                 ("/v1/traces/{trace}", "get")}
