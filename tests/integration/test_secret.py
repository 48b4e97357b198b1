# SPDX-License-Identifier: Apache-2.0
"""The secret plugin on planted secrets: found where they lie, and never told. They are put together here, so that no
scanner finds any in this file."""
import base64
import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import Agent, BUILD, PATIENCE, SANITIZER, wait_until  # noqa: E402
from control import Control  # noqa: E402
from test_manager import control_pb  # noqa: E402, F401

PASSWORD = "k9" + "Vw-3xQz" + "7mTr"
AWS = "AKIA" + "Q3XN7PLM" + "2VKD5RTY"
TELEGRAM = "731904" + "5528:AA" + "HkQz9vTn3Lx" + "R8wYb2Mc5Jd7Fg1Pu4Se"
GITLAB = "gl" + "pat-" + "x7Qm2Kd9" + "Wv4Rt6Yb1Zn5"
BODY = base64.b64encode(bytes(range(7, 200))).decode()
PRIVATE = "-----BEGIN " + "RSA PRIVATE KEY-----\n" + "\n".join(BODY[i:i + 64] for i in range(0, len(BODY), 64)) + \
    "\n-----END " + "RSA PRIVATE KEY-----\n"


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Options for a run with one rule, which starts sooner than one with all."""
    path = tmp_path_factory.mktemp("rules") / "few.rules"
    path.write_text("[aws-access-key-id]\ndescription = key\npattern = \\b(AKIA[A-Z2-7]{16})\\b\nstatus = warning\n")
    return "builtin=false", f"rules={path}"


def run(*options, env=None):
    # A one-shot compiles its rules, which takes a busy machine with sanitizers a while.
    if not any(str(option).startswith("timeout=") for option in options):
        options = (*options, "timeout=60s")
    done = subprocess.run([BUILD / "gavea", "run", "secret", "--json", *map(str, options)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE * 3, check=False, env=dict(os.environ, **(env or {})))
    assert not SANITIZER.search(done.stderr), done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.stdout + done.stderr


def plant(folder):
    """{path below folder: the value that must be found there and told nowhere}"""
    files = {
        "app/settings.py": (f'aws_key = "{AWS}"\n', AWS),
        "app/bot.env": (f"# comment\n\nTOKEN={TELEGRAM}\n", TELEGRAM),
        "home/.pgpass": (f"db.example.com:5432:app:app:{PASSWORD}\n", PASSWORD),
        "home/.netrc": (f"machine example.com login ana password {PASSWORD}\n", PASSWORD),
        "repo/.git/config": (f'[remote "origin"]\n\turl = https://ana:{PASSWORD}@git.example.com/x.git\n', PASSWORD),
        "keys/id_rsa": (PRIVATE, BODY[:64]),
        "home/.bash_history": (f"ls\nexport DB_PASSWORD={PASSWORD}\n", PASSWORD),
        "home/.mysql_history": (f"_HiStOrY_V2_\nalter\\040user\\040x\\040identified\\040by\\040'{PASSWORD}';\n", PASSWORD),
        "bin/program": (f"\0\1\2ELF {GITLAB}\0\3", GITLAB),
    }
    for name, (text, _) in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
    (folder / "log").mkdir()
    with gzip.open(folder / "log/app.log.1.gz", "wt") as log:
        log.write(f"started\ntoken {GITLAB} used\n")
    files["log/app.log.1.gz"] = (None, GITLAB)
    return {name: value for name, (_, value) in files.items()}


def found(result, folder):
    """{path below folder: status} of the findings"""
    paths = {}
    for item in result["items"]:
        if item["name"].startswith(str(folder)):
            name = item["name"].removeprefix(f"{folder}/").partition(":")[0]
            paths[name] = item["status"]
    return paths


def test_planted_secrets_are_found_and_their_values_told_nowhere(tmp_path):
    values = plant(tmp_path)
    result, said = run(f"scan={tmp_path}")
    assert result["status"] == "critical"
    assert set(found(result, tmp_path)) == set(values), found(result, tmp_path)
    for value in values.values():
        assert value not in said


def test_a_clean_tree_is_ok_and_says_what_was_searched(tmp_path):
    (tmp_path / "monkey.py").write_text('public_key = "none"\nintegrity = "sha512-' + "q" * 40 + '"\nid = "' + "0f" * 20 + '"\n')
    result, _ = run(f"scan={tmp_path}")
    assert result["status"] == "ok", result
    values = {s["name"]: s["value"] for s in result["samples"] if not s["labels"]}
    assert values["gavea_secret_scanned_files"] == 1 and values["gavea_secret_scanned_bytes"] > 80


def test_what_cannot_be_searched_is_unknown(tmp_path, few):
    result, _ = run(*few, f"scan={tmp_path}/nowhere")
    assert result["status"] == "unknown"
    (tmp_path / "large").write_bytes(b"x" * 3000)
    result, _ = run(*few, f"scan={tmp_path}", "max_size=2KiB")
    assert result["status"] == "unknown"


def test_special_files_loops_and_long_lines_do_not_hold_it_up(tmp_path, few):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "null").symlink_to("/dev/zero")
    (tmp_path / "long").write_text("a" * 3_000_000 + f" {AWS}\n")
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    result, said = run(*few, f"scan={tmp_path}")
    assert found(result, tmp_path) == {"long": "warning"} and AWS not in said
    assert "too deep" in json.dumps(result)


def test_packed_files_are_searched_and_bombs_end(tmp_path, few):
    with gzip.open(tmp_path / "bomb.gz", "wb") as bomb:
        for _ in range(40):
            bomb.write(bytes(1 << 20))
    result, _ = run(*few, f"scan={tmp_path}", "max_size=8MiB")
    assert result["status"] == "unknown" and "it unpacks to more than max_size" in json.dumps(result)
    (tmp_path / "bomb.gz").unlink()
    whole = gzip.compress(b"nothing\n" * 5000 + os.urandom(5000))
    (tmp_path / "cut.gz").write_bytes(whole[:-2000])
    result, _ = run(*few, f"scan={tmp_path}")
    assert result["status"] == "unknown" and "it does not unpack" in json.dumps(result)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"first\n") + gzip.compress(f"key = {AWS}\n".encode()))
    result, said = run(*few, f"scan={tmp_path}")
    assert found(result, tmp_path) == {"cut.gz": "warning"} and AWS not in said


def test_archives_are_searched_file_by_file(tmp_path, few):
    text = f"key = {AWS}\n".encode()
    (tmp_path / "a.xz").write_bytes(lzma.compress(b"first\n" + text))
    (tmp_path / "a.bz2").write_bytes(bz2.compress(b"first\n" + text))
    with zipfile.ZipFile(tmp_path / "a.jar", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/file.py", b"one\ntwo\n" + text)
        archive.writestr("deep/.pgpass", f"h:1:d:u:{PASSWORD}\n")
        archive.writestr("nothing", b"")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("x")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    result, said = run(*few, f"scan={tmp_path}")
    assert sorted(i["name"].removeprefix(f"{tmp_path}/") for i in result["items"]) == [
        "a.bz2:2 aws-access-key-id", "a.jar!deep/.pgpass:1 pgpass", "a.jar!deep/file.py:3 aws-access-key-id",
        "a.tar.gz:0 aws-access-key-id", "a.xz:2 aws-access-key-id"]
    assert AWS not in said and PASSWORD not in said
    (tmp_path / "b.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    result, _ = run(*few, f"scan={tmp_path}")
    assert "b.7z: it is packed in a way that is not known here" in json.dumps(result)
    assert {i["name"]: i["status"] for i in result["items"]}["not judged"] == "unknown"


def test_other_file_systems_are_said_when_they_are_left_out(tmp_path, few):
    """In a mount namespace of its own, so that nothing stays mounted."""
    (tmp_path / "other").mkdir()
    script = f"mount -t tmpfs none {tmp_path}/other && echo 'key = {AWS}' >{tmp_path}/other/file && exec \"$@\""

    def inside(*options):
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", BUILD / "gavea", "run", "secret", "--json", *few,
                               f"scan={tmp_path}", *options], capture_output=True, text=True, check=False)
        if not done.stdout:
            pytest.skip(done.stderr)
        return json.loads(done.stdout)
    result = inside()
    assert result["status"] == "unknown"
    assert f"{tmp_path}/other: is another file system; name it in scan or in skip, or set cross_filesystems" in json.dumps(result)
    assert inside(f"skip={tmp_path}/other")["status"] == "ok"
    assert found(inside("cross_filesystems=true"), tmp_path) == {"other/file": "warning"}


def test_a_file_that_is_named_by_a_link_is_searched(tmp_path, few):
    (tmp_path / "file").write_text(f"key = {AWS}\n")
    (tmp_path / "link").symlink_to("file")
    result, _ = run(*few, f"scan={tmp_path}/link")
    assert found(result, tmp_path) == {"link": "warning"}


def test_a_format_s_line_at_the_edge_of_a_block_is_told_once_and_whole(tmp_path, few):
    line, wanted = "x.example.com:5432:app:app:" + PASSWORD, []
    for before in (1 << 20) - 30, (1 << 20) - 8200, (1 << 20) - 14, (1 << 19) + 5, 3_000_000:
        for filling in "#\n" * (before // 2), "#" + "-" * (before - 2) + "\n":
            folder = tmp_path / str(len(wanted))
            folder.mkdir()
            (folder / ".pgpass").write_text(filling + line + "\n" + "#\n" * 9000)
            wanted.append(f"{folder}/.pgpass:{filling.count(chr(10)) + 1}")
    result, said = run(*few, f"scan={tmp_path}", "timeout=60s")
    assert sorted(i["name"].partition(" ")[0] for i in result["items"]) == sorted(wanted)
    assert PASSWORD not in said


def test_values_in_files_of_the_environment_and_on_joined_lines_are_found(tmp_path, few):
    (tmp_path / "app.env").write_text(f"DB_PASSWORD={PASSWORD}\n")
    (tmp_path / "app.env").chmod(0o600)
    (tmp_path / "x.service").write_text(f"[Service]\nEnvironment=A=1 \\\n  \"API_TOKEN={TELEGRAM}\"\n"
                                        f"EnvironmentFile=-{tmp_path}/*.env\nSetCredential=a:{PASSWORD}\n")
    result, said = run(*few, "units=true", f"unit_paths={tmp_path}")
    told = {i["name"].removeprefix(f"{tmp_path}/"): i["status"] for i in result["items"]}
    assert told == {"x.service:2 environment": "critical", "x.service:5 unit-set-credential": "critical",
                    "app.env:1 environment": "warning"}, told
    assert PASSWORD not in said and TELEGRAM not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a passwd of its own")
def test_histories_and_remotes_in_the_homes_of_all_users_are_found(tmp_path):
    home = tmp_path / "ana"
    for name, text in {
        ".bash_history": f"#1690000000\nmysql -uroot -p{PASSWORD}\n",
        ".zsh_history": f": 1690000000:0;export API_TOKEN={PASSWORD}\n",
        ".local/share/fish/fish_history": f"- cmd: sshpass -p {PASSWORD} ssh x\n  when: 1690000000\n",
        ".psql_history": f"ALTER USER x WITH PASSWORD '{PASSWORD}';\n",
        ".python_history": f'password = "{PASSWORD}"\n',
        ".rediscli_history": f"CONFIG SET requirepass {PASSWORD}\n",
        ".git-credentials": f"https://ana:{PASSWORD}@git.example.com\n",
        "src/app/.git/config": f'[remote "origin"]\n\turl = https://q7Lw8zKx3mTrV2nBh4JdP9@git.example.com/x\n',
        ".local/share/nothing": "password here\n",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    (tmp_path / "passwd").write_text(f"ana:x:1000:1000::{home}:/bin/sh\nbob:x:1001:1001::/nonexistent:/bin/sh\n")
    # The database of users is /etc/passwd, whatever the configuration says.
    done = subprocess.run(["unshare", "-m", "sh", "-c", f"mount --bind {tmp_path}/passwd /etc/passwd && "
                           f"mkdir -p {tmp_path}/up && mount -t tmpfs none /home && mkdir /home/ana && "
                           f"cp -a {home}/. /home/ana/ && sed 's,{home},/home/ana,' {tmp_path}/passwd >{tmp_path}/p2 && "
                           f"mount --bind {tmp_path}/p2 /etc/passwd && exec \"$@\"", "sh", BUILD / "gavea", "run", "secret",
                           "--json", "histories=true"], capture_output=True, text=True, check=False)
    if not done.stdout:
        pytest.skip(done.stderr)
    told = {i["name"].partition(":")[0].removeprefix("/home/ana/") for i in json.loads(done.stdout)["items"]}
    assert told == {".bash_history", ".zsh_history", ".local/share/fish/fish_history", ".psql_history", ".python_history",
                    ".rediscli_history", ".git-credentials", "src/app/.git/config"}, done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_a_value_at_the_edge_of_a_block_is_found_once(tmp_path, few):
    for shift in (-12, -1, 0, 5):
        (tmp_path / f"file{shift}").write_text("\n" * ((1 << 20) + shift - 10) + AWS + "\n" + "\n" * 9000)
    result, _ = run(*few, f"scan={tmp_path}")
    assert sorted(i["name"].rpartition("/")[2] for i in result["items"]) == sorted(
        f"file{shift}:{(1 << 20) + shift - 9} aws-access-key-id" for shift in (-12, -1, 0, 5))


@pytest.fixture
def shared():
    """A folder that everybody may pass through, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="gavea-test-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def test_only_what_everybody_can_read_counts_when_so_asked(shared, few):
    (shared / "private").mkdir(mode=0o700)
    for name, mode in (("open", 0o644), ("closed", 0o600), ("private/open", 0o644)):
        (shared / name).write_text(f"key = {AWS}\n")
        (shared / name).chmod(mode)
    result, _ = run(*few, f"world_readable={shared}")
    assert set(found(result, shared)) == {"open"}


