# SPDX-License-Identifier: Apache-2.0
"""The runner of unit tests counts truly: also what dies before it can say anything."""
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/run-units"


def run(tmp_path, script):
    program = tmp_path / "unit" / "test_it"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    return subprocess.run([TOOL, tmp_path, program], stdout=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("script,result", [
    ("echo 1..2; echo 'ok 1 - one'; echo 'ok 2 - two'", "2 passed, 0 failed, 0 skipped"),
    ("echo 1..3; echo 'ok 1 - a'; echo 'ok 2 # SKIP b'; echo 'not ok 3 - c'; exit 1", "1 passed, 1 failed, 1 skipped"),
    ("echo 1..2; echo 'ok 1 - one'; kill -SEGV $$", "1 passed, 1 failed, 0 skipped"),
    ("echo 1..1; echo 'ok 1 - one'; exit 99", "1 passed, 1 failed, 0 skipped"),
    ("echo 1..2; echo 'ok 1 - one'", "1 passed, 1 failed, 0 skipped"),
    ("exit 0", "0 passed, 1 failed, 0 skipped"),
])
def test_the_total_is(tmp_path, script, result):
    done = run(tmp_path, script)
    assert done.stdout.splitlines()[-1] == "result: " + result
    assert (done.returncode == 0) == (", 0 failed" in result)
