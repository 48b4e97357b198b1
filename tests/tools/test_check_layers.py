# SPDX-License-Identifier: Apache-2.0
"""The layer check finds what it is there to find."""
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/check-layers"


@pytest.fixture
def tree(tmp_path):
    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([TOOL, tmp_path], stdout=subprocess.PIPE, text=True, check=False)
    return write


def test_lower_ranks_and_the_own_folder_may_be_included(tree):
    done = tree({
        "lib/base/buf.h": "",
        "lib/wire/frame.h": '#include "base/buf.h"\n',
        "lib/wire/frame.c": '#include "wire/frame.h"\n#include <stdio.h>\n',
        "core/manager/main.c": '#include "core/manager/spool.h"\n#include "wire/frame.h"\n',
        "core/manager/spool.h": "#include <gavea/plugin.h>\n",
    })
    assert (done.returncode, done.stdout) == (0, "result: 1 passed, 0 failed, 0 skipped\n")


@pytest.mark.parametrize("path,line,reason", [
    ("lib/base/buf.c", '#include "wire/frame.h"', "lib/base (rank 1) may not include from lib/wire (rank 2)"),
    ("lib/net/httpd.c", '#include "wire/frame.h"', "lib/net (rank 2) may not include from lib/wire (rank 2)"),
    ("cli/main.c", '#include "fleet/store.h"', "cli (rank 4) may not include from fleet (rank 4)"),
    ("plugins/host/host.c", '#include "wire/frame.h"',
     "a plugin sees only include/gavea, lib/base, lib/kit, proto, not lib/wire"),
    ("lib/base/buf.c", '#include "base/nothing.h"', "base/nothing.h: no such file in this tree"),
    ("lib/odd/odd.c", '#include "base/buf.h"',
     "belongs to no layer: add its folder to tools/check-layers and docs/architecture.md"),
])
def test_a_wrong_include_is_named_with_file_and_line(tree, path, line, reason):
    done = tree({"lib/wire/frame.h": "", "fleet/store.h": "", "lib/base/buf.h": "", path: f"/* first */\n{line}\n"})
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"{path}:2: {reason}"


def test_headers_that_include_each_other_are_an_offence(tree):
    done = tree({"fleet/a.h": '#include "fleet/b.h"\n', "fleet/b.h": '#include "fleet/a.h"\n'})
    assert done.returncode == 1
    assert done.stdout.startswith("fleet/a.h:1: a circle of includes: fleet/a.h -> fleet/b.h -> fleet/a.h\n")
