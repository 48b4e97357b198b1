# SPDX-License-Identifier: Apache-2.0
"""Swaps from their beginning to their end: a real gavead, with two colours and a proxy that are files."""
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import BUILD, wait_until  # noqa: E402
from swap_bed import Bed  # noqa: E402


@pytest.fixture
def bed(tmp_path):
    beds = []

    def make(files=None, **options):
        bed = Bed(tmp_path / f"bed{len(beds)}", **options)
        beds.append(bed)
        for name, text in (files or {}).items():
            bed.write(name, text)
        bed.options["hooks"] = [hook.format(fake=bed.fake) for hook in bed.options.get("hooks", [])]
        bed.start()
        bed.wait("IDLE")
        return bed
    yield make
    for one in beds:
        one.stop()


def actions(shop):
    return [line for line in shop.trace() if not line.startswith("hook")]


# ---- Forward ----

def test_a_canary_goes_through_its_steps_and_the_old_colour_stops(bed):
    shop = bed()
    done = shop.swap("start", "release=2.0")
    assert "2.0 has begun: blue to green" in done.stdout
    assert shop.end()["outcome"] == "DONE"
    assert actions(shop) == ["start green", "set 1000", "set 10000", "stop blue"]
    assert (shop.up(), shop.share()) == ({"green"}, 10000)
    # And the next one goes the other way.
    shop.swap("start", "release=2.1")
    assert shop.wait("IDLE", what=lambda s: s["last"]["release"] == "2.1")["last"]["outcome"] == "DONE"
    assert actions(shop)[4:] == ["start blue", "set 9000", "set 0", "stop green"]
    assert shop.up() == {"blue"}


def test_hooks_run_at_their_points_in_order_and_are_tried_again(bed):
    shop = bed({"flaky.hook": '[ -e second ] && exit 0; : >second; echo "not yet" >&2; exit 4\n'},
               hooks=["before/backup -- {fake} hook backup", "migrate/db -- {fake} hook db",
                      "deploy/code -- {fake} hook code", "smoke/flaky retry=1 -- {fake} hook flaky",
                      "after/metrics -- {fake} hook metrics", "done/document -- {fake} hook document",
                      "failed/notify -- {fake} hook notify"])
    shop.swap("start", "release=2.0")
    assert shop.end()["outcome"] == "DONE"
    assert shop.trace() == [
        "hook backup run 2.0 green", "hook db run 2.0 green", "hook code run 2.0 green", "start green",
        "hook flaky run 2.0 green", "hook flaky run 2.0 green", "set 1000", "set 10000", "hook metrics run 2.0 green",
        "stop blue", "hook document run 2.0 green"]


# ---- Back ----

def test_a_failed_smoke_test_rolls_back_and_bans_the_release(bed):
    shop = bed({"health.hook": 'echo "no answer on /health" >&2\nexit 7\n'},
               hooks=["smoke/health -- {fake} hook health", "failed/notify -- {fake} hook notify"])
    shop.swap("start", "release=2.0")
    last = shop.end()
    assert last["outcome"] == "ROLLED_BACK"
    assert last["reason"] == "hook smoke/health: exit status 7: no answer on /health"
    assert shop.trace() == ["start green", "hook health run 2.0 green", "stop green", "hook notify run 2.0 green"]
    again = shop.swap("start", "release=2.0", check=False)
    assert again.returncode == 1 and "2.0 was rolled back" in again.stderr and "--allow-banned" in again.stderr
    shop.write("health.hook", "exit 0\n")
    shop.swap("start", "release=2.0", "allow_banned=yes")
    assert shop.end()["outcome"] == "DONE"


def test_a_release_that_does_not_start_is_rolled_back(bed):
    shop = bed({"green.broken": ""}, start_timeout="2s")
    shop.swap("start", "release=2.0")
    last = shop.end()
    assert last["outcome"] == "ROLLED_BACK" and "the release does not start: after 2 tries" in last["reason"]
    assert (shop.up(), shop.share()) == ({"blue"}, 0)


def test_a_release_that_dies_in_a_hold_is_rolled_back_at_once(bed):
    shop = bed(steps=["10% 1h", "100% 1h"])
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    (shop.fake_folder / "green.up").unlink()
    last = shop.end()
    # Whichever of service and proxy was looked at after it died.
    assert last["outcome"] == "ROLLED_BACK"
    assert last["reason"] in ("green has ended by itself: stopped (0)", "the proxy sees 0 of 1 servers of green up (-)")
    assert (shop.up(), shop.share()) == ({"blue"}, 0)


