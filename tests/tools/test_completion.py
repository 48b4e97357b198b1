# SPDX-License-Identifier: Apache-2.0
"""bash completion offers what fits at that place."""
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging/completions/gavea"


def complete(*words, plugins=""):
    quoted = " ".join(f"'{word}'" for word in ("gavea", *words))
    done = subprocess.run(
        ["bash", "--norc", "-c", f'. "{SCRIPT}"; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _gavea; '
                                 'printf "%s\\n" "${COMPREPLY[@]}"'],
        env=dict(os.environ, GAVEA_PLUGIN_DIR=str(plugins)), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("words,offered", [
    (["fl"], ["fleet"]),
    (["plugin"], ["plugins", "plugin"]),
    (["fleet", ""], ["hosts", "checks", "events"]),
    (["--socket", "/run/x.sock", "config", ""], ["check"]),
    (["status", "--w"], ["--watch"]),
    (["plugin", "n"], ["new"]),
    (["status", ""], []),
    (["backup", ""], ["ping"]),
    (["backup", "ping", "nightly", "--s"], ["--socket", "--start", "--size"]),
])
def test_offers(words, offered):
    assert complete(*words) == offered


def test_offers_the_plugins_that_are_installed(tmp_path):
    (tmp_path / "tides.so").touch()
    (tmp_path / "notes.txt").touch()
    assert "tides" in complete("help", "", plugins=tmp_path)
    assert "notes" not in " ".join(complete("help", "", plugins=tmp_path))
    assert complete("run", "tid", plugins=tmp_path) == ["tides"]


def test_offers_the_backups_that_there_are(tmp_path):
    (tmp_path / "gavea").write_text("#!/bin/sh\n"
                                    "echo 'STATUS  CHECK           COUNT'\n"
                                    "echo '- ok    backup/nightly  1'\n")
    (tmp_path / "gavea").chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}:{path}"
    try:
        assert complete("backup", "ping", "") == ["nightly"]
    finally:
        os.environ["PATH"] = path