def test_a_file_where_such_secrets_belong_is_as_bad_as_who_can_read_it(shared, few):
    (shared / "private").mkdir(mode=0o700)
    for name, mode in ((".pgpass", 0o644), ("app.env", 0o600), ("private/.pgpass", 0o644)):
        (shared / name).write_text(f"h:1:d:u:{PASSWORD}\nA_TOKEN={PASSWORD}\n")
        (shared / name).chmod(mode)
    result, _ = run(*few, f"scan={shared}")
    assert found(result, shared) == {".pgpass": "critical", "app.env": "warning", "private/.pgpass": "warning"}


def test_units_that_hold_values_are_found(tmp_path, few):
    (tmp_path / "x.service").write_text(f"[Service]\nDescription=fine\nEnvironment=API_PASSWORD={PASSWORD}\n")
    result, said = run(*few, "units=true", f"unit_paths={tmp_path}")
    assert "x.service" in found(result, tmp_path) and PASSWORD not in said


def test_a_process_that_holds_a_value_is_found(tmp_path):
    child = subprocess.Popen(["/bin/sleep", "60"], env={"APP_TOKEN": TELEGRAM})
    try:
        time.sleep(0.2)
        result, said = run("processes=true", "timeout=60s")
        assert any(i["name"].startswith(f"/proc/{child.pid}/environ") for i in result["items"]), result["summary"]
        assert TELEGRAM not in said
    finally:
        child.kill()
        child.wait()


