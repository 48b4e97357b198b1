# SPDX-License-Identifier: Apache-2.0
"""Thresholds in the configuration, on the samples of any plugin."""
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import cli  # noqa: E402
from test_manager import control_pb  # noqa: E402, F401
from test_programs import Host, program  # noqa: E402

# Says the samples that its option lists: NAME VALUE [UNIT [LABEL]], and that all is well.
METER = r'''#!/usr/bin/python3
import json, socket
stream = socket.socket(fileno=3).makefile("rw", encoding="utf-8")
def tell(kind, /, **body):
    stream.write(json.dumps({kind: body}) + "\n")
    stream.flush()
options = {}
for line in stream:
    (kind, body), = json.loads(line).items()
    if kind == "start": tell("hello", name="meter", version="1", summary="Says samples",
                             options=[{"key": "say", "type": "strings", "doc": "What it says"}])
    elif kind == "open": options[body["check"]] = body["options"]; tell("opened")
    elif kind == "run":
        for text in options[body["check"]].get("say", []):
            name, value, unit, label = (text.split() + ["", ""])[:4]
            tell("sample", name=name, value=float(value), unit=unit, help="h", labels={"l": label} if label else {})
        tell("done", status="ok", summary="all is well")
'''
UNKNOWN, OK, WARNING, CRITICAL = 4, 1, 2, 3


@pytest.fixture
def judged(tmp_path, control_pb):  # noqa: F811
    """judged(samples, thresholds) runs a check under an agent and returns its result."""
    program(tmp_path, "meter", METER)
    hosts = []

    def judge(samples, thresholds, more=""):
        say = ", ".join(json.dumps(s) for s in samples)
        hosts.append(Host(tmp_path / f"host{len(hosts)}", tmp_path, control_pb,
                          f'meter: {{ every = "1h"; say = [ {say} ]; thresholds = ( {thresholds} ); {more} }};'))
        name = "meter/a" if more else "meter/default"
        hosts[-1].result(name, lambda r: r.summary)
        return hosts[-1].control.check(name).result
    yield judge
    for host in hosts:
        host.agent.stop()


def items(result):
    return {i.name: (i.status, i.summary) for i in result.items}


def test_a_sample_beyond_its_limit_makes_the_check_as_bad_and_leads_its_summary(judged):
    result = judged(["load 9", "depth 3"], '{ sample = "load"; warning = "> 2 * four"; critical = "> 20"; },'
                    '{ sample = "depth"; warning = "10"; }'.replace("four", "4"))
    assert result.status == WARNING
    assert result.summary == "load: 9, beyond the limit > 2 * 4 (8); all is well"
    assert items(result) == {"load": (WARNING, "9, beyond the limit > 2 * 4 (8)"), "depth": (OK, "3")}


def test_within_the_limits_the_summary_is_the_plugins(judged):
    result = judged(["load 0.5"], '{ sample = "load"; warning = "> 100 * cpus"; critical = "< 0"; }')
    assert result.status == OK and result.summary == "all is well"
    assert items(result) == {"load": (OK, "0.5")}


def test_the_worse_of_both_limits_counts(judged):
    result = judged(["load 30"], '{ sample = "load"; warning = "> 10"; critical = "> 20"; }')
    assert result.status == CRITICAL
    assert items(result) == {"load": (CRITICAL, "30, beyond the limit > 20")}


def test_each_series_is_judged_against_those_with_its_labels(judged):
    result = judged(["free_bytes 5 bytes a", "size_bytes 100 bytes a", "free_bytes 50 bytes b", "size_bytes 100 bytes b"],
                    '{ sample = "free_bytes"; critical = "< 10% * size_bytes"; }')
    assert items(result) == {'free_bytes{l="a"}': (CRITICAL, "5 B, beyond the limit < 10% * size_bytes (10 B)")}
    result = judged(["free_bytes 50 bytes a", "free_bytes 60 bytes b"], '{ sample = "free_bytes"; critical = "< 10B"; }')
    assert items(result) == {"free_bytes": (OK, "2 samples within their limits")}
    result = judged(["x 1 y a", "x 9 y b"], '{ sample = "x{l=~\\"b|c\\"}"; critical = "> 5"; }')
    assert items(result) == {'x{l="b"}': (CRITICAL, "9, beyond the limit > 5")}


def test_what_cannot_be_judged_is_unknown(judged):
    result = judged(["wait 3 seconds"], '{ sample = "wait"; warning = "> 10MiB"; }, { sample = "gone"; warning = "1"; },'
                    '{ sample = "away"; warning = "1"; absent = "ok"; }, { sample = "lost"; warning = "1"; absent = "critical"; }')
    assert result.status == CRITICAL
    assert items(result) == {
        "wait": (UNKNOWN, "its threshold can't be judged: seconds and bytes do not go together"),
        "gone": (UNKNOWN, "this run has no such sample"), "away": (OK, "this run has no such sample"),
        "lost": (CRITICAL, "this run has no such sample")}
    result = judged(["wait 3"], '{ sample = "wait"; warning = "> other"; }')
    assert items(result) == {"wait": (UNKNOWN, "its threshold can't be judged: this run has no sample other to compare with")}


def test_a_check_adds_to_the_thresholds_of_its_plugin(judged):
    result = judged(["a 1", "b 2"], '{ sample = "a"; warning = "> 5"; }',
                    'checks = ( { name = "a"; thresholds = ( { sample = "b"; warning = "> 1"; } ); } );')
    assert items(result) == {"a": (OK, "1"), "b": (WARNING, "2, beyond the limit > 1")}


def test_mistakes_in_the_configuration_are_all_named(tmp_path):
    program(tmp_path, "meter", METER)
    (tmp_path / "gavea.conf").write_text('''meter: { thresholds = (
  { sampel = "a"; warning = "1"; },
  { sample = "a{"; warning = "> 2 * (cpus"; critical = "x"; absent = "maybe"; },
  { sample = "a"; },
  5
); };
''')
    done = cli("config", "check", "--config", tmp_path, "--plugins", tmp_path, check=False)
    assert done.returncode == 1
    lines = (done.stdout + done.stderr).replace(f"{tmp_path}/gavea.conf:", "").splitlines()
    assert lines[:8] == [
        "2: thresholds[0]: has no sample: name the series that it is about",
        '2: sampel: unknown key; did you mean "sample"?',
        "3: sample: the name of a label is missing",
        "3: warning: a bracket is not closed",
        '3: critical: "x" is no range: write "10", "10:", "~:10", "10:20", "@10:20" or "> 10"',
        "3: absent: must be ok, warning, critical or unknown",
        "4: thresholds[2]: has neither warning nor critical",
        "5: thresholds[3]: must be a group, { sample = \"…\"; warning = \"…\"; }",
    ]