def test_going_back_in_a_bake_starts_the_old_colour_again_before_it_gets_requests(bed):
    shop = bed(keep_old="1h")
    shop.swap("start", "release=2.0")
    shop.wait("BAKE")
    (shop.fake_folder / "blue.up").unlink()
    shop.swap("rollback")
    assert shop.end()["outcome"] == "ROLLED_BACK"
    assert actions(shop)[-3:] == ["start blue", "set 0", "stop green"]


@pytest.mark.parametrize("state", ["PRECHECK", "MIGRATE", "STARTED", "SMOKE", "HOLD", "BAKE"])
def test_it_can_be_aborted_in_each_state_before_the_last(bed, state):
    hooks = {"PRECHECK": "before", "MIGRATE": "migrate", "STARTED": "deploy", "SMOKE": "smoke"}
    slow = [f"{hooks[state]}/slow -- {{fake}} hook slow"] if state in hooks else []
    shop = bed({"slow.hook": "sleep 300\n"}, hooks=slow, steps=["10% 1h", "100% 0s"] if state == "HOLD" else ["10% 0s", "100% 0s"],
               keep_old="1h")
    shop.swap("start", "release=2.0")
    shop.wait(state)
    shop.swap("abort")
    last = shop.end()
    assert (last["outcome"], last["reason"]) == ("ROLLED_BACK", "aborted by test")
    assert (shop.up(), shop.share()) == ({"blue"}, 0)
    # An abort does not ban.
    shop.configure(hooks=[], steps=["10% 0s", "100% 0s"], keep_old="0s")
    shop.agent.cli("reload")
    shop.wait("IDLE")
    shop.swap("start", "release=2.0")
    assert shop.wait("IDLE", what=lambda s: s["last"]["outcome"] == "DONE")


# ---- Frozen ----

def test_a_migration_that_cannot_be_undone_freezes_and_a_person_decides(bed):
    shop = bed({"health.hook": "exit 1\n"}, hooks=["migrate/db irreversible=yes -- {fake} hook db",
                                                   "smoke/health -- {fake} hook health"])
    shop.swap("start", "release=2.0")
    status = shop.wait("FROZEN")
    assert "not rolled back, since a migration that can't be undone was begun" in status["summary"]
    assert "gavea swap unfreeze|rollback shop" in status["summary"] and status["status"] == "critical"
    shop.write("health.hook", "exit 0\n")
    shop.swap("unfreeze")
    assert shop.end()["outcome"] == "DONE"
    assert [line.split()[1] for line in shop.trace() if line.startswith("hook")] == ["db", "health", "health"]


def test_a_frozen_swap_can_be_rolled_back(bed):
    shop = bed({"db.hook": "exit 1\n"}, hooks=["migrate/db on_failure=freeze -- {fake} hook db"])
    shop.swap("start", "release=2.0")
    shop.wait("FROZEN")
    shop.swap("rollback")
    assert shop.end()["outcome"] == "ROLLED_BACK"


def test_a_hook_that_hangs_is_ended_with_all_that_it_started(bed):
    shop = bed({"hangs.hook": "sleep 301 & sleep 302 & echo $! >child; sleep 303\n"},
               hooks=["smoke/hangs timeout=1s -- {fake} hook hangs"])
    shop.swap("start", "release=2.0")
    last = shop.end()
    assert last["outcome"] == "ROLLED_BACK" and "smoke/hangs: timed out" in last["reason"]
    child = int(shop.read("child"))
    wait_until("the hook's child to be gone", lambda: not Path(f"/proc/{child}").exists() or
               "State:\tZ" in Path(f"/proc/{child}/status").read_text())


def test_a_hook_whose_end_nobody_saw_is_asked_whether_it_was_done(bed):
    shop = bed({"db.hook": '[ "$GAVEA_HOOK_ACTION" = status ] && exit 0\necho begun\nsleep 304\n'},
               hooks=["migrate/db status=yes -- {fake} hook db"])
    shop.swap("start", "release=2.0")
    hooks = shop.folder / "agent/state/plugins/swap/shop/files/hooks"
    pid = int(wait_until("the hook's watcher", lambda: next((p.read_text() for p in hooks.glob("*-migrate-db-1.pid")), "")).split()[0])
    wait_until("the hook to begin", lambda: "hook db run" in shop.read("trace"))
    # Nothing that would write down how it ended is left.
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = process.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == pid:
            os.kill(int(process.parent.name), signal.SIGKILL)
    assert shop.end()["outcome"] == "DONE"
    assert [line for line in shop.trace() if line.startswith("hook")] == ["hook db run 2.0 green", "hook db status 2.0 green"]