def test_accepted_findings_are_quiet_until_their_day(tmp_path, few):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text(f"key = {AWS}\n")
    key = "key=" + "0123456789" * 2
    result, _ = run(*few, f"scan={tmp_path}/tree", key)
    item, = (i for i in result["items"] if i["name"].startswith(str(tmp_path)))
    fingerprint = item["attributes"]["fingerprint"]
    baseline = tmp_path / "baseline"
    baseline.write_text(f"{fingerprint} 2999-12-31 known, rotated by hand\n")
    result, _ = run(*few, f"scan={tmp_path}/tree", key, f"baseline={baseline}")
    assert result["status"] == "ok", result
    baseline.write_text(f"{fingerprint} 2020-12-31 known, rotated by hand\n")
    result, _ = run(*few, f"scan={tmp_path}/tree", key, f"baseline={baseline}")
    assert result["status"] == "warning"


@pytest.mark.parametrize("options, message", [
    ([], "nothing to do: set scan, world_readable, processes, units, histories, logs, journal, files or credentials"),
    (["key=short"], "key: shorter than 16 bytes"),
    (["rules=/nonexistent.rules"], "/nonexistent.rules"),
    (["disable=no-such-rule"], "no-such-rule"),
    (["builtin=false"], "builtin: without the rules that come with it, rules must be set"),
])
def test_bad_options_are_named(tmp_path, options, message):
    result, said = run(*([f"scan={tmp_path}"] if options else []), *options)
    assert result["status"] == "unknown" and message in said


