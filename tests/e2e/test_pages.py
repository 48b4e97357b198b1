# SPDX-License-Identifier: Apache-2.0
"""Runs the browser's tests (*.test.js, node's test runner) once and tells of each."""
import os
import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
LINE = re.compile(r"^(not )?ok \d+ - (.*?)( # SKIP.*)?$")


@pytest.fixture(scope="session")
def outcomes():
    """The lines of each test's outcome by its name."""
    run = subprocess.run(["node", "--test", "--test-concurrency=1", "--test-reporter=tap", *sorted(HERE.glob("*.test.js"))],
                         cwd=HERE, env={**os.environ, "NO_COLOR": "1"}, stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=900)
    found, name = {}, None
    for line in run.stdout.splitlines():
        match = LINE.match(line)
        if match:
            name = match[2].replace("\\", "")
        elif not line.startswith(" "):
            name = None
        if name:
            found.setdefault(name, []).append(line)
    missing = [name for name in names() if name not in found]
    assert not missing, f"these did not run: {missing}\n{run.stdout}{run.stderr}"
    return found


def names():
    """What the files announce: a test that does not run is missed."""
    text = "".join(path.read_text() for path in sorted(HERE.glob("*.test.js")))
    for name in re.findall(r'^\s*test\([`"](.*?)[`"],', text, re.M):
        if "${look}" in name:
            yield from (name.replace("${look}", look) for look in ("light", "dark", "on a phone"))
        else:
            yield name


@pytest.mark.parametrize("name", names())
def test_page(outcomes, name):
    assert outcomes[name][0].startswith("ok "), "\n".join(outcomes[name])
