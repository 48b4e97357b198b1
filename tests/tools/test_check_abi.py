# SPDX-License-Identifier: Apache-2.0
"""tools/check-abi: what a plugin would notice is refused, what it would not only asks for a new version."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "include/gavea/plugin.h").read_text()
LAST = re.findall(r"\n\t(\w[^;]*;)", re.search(r"\nstruct gavea_host \{(.*?)\n\};", HEADER, re.S)[1])[-1]  # of the host's table
MORE = "void (*later)(struct gavea_check *);"

pytestmark = pytest.mark.skipif(shutil.which("abidiff") is None or os.uname().machine != "x86_64",
                                reason="abigail-tools, on x86_64")


@pytest.fixture
def check(tmp_path):
    def run(*changes, update=False):
        include = tmp_path / "include"
        shutil.copytree(ROOT / "include", include)
        header = include / "gavea/plugin.h"
        text = header.read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        header.write_text(text)
        baselines = tmp_path / "baselines"
        baselines.mkdir()
        for file in (ROOT / "tests/abi").glob("plugin-1.*.abi"):
            shutil.copy(file, baselines)
        command = [ROOT / "tools/check-abi", "--header", include, "--baselines", baselines]
        done = subprocess.run(command + ["--update"] * update, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout, sorted(file.name for file in baselines.iterdir())
    return run


def minor(to):
    line = next(line for line in (ROOT / "include/gavea/plugin.h").read_text().splitlines() if "define GAVEA_ABI_MINOR" in line)
    return line, f"#define GAVEA_ABI_MINOR {to}u"


def test_the_header_as_it_is_fits_its_baseline(check):
    code, output, _ = check()
    assert code == 0, output


@pytest.mark.parametrize("change", [
    ("GAVEA_UNKNOWN = 3", "GAVEA_UNKNOWN = 4"),
    (LAST, MORE + LAST),
    ("uint32_t abi_minor; /* GAVEA", "uint64_t abi_minor; /* GAVEA"),
    ("(struct gavea_batch *, int64_t delay);", "(struct gavea_batch *, int delay);"),
], ids=["value", "middle", "size", "argument"])
def test_what_breaks_plugins_is_refused_whatever_the_version(check, change):
    code, output, _ = check(change, minor(9), update=True)
    assert code == 1 and "would break" in output


def test_growing_at_the_end_asks_for_a_new_minor_version(check):
    code, output, _ = check((LAST, LAST + MORE))
    assert code == 1 and "raise GAVEA_ABI_MINOR" in output and "would break" not in output


def test_growing_at_the_end_with_a_new_minor_version_gets_a_baseline_of_its_own(check):
    code, output, baselines = check((LAST, LAST + MORE), minor(9), update=True)
    assert code == 0, output
    assert baselines[0] == "plugin-1.0.abi" and baselines[-1] == "plugin-1.9.abi"


def test_a_header_that_is_no_c99_or_cxx_is_refused(check):
    code, output, _ = check(("struct gavea_secret;", "struct gavea_secret; static inline int f(int class) { return class; }"))
    assert code == 1 and "does not compile as -std=c++11" in output