@pytest.mark.skipif("san" in BUILD.name, reason="sanitizers need memory of their own")
def test_nothing_that_the_agent_writes_has_a_byte_of_a_value(tmp_path, tmp_path_factory, control_pb):  # noqa: F811
    values = plant(tmp_path)
    folder = tmp_path_factory.mktemp("agent")
    (folder / "etc/conf.d").mkdir(parents=True)
    (tmp_path / "app.service").write_text(f"[Service]\nEnvironment=A_TOKEN={TELEGRAM}\nSetCredential=a:{PASSWORD}\n"
                                          f"LoadCredential=b:{tmp_path}/home/.pgpass\n")
    (tmp_path / "journal").mkdir()
    remote = Path("/lib/systemd/systemd-journal-remote")
    if remote.exists():
        entry = (f"__REALTIME_TIMESTAMP=1700000000000000\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID={'0' * 31}1\n_SYSTEMD_UNIT=x.service\n"
                 f"MESSAGE=key {GITLAB}\nCOREDUMP_ENVIRON=A_PASSWORD={PASSWORD}\n\n")
        subprocess.run([remote, "-o", tmp_path / "journal/x.journal", "-"], input=entry, text=True, check=True,
                       capture_output=True)
    # All that looks at values at once, with its memory in the agent's state.
    (folder / "etc/conf.d/a.conf").write_text(
        f'secret: {{ every = "1s"; timeout = "30s"; scan = [ "{tmp_path}" ]; logs = [ "{tmp_path}/log", "{tmp_path}/home" ]; '
        f'journal = true; journal_folder = "{tmp_path}/journal"; histories = true; processes = true; '
        f'units = true; unit_paths = [ "{tmp_path}" ]; credentials = [ "app.service" ]; min_entropy = 7.9; '
        f'files = [ "{tmp_path}/app/bot.env", "{tmp_path}/home/.netrc", "{tmp_path}/keys/id_rsa" ]; }};')
    agent = Agent(folder, env={"GAVEA_NOTHING": "1"})
    values["app.service"] = PASSWORD
    try:
        control = Control(control_pb, agent.socket, PATIENCE)

        def judged():
            try:
                check = control.status()[0].get("secret/default")
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            return check and check.result.status == 3 and check.result.summary.startswith("0 of 5 secrets")
        wait_until("the findings", judged)
        shown = agent.cli("status", "secret/default", "--json", check=False).stdout + agent.cli("events", check=False).stdout
    finally:
        agent.stop()
    assert "x.service" in shown or not remote.exists()
    for value in values.values():
        assert value not in shown and value not in agent.log
        for path in (folder / "state").rglob("*"):
            if path.is_file():
                assert value.encode() not in path.read_bytes(), path