def test_a_hook_that_is_not_there_is_found_before_anything_begins(bed):
    shop = bed(hooks=["smoke/health -- /no/such/program"])
    refused = shop.swap("start", "release=2.0", check=False)
    assert "it may not start: hook smoke/health: /no/such/program: No such file or directory" in refused.stderr


# ---- Two at once ----

def test_a_second_start_is_refused_and_one_that_supersedes_comes_next(bed):
    shop = bed(steps=["10% 1h", "100% 0s"])
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    same = shop.swap("start", "release=2.0", check=False)
    assert "the swap to 2.0 is under way already, in HOLD" in same.stderr
    other = shop.swap("start", "release=2.1", check=False)
    assert "a swap to 2.0 is under way, in HOLD" in other.stderr and "--supersede" in other.stderr
    shop.swap("start", "release=2.1", "supersede=yes")
    status = shop.wait("HOLD", what=lambda s: s["release"] == "2.1")
    assert status["new"] == "green"
    shop.swap("promote")
    assert shop.end()["outcome"] == "DONE"


# ---- Gates ----

def test_the_end_of_a_hold_does_not_promote_without_a_verdict(bed):
    shop = bed({"green.n": "0"}, gates=["error_rate < 1%"], steps=["10% 0s", "100% 0s"], max_hold="1h")
    shop.swap("start", "release=2.0")
    status = shop.wait("HOLD", what=lambda s: s["waiting_for"].startswith("held longer"))
    assert "inconclusive" in status["waiting_for"] and status["gates"][0]["n"] == 0
    # Enough good requests are a verdict.
    shop.write("green.n", "1000")
    shop.wait("HOLD", what=lambda s: s["step"] == 2)
    # The next step counts anew.
    assert shop.wait("HOLD", what=lambda s: s["step"] == 2)["gates"][0]["n"] == 0
    shop.write("green.n", "2000")
    shop.wait("BAKE", "IDLE")
    shop.write("green.n", "3000")
    assert shop.end()["outcome"] == "DONE"
    report = shop.swap("report").stdout
    assert "## Go-live message" in report and "**shop 2.0 is live** since" in report
    assert "it answered 3000 requests, 0 of them with an error (0 %)" in report


def test_errors_of_the_new_colour_roll_back_with_their_numbers(bed):
    shop = bed({"green.n": "0"}, gates=["error_rate < 1%"], steps=["10% 1h", "100% 0s"])
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    shop.write("green.k", "50")
    shop.write("green.n", "500")
    last = shop.end()
    assert last["outcome"] == "ROLLED_BACK" and 'gate "error_rate < 1%" fails' in last["reason"]
    report = shop.swap("report").stdout
    assert "# shop: rolled back from the swap to 2.0" in report and "n 500, k 50" in report and "| HOLD | 1 |" in report
    assert "2.0" in shop.swap("history").stdout


def test_no_verdict_within_max_hold_pauses_or_rolls_back(bed):
    shop = bed({"green.n": "0"}, gates=["error_rate < 1%"], max_hold="1s", inconclusive="rollback")
    shop.swap("start", "release=2.0")
    last = shop.end()
    assert last["outcome"] == "ROLLED_BACK" and last["reason"].startswith("no verdict within max_hold")
    other = bed({"green.n": "0"}, gates=["error_rate < 1%"], max_hold="1s")
    other.swap("start", "release=2.0")
    status = other.wait("HOLD", what=lambda s: s["waiting_for"].startswith("held: promote, abort or wait"))
    assert status["status"] == "warning"
    other.swap("promote")
    other.wait("HOLD", what=lambda s: s["step"] == 2)


def test_a_pause_holds_until_it_is_resumed(bed):
    shop = bed(steps=["10% 1h", "100% 0s"])
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    shop.swap("pause")
    shop.wait("HOLD", what=lambda s: s["waiting_for"] == "paused by test" and s["status"] == "warning")
    shop.swap("resume")
    shop.swap("promote")
    assert shop.end()["outcome"] == "DONE"


