# SPDX-License-Identifier: Apache-2.0
"""The logs of gavead and gavea-fleetd as JSON: each line an object, with what it is about, and without secrets."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import BUILD, wait_until  # noqa: E402
from test_chain import chain, control_pb, plugins  # noqa: E402, F401


def lines(process):
    return [json.loads(line) for line in process.log.splitlines()]


def test_each_line_is_an_object_that_says_what_it_is_about(chain):  # noqa: F811
    chain.start_fleet()
    chain.configure('hostile: { every = "200ms"; mode = "crash"; };', token="test-token")
    chain.start_agent(extra=["--log-format", "json"])

    def died():
        return [line for line in lines(chain.agent) if "killed by SIGSEGV" in line["message"]]
    wait_until("the worker to die", lambda: len(died()) >= 2)
    for line in lines(chain.agent):
        assert {"time", "level", "program", "pid", "message"} <= set(line) and line["program"] == "gavead"
    death = next(line for line in died() if line["level"] == "warning")
    assert death["plugin"] == "hostile" and int(death["worker_pid"]) > 0
    trace = next(line for line in died() if "trace_id" in line)
    spans = wait_until("the trace at the server", lambda: next(
        (t for t in chain.get("/v1/traces")["traces"] if t["trace_id"] == trace["trace_id"]), None))
    assert spans["name"] == "worker" and "SIGSEGV" in spans["error"]
    assert "test-token" not in chain.agent.log


def test_a_form_that_is_none_is_refused():
    for program, text in (("gavead", b'gavead: --log-format: "xml" is none of auto, text, json\n'),
                          ("gavea-fleetd", b"gavea-fleetd: --log-format: 'xml' is none of auto, text, json\n")):
        done = subprocess.run([BUILD / program, "--log-format", "xml"], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (2, text)


def test_the_servers_log_is_json_too(tmp_path):
    (tmp_path / "conf").write_text("nonsense = 1;\n")
    done = subprocess.run([BUILD / "gavea-fleetd", "--log-format", "json", "--check", "--config", tmp_path / "conf"],
                          capture_output=True, check=False)
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert line["program"] == "gavea-fleetd" and line["level"] == "error" and "nonsense" in line["message"]