@pytest.mark.skipif("san" in BUILD.name, reason="sanitizers need memory of their own")
def test_what_a_log_holds_stays_a_finding_when_the_agent_starts_again(tmp_path, tmp_path_factory, control_pb):  # noqa: F811
    (tmp_path / "app.log").write_text(f"started\nkey {GITLAB} was used\n")
    folder = tmp_path_factory.mktemp("agent")
    (folder / "etc/conf.d").mkdir(parents=True)
    (folder / "etc/conf.d/a.conf").write_text(f'secret: {{ every = "2s"; timeout = "30s"; logs = [ "{tmp_path}" ]; }};')
    before = 0
    for start in 1, 2:
        agent = Agent(folder)
        try:
            control = Control(control_pb, agent.socket, PATIENCE)

            def judged():
                try:
                    check = control.status()[0].get("secret/default")
                except (FileNotFoundError, ConnectionRefusedError):
                    return None
                return check if check and check.result.summary and check.result.started_at_ms > before else None
            result = wait_until("the findings", judged).result
            assert result.status == 3, result
            # Nothing is read again of what the agent read before it was stopped.
            assert start == 1 or result.summary.startswith("1 secrets found (0 accepted besides) in 1 files, 0 B: "), result
            before = result.started_at_ms
        finally:
            agent.stop()
