# SPDX-License-Identifier: Apache-2.0
"""The REST API of gavea-fleetd is what docs/openapi.yaml says, and does what it promises."""
import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support import fleetd  # noqa: E402
from tests.support.fleetd import Agent, Fleet  # noqa: E402

SPEC = yaml.safe_load((fleetd.ROOT / "docs/openapi.yaml").read_text())


def to_json_schema(node):
    """OpenAPI 3.0's dialect as plain JSON Schema: nullable becomes a type or an alternative."""
    if isinstance(node, list):
        return [to_json_schema(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {key: to_json_schema(value) for key, value in node.items()}
    if node.pop("nullable", False):
        node["type"] = [node["type"], "null"]
    return node


COMPONENTS = to_json_schema(SPEC["components"])


class Api:
    """Requests whose answers are held to the description."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.seen = set()

    def resolve(self, node):
        while "$ref" in node:
            target = SPEC
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def request(self, method, path, template=None, status=200, body=None, headers=None):
        template = template or path.split("?")[0]
        actual, answer_headers, content = self.fleet.request(method, path, body, headers)
        assert actual == status, (path, actual, content)
        operation = SPEC["paths"][template][method.lower()]
        described = self.resolve(operation["responses"][str(status)])
        self.seen.add((template, method.lower(), status))
        if status == 204:
            return content
        kind = answer_headers["Content-Type"].split(";")[0]
        assert kind in described["content"], (path, status, kind)
        if kind != "application/json":
            return content
        schema = to_json_schema(copy.deepcopy(described["content"][kind]["schema"]))
        jsonschema.Draft7Validator({**schema, "components": COMPONENTS}).validate(json.loads(content))
        return json.loads(content)

    def get(self, path, template=None, status=200):
        return self.request("GET", path, template, status)


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    return fleetd.report_pb2(tmp_path_factory.mktemp("proto"))


@pytest.fixture(scope="module")
def api(tmp_path_factory, pb):
    server = Fleet(tmp_path_factory.mktemp("api")).start()
    states = [pb.OK, pb.WARNING, pb.CRITICAL, pb.UNKNOWN]
    for number in range(1, 13):
        agent = Agent(pb, number, name="twin" if number > 10 else None)
        report = agent.full(state=states[number % 4])
        event = agent.add(report.records).event
        event.kind, event.summary, event.status, event.check = "state", f"event {number}", pb.WARNING, 2
        event.attributes['quo"te'] = "back\\slash"
        agent.send(server, report)
    yield Api(server)
    server.stop()


def test_the_description_is_a_valid_one():
    assert SPEC["openapi"].startswith("3.0")
    jsonschema.Draft7Validator.check_schema({"components": COMPONENTS, "$ref": "#/components/schemas/Host"})
    text = (fleetd.ROOT / "docs/openapi.yaml").read_text()
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        node = SPEC
        for part in reference.split("/"):
            node = node[part]


def test_hosts_come_in_parts_by_name(api):
    names, after = [], ""
    for _ in range(10):
        part = api.get(f"/v1/hosts?limit=5{after}")
        names += [(host["name"], host["id"]) for host in part["hosts"]]
        if not part["next"]:
            break
        after = f"&after={part['next']}"
    assert names == sorted(names) and len(names) == 12


def test_a_list_that_ends_exactly_at_the_limit_has_no_next(api):
    assert api.get("/v1/hosts?limit=12")["next"] is None
    assert api.get("/v1/checks?limit=24")["next"] is None


def test_hosts_are_chosen_by_state(api):
    assert len(api.get("/v1/hosts?status=live")["hosts"]) == 12
    assert api.get("/v1/hosts?status=lost")["hosts"] == []


@pytest.mark.parametrize("path", [
    "/v1/hosts?status=dead", "/v1/hosts?limit=0", "/v1/hosts?limit=1001", "/v1/hosts?limit=x", "/v1/checks?status=red",
    "/v1/hosts?after=nobody", "/v1/checks?limit=-1", "/v1/checks?after=nowhere",
    "/v1/events?after=x", "/v1/events?before=-1",
    "/v1/events?order=up", "/v1/events?limit=2000"])
def test_questions_that_make_no_sense_are_refused(api, path):
    assert api.get(path, status=400)["error"]


def test_a_host_is_found_by_id_and_by_name(api):
    template = "/v1/hosts/{host}"
    by_id = api.get(f"/v1/hosts/{3:032x}", template)
    by_name = api.get("/v1/hosts/host-003?samples=true", template)
    assert by_id["id"] == by_name["id"] and len(by_name["samples"]) == 3 and "samples" not in by_id
    assert api.get("/v1/hosts/twin", template)["id"] == f"{11:032x}"
    api.get("/v1/hosts/nobody", template, status=404)
    api.get("/v1/hosts/host-003?samples=perhaps", template, status=400)


def test_checks_are_chosen_by_status_and_host(api):
    critical = api.get("/v1/checks?status=critical")["checks"]
    assert [c["host"]["name"] for c in critical] == ["host-002", "host-006", "host-010"]
    assert {c["check"] for c in critical} == {"cert/www"}
    assert len(api.get("/v1/checks?host=host-002")["checks"]) == 2
    api.get("/v1/checks?host=nobody", status=404)


def test_checks_come_in_parts(api):
    seen, after = [], ""
    for _ in range(20):
        part = api.get(f"/v1/checks?limit=5{after}")
        seen += [(c["host"]["id"], c["check"]) for c in part["checks"]]
        if not part["next"]:
            break
        after = f"&after={part['next']}"
    assert len(seen) == len(set(seen)) == 24


def test_events_can_be_read_back_and_followed(api):
    newest = api.get("/v1/events?limit=5")
    assert [e["summary"] for e in newest["events"]] == [f"event {n}" for n in (12, 11, 10, 9, 8)]
    older = api.get(f"/v1/events?limit=5&before={newest['next']}")["events"]
    assert older[0]["summary"] == "event 7"
    followed = api.get(f"/v1/events?after={newest['next']}")["events"]
    assert [e["summary"] for e in followed] == [f"event {n}" for n in (9, 10, 11, 12)]
    assert followed[0]["check"] == "cert/www" and followed[0]["attributes"] == {'quo"te': "back\\slash"}
    one, = api.get("/v1/events?host=host-004")["events"]
    assert one["host"] == {"id": f"{4:032x}", "name": "host-004"}
    api.get("/v1/events?host=nobody", status=404)


def add_span(agent, records, trace, span, parent, name, start_us, end_us, error=""):
    one = agent.add(records).span
    one.trace_id, one.span_id, one.parent_span_id = trace, span, parent
    one.name, one.start_us, one.end_us, one.error, one.check = name, start_us, end_us, error, 2
    one.attributes["release"] = "1.2.3"


def test_traces_are_kept_with_their_spans(api, pb):
    agent = Agent(pb, 5)
    agent.seq, agent.declared = 500, True
    for number in range(1, 4):
        report = agent.report()
        trace = bytes([number]) * 16
        add_span(agent, report.records, trace, b"childchi", b"rootroot", "switch", 1_000_000, 1_250_000, "refused")
        add_span(agent, report.records, trace, b"rootroot", b"", f"swap {number}", 1_000_000, 3_500_000)
        agent.send(api.fleet, report)
        agent.send(api.fleet, report)  # has no second effect
    first = api.get("/v1/traces?limit=2")
    assert [span["name"] for span in first["traces"]] == ["swap 3", "swap 2"]
    rest = api.get(f"/v1/traces?limit=2&before={first['next']}&host=host-005")
    assert [span["name"] for span in rest["traces"]] == ["swap 1"] and rest["next"] is None
    assert api.get("/v1/traces?host=host-001")["traces"] == []
    trace = api.get("/v1/traces/" + "02" * 16, "/v1/traces/{trace}")
    child, root = trace["spans"]
    assert (root["name"], root["duration_seconds"], root["check"], root["error"]) == ("swap 2", 2.5, "cert/www", "")
    assert "parent_id" not in root and child["parent_id"] == root["span_id"] == b"rootroot".hex()
    assert (child["duration_seconds"], child["error"], child["start_us"]) == (0.25, "refused", 1_000_000)
    assert child["attributes"] == {"release": "1.2.3"} and child["host"]["name"] == "host-005"
    assert api.fleet.metric("gavea_fleet_spans_total") == 6
    page = api.fleet.request("GET", "/hosts/host-005")[2].decode()
    assert "Recent operations" in page and "swap 3" in page and ">2.5 s<" in page
    assert "Recent operations" not in api.fleet.request("GET", "/hosts/host-001")[2].decode()
    for path in ("/v1/traces/" + "09" * 16, "/v1/traces/xyz", "/v1/traces/" + "0" * 33):
        api.get(path, "/v1/traces/{trace}", status=404)
    api.get("/v1/traces?host=nobody", status=404)
    api.get("/v1/traces?limit=0", status=400)


@pytest.mark.parametrize("trace, span, parent, name, text", [
    (b"", b"x" * 8, b"", "a", "a span has a bad id"),
    (b"\0" * 16, b"x" * 8, b"", "a", "a span has a bad id"),
    (b"x" * 16, b"x" * 9, b"", "a", "a span has a bad id"),
    (b"x" * 16, b"x" * 8, b"x", "a", "a span has a bad id"),
    (b"x" * 16, b"x" * 8, b"", "", "a span has a bad name"),
])
def test_a_span_that_makes_no_sense_is_refused(api, pb, trace, span, parent, name, text):
    agent = Agent(pb, 6)
    agent.seq, agent.declared = 500, True
    report = agent.report()
    add_span(agent, report.records, trace, span, parent, name, 1, 2)
    assert text in agent.send(api.fleet, report, status=400).error


def test_the_servers_own_metrics_are_in_the_text_form(api):
    text = api.get("/metrics").decode()
    names = re.findall(r"^# TYPE (\S+) (counter|gauge|histogram)$", text, re.M)
    assert len({name for name, _ in names}) == len(names)
    assert {name for name, _ in names} == set(re.findall(r"^# HELP (\S+) \S.*\.$", text, re.M))
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r"[a-z_]+(\{[a-z]+=\"[^\"]+\"\})? [0-9.e+-]+", line), line
    for name, kind in names:
        assert name.endswith("_total") == (kind == "counter"), name
    assert 'gavea_fleet_hosts{state="live"} 12' in text
    buckets = [int(value) for value in re.findall(r'commit_seconds_bucket\{le="[^"]+"\} (\d+)', text)]
    assert buckets == sorted(buckets) and buckets[-1] > 0
    if shutil.which("promtool"):
        lint = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        assert lint.returncode == 0 and not lint.stderr, lint.stderr


def test_health_is_told(api):
    assert api.get("/healthz") == {"status": "ok"}


def test_a_host_can_be_forgotten(api, pb):
    agent = Agent(pb, 90)
    report = agent.full()
    add_span(agent, report.records, b"f" * 16, b"rootroot", b"", "swap", 1_000_000, 2_000_000)
    event = agent.add(report.records).event
    event.kind, event.summary = "state", "of the forgotten one"
    agent.send(api.fleet, report)
    others = len(api.get("/v1/hosts?limit=100")["hosts"])
    api.request("DELETE", "/v1/hosts/host-090", "/v1/hosts/{host}", 204)
    api.get("/v1/hosts/host-090", "/v1/hosts/{host}", 404)
    api.request("DELETE", "/v1/hosts/host-090", "/v1/hosts/{host}", 404)
    assert len(api.get("/v1/hosts?limit=100")["hosts"]) == others - 1
    assert "of the forgotten one" not in {e["summary"] for e in api.get("/v1/events")["events"]}
    api.get("/v1/traces/" + b"f".hex() * 16, "/v1/traces/{trace}", 404)
    # It comes back as a new one, which has to say what its numbers mean.
    assert agent.send(api.fleet, agent.full(), status=409).need_declarations
    report = agent.report()
    Agent(pb, 90).declare(report.declarations)
    agent.add_result(report, 1, pb.OK, "again")
    assert agent.send(api.fleet, report).acked_seq == agent.seq
    assert api.get("/v1/hosts/host-090", "/v1/hosts/{host}")["checks"][0]["check"] == "cert/www"
    api.request("DELETE", "/v1/hosts/host-090", "/v1/hosts/{host}", 204)


def test_unknown_addresses_are_not_found(api):
    for path in ("/v1/nothing", "/v1/hosts/", "/v1/hosts/a/b"):
        status, _, body = api.fleet.request("GET", path)
        assert status == 404 and json.loads(body)["error"]
    assert api.fleet.request("GET", "/nothing-here")[0] == 404


def test_a_head_request_has_no_body(api):
    status, headers, body = api.fleet.request("HEAD", "/v1/hosts")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 100


def test_reports_are_answered_as_described(api, pb):
    good = {"Content-Type": "application/x-protobuf"}
    agent = Agent(pb, 3)
    agent.seq, agent.declared = 1000, True
    api.request("POST", "/v1/report", body=agent.report().SerializeToString(), headers=good)
    agent.spool_id = "b" * 32
    api.request("POST", "/v1/report", body=agent.full().SerializeToString(), headers=good, status=409)
    api.request("POST", "/v1/report", body=b"\xff", headers=good, status=400)
    api.request("POST", "/v1/report", body=b"{}", headers={"Content-Type": "application/json"}, status=415)
    api.request("POST", "/v1/report", body=b"x" * ((1 << 20) + 1), headers=good, status=413)


def test_every_path_was_asked_for(api):
    asked = {(template, method) for template, method, status in api.seen if status in (200, 204)}
    # Those of identities need TLS: test_identity.py asks for them.
    described = {(path, method) for path, item in SPEC["paths"].items() for method in item
                 if path.split("/")[2:3] not in (["ca"], ["enroll"], ["renew"], ["tokens"], ["agents"], ["audit"])}
    assert asked == described
