# SPDX-License-Identifier: Apache-2.0
"""A gavea-fleetd with identities, and hosts that enrol with it."""
import http.client
import json
import re
import ssl
import subprocess
import sys
from pathlib import Path

import jsonschema

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.integration.conftest import BUILD, PATIENCE, SANITIZER, Process, cli, wait_until  # noqa: E402
from tests.integration.test_fleet_api import COMPONENTS, SPEC, to_json_schema  # noqa: E402

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
