# SPDX-License-Identifier: Apache-2.0
"""`gavea spool`, beside an agent that runs and on the folder of one that does not; and what the agent tells of its spool."""
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import BUILD, cli, wait_until  # noqa: E402
import protos  # noqa: E402
from segment import Segment  # noqa: E402
from test_chain import chain, control_pb, plugins  # noqa: E402, F401

pytestmark = pytest.mark.skipif(not (BUILD / "gavea-fleetd").exists(), reason="make all first")
REFUSED = "http://127.0.0.1:1"
SPOOL_ID = "9a1b2c3d4e5f60718293a4b5c6d7e8f9"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


# ---- A folder without an agent ----

@pytest.fixture(scope="module")
def report_pb(tmp_path_factory):
    return protos.load(tmp_path_factory.mktemp("protos"))[0]


@pytest.fixture
def state(tmp_path, report_pb):
    """A state directory with one segment: a check, a series, and what they say."""
    (tmp_path / "state/spool").mkdir(parents=True)
    segment = Segment(tmp_path / "state/spool/segment-0000000000000007", 7, SPOOL_ID)
    record = report_pb.Record
    segment.append(1, record(time_ms=1700000000000, check=report_pb.Check(number=3, name="cert/www")))
    segment.append(2, record(time_ms=1700000000000, series=report_pb.Series(
        number=5, name="gavea_cert_expiry_seconds", unit="seconds", type=report_pb.GAUGE, labels={"endpoint": "www"}, check=3)))
    segment.append(3, record(time_ms=1700000001000, samples=report_pb.Samples(check=3, series=[5], values=[42.5])))
    segment.append(4, record(time_ms=1700000002000, result=report_pb.Result(
        check=3, status=report_pb.WARNING, state=report_pb.WARNING, summary="expires soon", started_at_ms=1700000002000)))
    segment.append(8, record(time_ms=1700000003000, loss=report_pb.Loss(
        first_seq=5, last_seq=8, samples=4, reason="spool full")))
    segment.append(9, record(time_ms=1700000004000, event=report_pb.Event(
        kind="state", check=3, status=report_pb.WARNING, summary="expires soon", attributes={"from": "ok"})))
    segment.close()
    return tmp_path / "state"


def test_it_shows_segments_and_how_far_outputs_are(state):
    done = cli("spool", "--state", state)
    assert f"spool {SPOOL_ID}, from segment 7 on" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("7 "))
    assert row.split()[3:8] == ["1-9", "1", "1", "1", "1"]
    shown = json.loads(cli("spool", "--state", state, "--json").stdout)
    assert shown["segments"][0]["spool"] == SPOOL_ID and shown["segments"][0]["records"] == 6
    assert shown["segments"][0]["skipped_seqs"] == 3
    assert shown["segments"][0]["oldest_at"] == "2023-11-14T22:13:20.000Z"


def test_export_has_names_in_the_place_of_numbers(state):
    got = lines(cli("spool", "export", "--state", state).stdout)
    assert [r["kind"] for r in got] == ["samples", "result", "loss", "event"]
    samples, result, loss, event = got
    assert samples == {"seq": 3, "spool": SPOOL_ID, "stream": 7, "time": "2023-11-14T22:13:21.000Z", "kind": "samples",
                       "check": "cert/www", "samples": [{"name": "gavea_cert_expiry_seconds", "type": "gauge", "unit": "seconds",
                                                         "labels": {"endpoint": "www"}, "value": 42.5}]}
    assert result["check"] == "cert/www" and result["state"] == "warning" and result["summary"] == "expires soon"
    assert loss["samples"] == 4 and loss["reason"] == "spool full"
    assert event["event"] == "state" and event["attributes"] == {"from": "ok"}


def test_export_of_a_kind_and_of_a_time(state):
    assert [r["seq"] for r in lines(cli("spool", "export", "--state", state, "--kind", "event").stdout)] == [9]
    assert [r["seq"] for r in lines(cli("spool", "export", "--state", state, "--kind", "series").stdout)] == [2]
    since = lines(cli("spool", "export", "--state", state, "--since", "2023-11-14T22:13:22Z").stdout)
    assert [r["seq"] for r in since] == [4, 8, 9]
    assert cli("spool", "export", "--state", state, "--since", "1h").stdout == ""