def test_a_proxy_that_cannot_be_seen_is_no_verdict(bed):
    shop = bed(steps=["10% 1s", "100% 0s"], max_hold="1h")
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    shop.write("gone", "")
    shop.wait("HOLD", what=lambda s: "the proxy can't be seen" in s["waiting_for"])
    (shop.fake_folder / "gone").unlink()
    assert shop.end()["outcome"] == "DONE"


def test_a_proxy_that_forgot_its_share_gets_it_again(bed):
    shop = bed(steps=["10% 1h", "100% 0s"])
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    shop.write("generation", "2")
    shop.write("share", "0\n")
    wait_until("the share", lambda: shop.share() == 1000)
    shop.swap("abort")
    assert shop.end()["outcome"] == "ROLLED_BACK"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a file system of its own")
def test_a_full_disk_stops_a_swap_and_it_goes_on_when_there_is_room(tmp_path):
    shop = Bed(tmp_path / "bed", steps=["10% 1h", "100% 0s"])
    state = tmp_path / "bed/agent/state"
    state.mkdir(parents=True)
    shop.start(prefix=["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"', state])
    try:
        shop.wait("IDLE")
        shop.swap("start", "release=2.0")
        shop.wait("HOLD")
        filler = Path(f"/proc/{shop.agent.pid}/root{state}/filler")
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        # There may be some room left behind the end of the journal.
        asked = [shop.swap(word, check=False).stderr for word in ["pause", "resume"] * 10]
        assert any("the journal can't be written: No space left on device" in text for text in asked), asked
        # What can't be written down is not done.
        (shop.fake_folder / "green.up").unlink()
        shop.wait("HOLD", what=lambda s: "the journal can't be written: No space left on device" in s["trouble"])
        assert shop.share() == 1000
        filler.unlink()
        assert shop.end()["outcome"] == "ROLLED_BACK"
    finally:
        shop.stop()


# ---- Before ----

def test_a_checklist_that_does_not_hold_keeps_a_swap_from_starting(bed):
    shop = bed(preflight=["manual owner"])
    refused = shop.swap("start", "release=2.0", check=False)
    assert 'it may not start: preflight "manual owner" does not hold: nobody has signed it off' in refused.stderr
    listed = json.loads(shop.swap("preflight", "json=yes").stdout)
    assert listed["may_start"] is False and listed["points"][0]["remedy"] == "gavea swap sign shop owner"
    shop.swap("sign", "point=owner")
    assert json.loads(shop.swap("preflight", "json=yes").stdout)["may_start"] is True
    shop.swap("start", "release=2.0")
    assert shop.end()["outcome"] == "DONE"


def test_a_plan_says_what_would_be_done_and_touches_nothing(bed):
    shop = bed(hooks=["migrate/db irreversible=yes -- {fake} hook db"], gates=["error_rate < 1%"])
    text = shop.swap("plan", "release=2.0").stdout
    assert text.splitlines()[0] == "shop to 2.0 (canary, blue to green):"
    assert "10 % of the requests go to green" in text and "no way back from here on" in text
    assert shop.trace() == [] and shop.status()["state"] == "IDLE"


@pytest.mark.parametrize("argument, message", [
    ("release=../x", "release"), ("release=", "which release?"), ("digest=zz", "which release?")])
def test_arguments_from_outside_are_judged(bed, argument, message):
    shop = bed()
    refused = shop.swap("start", argument, check=False)
    assert refused.returncode == 1 and message in refused.stderr


# ---- Another configuration in the middle ----

def test_reloads_in_a_hold_are_no_interruptions_and_fewer_steps_do_no_harm(bed):
    shop = bed(steps=["10% 0s", "50% 1h", "100% 0s"])
    shop.swap("start", "release=2.0")
    shop.wait("HOLD", what=lambda s: s["step"] == 2)
    for hold in range(4):
        shop.configure(steps=["50% 1h", f"100% {3600 + hold}s"])
        shop.agent.cli("reload")
        shop.wait("HOLD", what=lambda s: s["steps"] == 2)
    assert "interrupted" not in shop.swap("report").stdout
    shop.wait("HOLD", what=lambda s: shop.share() == 10000)
    shop.configure(strategy="rolling", steps=["100% 0s"])
    shop.agent.cli("reload")
    shop.wait("FROZEN", what=lambda s: 'a canary swap to 2.0 is under way, and the configuration says strategy "rolling"'
              in s["summary"])
    shop.configure(strategy="canary", steps=["100% 1h"])
    shop.agent.cli("reload")
    shop.wait("HOLD")
    shop.swap("promote")
    assert shop.end()["outcome"] == "DONE"


# ---- The command line ----

def test_the_command_line_shows_a_swap_and_never_stops_it(bed):
    shop = bed(steps=["10% 1h", "100% 0s"], gates=["error_rate < 1%"], preflight=["manual owner"])
    gavea = shop.agent.cli
    checked = gavea("preflight", "shop", check=False)
    assert checked.returncode == 1
    assert checked.stdout.splitlines() == [
        "✘ manual owner", "    nobody has signed it off", "    -> gavea swap sign shop owner",
        'it may not start: preflight "manual owner" does not hold: nobody has signed it off']
    gavea("swap", "sign", "shop", "owner")
    assert gavea("preflight", "shop").stdout.splitlines()[-1] == "it may start"
    assert "1. PRECHECK" in gavea("swap", "plan", "shop", "2.0").stdout
    gavea("swap", "start", "shop", "2.0")
    shop.wait("HOLD")
    shown = gavea("swap", "status", "shop").stdout
    assert "HOLD      step 1 of 2, 10 %  [" in shown and "inconclusive error_rate < 1%" in shown
    watch = subprocess.Popen([BUILD / "gavea", "--socket", shop.agent.socket, "swap", "watch", "shop"],
                             stdout=subprocess.PIPE, text=True)
    assert "HOLD 1 of 2" in watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    assert watch.wait(20) == 0
    watch.stdout.close()
    assert shop.status()["state"] == "HOLD"
    assert json.loads(gavea("swap", "status", "shop", "--json").stdout)["release"] == "2.0"
    gavea("swap", "abort", "shop")
    assert shop.end()["outcome"] == "ROLLED_BACK"
    assert gavea("swap", "report", "shop").stdout.startswith("# shop: rolled back from the swap to 2.0\n")
    assert json.loads(gavea("swap", "history", "shop", "--json").stdout)["swaps"][0]["state"] == "ROLLED_BACK"
    assert json.loads(gavea("swap", "report", "shop", "--json").stdout)["entries"][0]["kind"] == "swap-started"
    refused = gavea("swap", "promote", "shop", check=False)
    assert refused.returncode == 1 and "no swap is under way" in refused.stderr


def test_a_swap_that_nobody_watched_goes_back(bed):
    shop = bed(steps=["10% 1h", "100% 0s"], deadman="1s", deadman_program=BUILD / "gavea-swap-deadman")
    shop.swap("start", "release=2.0")
    shop.wait("HOLD")
    assert (shop.folder / "agent/state/plugins/swap/shop/files/heartbeat").exists()
    # The agent stands still; what watches does not need it.
    shop.agent.kill()
    deadman = [BUILD / "gavea-swap-deadman", "--every", "1", shop.folder / "agent/state/plugins/swap"]
    subprocess.run(deadman, check=True, timeout=60, stderr=subprocess.DEVNULL)
    assert shop.share() == 0
    shop.start()
    last = shop.end()
    assert (last["outcome"], last["reason"]) == (
        "ROLLED_BACK", "nobody watched it for longer than the dead man's switch allows")
    assert shop.up() == {"blue"}


# ---- Rolling ----

def test_a_rolling_swap_restarts_the_one_copy_and_gives_the_lease_back(bed, tmp_path):
    shop = bed(strategy="rolling", steps=["100% 0s"], lease="file", lease_file=tmp_path / "bed0/app/lease",
               hooks=["deploy/code -- {fake} hook code"])
    shop.write("share", "10000\n")  # the fake then has nothing against a restart of blue
    shop.write("green.up", "")
    shop.swap("start", "release=2.0")
    assert shop.end()["outcome"] == "DONE"
    assert shop.trace() == ["hook code run 2.0 blue", "stop blue", "start blue"]


def test_a_rolling_swap_that_fails_goes_back_on_the_same_copy(bed):
    shop = bed({"health.hook": "exit 1\n"}, strategy="rolling", steps=["100% 0s"],
               hooks=["smoke/health -- {fake} hook health"])
    shop.write("share", "10000\n")
    shop.write("green.up", "")
    shop.swap("start", "release=2.0")
    assert shop.end()["outcome"] == "ROLLED_BACK"
    assert actions(shop) == ["stop blue", "start blue", "stop blue", "start blue"]
    assert "blue" in shop.up()
