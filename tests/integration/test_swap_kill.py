# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every call that changes the journal of a swap, one after the other: it always ends, and at a good end.

`make soak-swap` goes through all of them; by default it is every fifth.
"""
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from swap_bed import Bed, SHIM, calls_made, killing_worker  # noqa: E402
from test_manager import SANITIZED  # noqa: E402

pytestmark = pytest.mark.skipif(SANITIZED or not SHIM.exists(), reason="a preloaded library does not go with sanitizers"
                                if SANITIZED else "make unit-build first")

HOOKS = ["before/backup -- {fake} hook backup", "migrate/db status=yes -- {fake} hook db",
         "smoke/health on_failure=rollback -- {fake} hook health", "failed/notify -- {fake} hook notify"]
TOGETHER = 16
STRIDE = 1 if os.environ.get("GAVEA_SOAK") else 5


def one(folder, nth, fails):
    """A swap whose worker is killed at the nth call; what became of it, and how many calls there were."""
    bed = Bed(folder, hooks=[])
    programs = folder / "programs"
    bed.options["hooks"] = [hook.format(fake=bed.fake) for hook in HOOKS]
    bed.options["write_paths"] = [bed.fake_folder, programs]
    if fails:
        bed.write("health.hook", "exit 1\n")
    journal = bed.folder / "agent/state/plugins/swap/shop/operations.journal"
    killing_worker(programs, journal, nth)
    agent = bed.start(programs)
    try:
        bed.wait("IDLE")
        started = bed.swap("start", "release=2.0", check=False)
        if started.returncode != 0:
            # Killed before it was begun, or before that could be said.
            bed.wait("IDLE", "PRECHECK", "STAGED", "MIGRATE", "STARTED", "SMOKE", "SHIFT", "HOLD", "DRAIN", "BAKE")
            again = bed.swap("start", "release=2.0", check=False)
            assert again.returncode == 0 or "already" in again.stderr or "banned" in again.stderr, again.stderr
        last = bed.end()
        return last, bed.up(), bed.share(), bed.trace(), calls_made(programs)
    except AssertionError as error:
        raise AssertionError(f"killed at call {nth}: {error}\n{bed.agent.log[-2000:]}") from None
    finally:
        agent.stop()


def every_call(tmp_path, fails, judge):
    """Runs without a kill to count the calls, and then with a kill at each."""
    calls = one(tmp_path / "none", 10 ** 9, fails)[4]
    assert calls > 20
    with ThreadPoolExecutor(TOGETHER) as pool:
        ends = list(pool.map(lambda nth: (nth, one(tmp_path / f"at{nth}", nth, fails)), range(1, calls + 1, STRIDE)))
    for nth, (last, up, share, trace, _) in ends:
        judge(nth, last, up, share, trace)


def test_a_good_release_is_brought_to_its_end_whenever_the_agent_is_killed(tmp_path):
    def judge(nth, last, up, share, trace):
        assert (last["outcome"], up, share) == ("DONE", {"green"}, 10000), (nth, last, trace)
        # What is idempotent by contract may have been done twice, but never less than once.
        assert [t for t in trace if t.startswith("hook db run")], (nth, trace)
    every_call(tmp_path, False, judge)


def test_a_bad_release_ends_with_the_old_one_whenever_the_agent_is_killed(tmp_path):
    def judge(nth, last, up, share, trace):
        assert (last["outcome"], up, share) == ("ROLLED_BACK", {"blue"}, 0), (nth, last, trace)
        assert [t for t in trace if t.startswith("hook notify")], (nth, trace)
    every_call(tmp_path, True, judge)