def test_export_as_protobuf_reads_back(state, report_pb):
    done = subprocess.run([BUILD / "gavea", "spool", "export", "--state", state, "--format=protobuf"], capture_output=True,
                          check=True, timeout=60)
    data, records = done.stdout, []
    while data:
        size, shift, at = 0, 0, 0
        while True:
            size |= (data[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 0x80:
                break
        records.append(report_pb.Record.FromString(data[at:at + size]))
        data = data[at + size:]
    assert [r.seq for r in records] == [1, 2, 3, 4, 8, 9]
    assert records[0].check.name == "cert/www"


def test_verify_of_a_good_spool(state):
    assert cli("spool", "verify", "--state", state).stdout == (
        "6 records in 1 segment are good; 3 seqs are skipped where records were dropped, 1 Loss records tell of losses\n")


def test_verify_names_file_offset_and_seq_of_damage(state):
    path = state / "spool/segment-0000000000000007"
    whole = bytearray(path.read_bytes())
    whole[-200] ^= 0x40
    path.write_bytes(whole)
    done = cli("spool", "verify", "--state", state, check=False)
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith("segment-0000000000000007: offset ") and "a record whose checksum or length is wrong" in first
    offset = int(first.split("offset ")[1].split(",")[0])
    good_seq = int(first.split("seq ")[1].split(":")[0])
    length, = struct.unpack_from("<I", whole, offset)
    assert offset < len(whole) - 200 < offset + 16 + length
    exported = cli("spool", "export", "--state", state, check=False)
    assert exported.returncode == 1 and f"damaged at offset {offset}" in exported.stderr
    assert [r["seq"] for r in lines(exported.stdout)] == [s for s in (3, 4, 8, 9) if s <= good_seq]


def test_a_torn_end_is_no_damage_and_a_header_that_is_none_is(state):
    path = state / "spool/segment-0000000000000007"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    done = cli("spool", "verify", "--state", state)
    assert "ends within a record at offset" in done.stdout
    path.write_bytes(b"x" * 200)
    done = cli("spool", "verify", "--state", state, check=False)
    assert done.returncode == 1 and "not a segment, or its header is damaged" in done.stdout


def test_segments_that_do_not_follow_each_other_are_damage(state, report_pb):
    again = Segment(state / "spool/segment-0000000000000008", 8, SPOOL_ID)
    again.append(9, report_pb.Record(time_ms=1, event=report_pb.Event(kind="x")))
    again.close()
    done = cli("spool", "verify", "--state", state, check=False)
    assert done.returncode == 1 and "its records do not follow those of segment 7" in done.stdout


@pytest.mark.parametrize("arguments, message", [
    (["spool", "export", "--since", "yesterday"], '--since: "yesterday" is neither a duration (2h) nor a time'),
    (["spool", "export", "--kind", "results"], '--kind: "results" is none of samples, result, event'),
    (["spool", "export", "--format", "xml"], '--format: "xml" is neither json nor protobuf'),
    (["spool", "more"], '"more": one argument too many'),
])
def test_wrong_arguments(arguments, message):
    done = cli(*arguments, check=False)
    assert done.returncode == 2 and message in done.stderr


def test_a_folder_that_is_not_there(tmp_path):
    done = cli("spool", "--state", tmp_path / "none", check=False)
    assert done.returncode == 1
    assert "there is no spool; --state names the agent's state directory" in done.stderr


# ---- Beside an agent ----

def test_beside_a_running_agent_and_after_it(chain):  # noqa: F811
    chain.configure('plain: { every = "100ms"; word = "x"; };', url=REFUSED)
    (chain.folder / "host/etc/gavea.conf").write_text('agent: { flush = "50ms"; };')
    chain.start_agent()
    state = chain.folder / "host/state"

    def exported():
        return lines(cli("spool", "export", "--state", state).stdout)
    wait_until("results", lambda: sum(r["kind"] == "result" for r in exported()) > 3)
    got = exported()
    assert {"started", "output-failing"} <= {r["event"] for r in got if r["kind"] == "event"}
    own = [r for r in got if r["kind"] == "samples" and r["check"] == ""]
    names = {(s["name"], s["labels"].get("class"), s["labels"].get("cause")) for s in own[0]["samples"]}
    assert ("gavea_spool_dropped_total", "samples", "bound") in names and ("gavea_spool_bytes", None, None) in names
    assert "acknowledged up to seq 0 of" in cli("spool", "--state", state).stdout or \
        "fleet.default" in cli("spool", "--state", state).stdout
    assert cli("spool", "verify", "--state", state).returncode == 0
    chain.agent.stop()
    assert cli("spool", "verify", "--state", state).returncode == 0
    assert exported()[-1]["event"] == "stopped"


def test_the_agents_own_samples_reach_the_server(chain):  # noqa: F811
    chain.start_fleet()
    chain.configure('plain: { every = "200ms"; word = "x"; };')
    (chain.folder / "host/etc/gavea.conf").write_text('agent: { flush = "50ms"; };')
    chain.start_agent()
    chain.wait_delivered()
    host = chain.get("/v1/hosts")["hosts"][0]["id"]

    def there():
        found = chain.get(f"/v1/hosts/{host}?samples=true")["samples"]
        return [s for s in found if s["name"] == "gavea_spool_dropped_total"]
    assert len(wait_until("the samples", there)) == 18


def test_status_tells_what_was_dropped_and_it_stays_over_a_restart(chain):  # noqa: F811
    checks = ",".join(f'{{ name = "c{i}"; }}' for i in range(10))
    chain.configure(f'hostile: {{ every = "100ms"; mode = "flood-items"; count = 1000; checks = ({checks}); }};', url=REFUSED)
    (chain.folder / "host/etc/gavea.conf").write_text('agent: { flush = "50ms"; spool_size = "4MiB"; };')
    chain.start_agent()

    def dropped():
        return chain.control.status()[2].spool.dropped_results
    wait_until("repeating results to be dropped", dropped)
    spool = chain.control.status()[2].spool
    assert spool.dropped_events == 0 and spool.bytes < 5 << 20
    assert {(d.cause) for d in spool.drops} == {"bound"}
    text = cli("--socket", chain.agent.socket, "status", check=False).stdout
    assert "for lack of room (agent.spool_size gives more)" in text and ", oldest " in text
    chain.agent.stop()
    state = chain.folder / "host/state"
    assert cli("spool", "verify", "--state", state).returncode == 0
    before = [r for r in lines(cli("spool", "export", "--state", state, "--kind", "loss").stdout)]
    assert sum(r["results"] for r in before) > 0 and all(r["reason"] == "spool full" for r in before)
    events = {r["event"] for r in lines(cli("spool", "export", "--state", state, "--kind", "event").stdout)}
    assert {"started", "stopped", "spool-dropping"} <= events
    chain.start_agent()
    assert chain.control.status()[2].spool.dropped_results >= spool.dropped_results


def test_a_state_directory_from_another_machine_is_told(chain):  # noqa: F811
    chain.start_fleet()
    chain.configure('plain: { every = "200ms"; word = "x"; };')
    chain.start_agent()
    chain.same_events()
    chain.agent.stop()
    first = {s["spool"] for s in json.loads(cli("spool", "--state", chain.folder / "host/state", "--json").stdout)["segments"]}
    # What another machine would find there: its own id is another one.
    (chain.folder / "host/state/spool/spool-state").write_bytes(sealed(b"\x0a\x20" + b"f" * 32))
    chain.start_agent()
    chain.wait_delivered()
    assert any(e.event.kind == "spool-cloned" for e in chain.control.events())
    second = {s["spool"] for s in json.loads(cli("spool", "--state", chain.folder / "host/state", "--json").stdout)["segments"]}
    assert second - first
    kinds = [kind for _, kind, _, _ in chain.fleet_events()]
    assert kinds.count("started") == 2 and kinds.count("stopped") == 1


def sealed(message):
    from segment import crc32c
    return struct.pack("<I", crc32c(message)) + message


def test_a_state_directory_that_was_rolled_back_loses_nothing_new_and_doubles_nothing_old(chain, tmp_path):  # noqa: F811
    chain.start_fleet()
    chain.configure('plain: { every = "200ms"; word = "x"; };')
    chain.start_agent()
    chain.same_events()
    chain.agent.stop()
    state = chain.folder / "host/state"
    shutil.copytree(state, tmp_path / "snapshot")
    for _ in range(2):
        chain.start_agent()
        chain.same_events_at_the_end = None
        chain.wait_delivered()
        chain.agent.stop()
    before = chain.fleet_events()
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "snapshot", state)
    chain.start_agent()
    wait_until("the rollback to be told", lambda: any(kind == "spool-rolled-back" for _, kind, _, _ in chain.fleet_events()))
    chain.wait_delivered()
    events = chain.fleet_events()
    assert len(events) == len(set(events)), "nothing twice"
    new = [kind for _, kind, _, _ in events if kind == "started"]
    assert len(new) == len([1 for _, kind, _, _ in before if kind == "started"]) + 1, "the start after the rollback is there"


def test_after_an_outage_the_present_comes_before_the_past(chain):  # noqa: F811
    chain.start_fleet()
    chain.fleet.stop()
    checks = ",".join(f'{{ name = "c{i}"; }}' for i in range(10))
    chain.configure(f'hostile: {{ every = "100ms"; mode = "flood-items"; count = 1000; checks = ({checks}); }};\n'
                    'plain: { every = "100ms"; word = "before"; };')
    (chain.folder / "host/etc/gavea.conf").write_text('agent: { flush = "50ms"; backlog_rate = "64KiB"; };')
    chain.start_agent()

    def output():
        return chain.control.status()[1]["fleet/default"]
    wait_until("a backlog", lambda: output().behind_bytes > 3 << 20)
    chain.configure('plain: { every = "100ms"; word = "after"; };')
    assert chain.control.reload() == ("", [])
    wait_until("the new word", lambda: chain.control.status()[0]["plain/default"].result.summary == "the word is after")
    chain.start_fleet()
    wait_until("the present", lambda: chain.checks().get("plain/default", {}).get("summary") == "the word is after")
    # At 64 KiB a second the past takes most of a minute.
    assert output().behind_bytes > 1 << 20
    assert chain.checks()["plain/default"]["summary"] == "the word is after"
    assert not any(kind == "output-recovered" for _, kind, _, _ in chain.fleet_events())
