# SPDX-License-Identifier: Apache-2.0
"""The backup plugin on repositories of the real tools, damaged in the ways in which the tools' own words stay green."""
import fcntl
import gzip
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from conftest import BUILD, SANITIZER, Agent, cli, wait_until

STATUSES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}


def run(kind, *words, **options):
    options.setdefault("idle", "false")  # beside other tests this host is never idle
    words = [*words, f"kind={kind}", *(f"{key}={value}" for key, value in options.items())]
    # Not cli(), whose patience is for what is quick: tools and a PostgreSQL are started here.
    done = subprocess.run([BUILD / "gavea", "run", "backup", *words, "--json", "--timeout", "2min"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout and not SANITIZER.search(done.stderr), done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == STATUSES[result["status"]]
    result["named"] = {item["name"]: item for item in result["items"]}
    return result


def tool(*command, **environment):
    done = subprocess.run(list(map(str, command)), env=dict(os.environ, **environment), check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def needs(name):
    return pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed")


@pytest.fixture(name="source", scope="module")
def fixture_source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    (folder / "a").write_text("hello")
    (folder / "b").write_bytes(os.urandom(300000))
    (folder.parent / "password").write_text("correct horse\n")
    return folder


@pytest.fixture(name="restic", scope="module")
def fixture_restic(tmp_path_factory, source):
    """restic() gives a fresh copy of one repository, and its options."""
    master = tmp_path_factory.mktemp("restic") / "master"
    environment = {"RESTIC_REPOSITORY": str(master), "RESTIC_PASSWORD_FILE": str(source.parent / "password")}
    tool("restic", "--no-cache", "init", **environment)
    tool("restic", "--no-cache", "backup", source, **environment)
    count = iter(range(100))

    def make():
        copy = master.parent / f"copy{next(count)}"
        shutil.copytree(master, copy)
        return copy, {"repository": copy, "password_file": source.parent / "password"}
    return make


def packs(repository):
    return [path for path in (repository / "data").rglob("*") if path.is_file()]


@needs("restic")
def test_a_good_restic_repository_is_ok_and_can_be_restored(restic, source, tmp_path):
    _, options = restic()
    manifest = tmp_path / "manifest"
    manifest.write_text("".join(
        f"{tool('sha256sum', source / name).stdout.split()[0]}  {str(source)[1:]}/{name}\n" for name in "ab"))
    into = tmp_path / "into"
    into.mkdir()
    result = run("restic", f"restore_assert=sha256 {manifest}", f"restore_assert=exists {str(source)[1:]}/a",
                 restore_every="7d", restore_into=into, read_paths=manifest, idle="true", **options)
    assert result["status"] == "ok", result
    assert result["named"]["restore"]["summary"].endswith("2 assertions hold")
    assert [path.name for path in into.iterdir()] == [".gavea-restore.lock"]


@needs("restic")
def test_restic_data_that_is_missing_is_critical_although_snapshots_ends_well(restic):
    repository, options = restic()
    max(packs(repository), key=lambda path: path.stat().st_size).unlink()
    tool("restic", "--no-cache", "--no-lock", "snapshots", RESTIC_REPOSITORY=str(repository),
         RESTIC_PASSWORD_FILE=str(options["password_file"]))
    result = run("restic", **options)
    assert result["status"] == "critical" and "found damage" in result["summary"]


@needs("restic")
def test_restic_without_snapshots_is_critical_although_check_ends_well(restic):
    repository, options = restic()
    for path in (repository / "snapshots").iterdir():
        path.unlink()
    result = run("restic", verify_data="true", **options)
    assert result["status"] == "critical" and "there is no backup" in result["named"]["count"]["summary"]


@needs("restic")
def test_a_wrong_password_is_unknown_and_no_repository_critical(restic, tmp_path):
    repository, options = restic()
    result = run("restic", repository=repository, password="secret-word")
    assert result["status"] == "unknown" and "password is wrong" in result["summary"]
    assert "secret-word" not in json.dumps(result)
    result = run("restic", **dict(options, repository=tmp_path))
    assert result["status"] == "critical" and "there is no restic repository" in result["summary"]


@needs("restic")
def test_an_assertion_that_does_not_hold_and_a_restore_that_is_too_large(restic, tmp_path):
    _, options = restic()
    options["verify_every"] = "0s"
    result = run("restic", "restore_assert=exists etc/hosts", restore_every="7d", restore_into=tmp_path, **options)
    assert result["status"] == "critical" and "etc/hosts is not there after the restore" in result["summary"]
    result = run("restic", "restore_assert=exists a", restore_every="7d", restore_into=tmp_path, restore_max_size="1KiB",
                 **options)
    assert result["status"] == "unknown" and "restore_max_size" in result["summary"]


def test_copies_count_only_in_places_of_their_own_and_whole(tmp_path):
    first, same = tmp_path / "first", tmp_path / "same"
    other = Path(tempfile.mkdtemp(prefix="gavea-backup-", dir="/dev/shm"))
    for folder in (first, same, other):
        folder.mkdir(exist_ok=True)
        (folder / "one").write_text("content")
    options = {"directory": first, "copies_min": 2}
    try:
        result = run("directory", copies=same, **options)
        assert result["status"] == "critical" and "two in the same place count once" in result["summary"]
        result = run("directory", copies=other, **options)
        assert result["status"] == "ok" and "2 in time" in result["named"]["copies"]["summary"]
        result = run("directory", copies=other, offsite="true", media="2", **options)
        assert result["status"] == "warning"
        assert {result["named"][name]["status"] for name in ("media", "offsite")} == {"warning"}
        (other / "one").write_text("cont")
        result = run("directory", copies=other, **options)
        assert result["status"] == "critical" and "it was not copied whole" in json.dumps(result)
        (other / "one").unlink()
        result = run("directory", copies=other, **options)
        assert result["status"] == "critical" and "there is no backup in" in result["summary"]
    finally:
        shutil.rmtree(other)


@pytest.fixture(name="borg", scope="module")
def fixture_borg(tmp_path_factory, source):
    """borg() gives a fresh copy of one repository, options for it, and the environment for borg itself."""
    folder = tmp_path_factory.mktemp("borg")
    environment = {"BORG_PASSPHRASE": "pw", "BORG_BASE_DIR": str(folder / "base"),
                   "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
    tool("borg", "init", "-e", "repokey", folder / "master", **environment)
    tool("borg", "create", f"{folder}/master::one", source, **environment)
    count = iter(range(100))

    def make():
        number = next(count)
        copy, work = folder / f"copy{number}", folder / f"work{number}"
        shutil.copytree(folder / "master", copy)
        work.mkdir()
        return copy, {"repository": copy, "password": "pw", "work": work}, environment
    return make


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xff
    path.write_bytes(data)


@needs("borg")
def test_borg_with_flipped_bytes_is_critical_although_list_ends_well(borg):
    repository, options, environment = borg()
    assert run("borg", **options)["status"] == "ok"
    flip(max((repository / "data" / "0").iterdir(), key=lambda path: path.stat().st_size))
    tool("borg", "list", repository, **environment)
    result = run("borg", **options)
    assert result["status"] == "critical" and "found damage" in result["named"]["verification"]["summary"]


def kill_when(what, condition, *command, **environment):
    """Starts a tool that takes a lock, and kills it when it has it."""
    with subprocess.Popen(list(map(str, command)), env=dict(os.environ, **environment), stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(what, condition)
        process.kill()


@needs("restic")
def test_a_lock_that_a_killed_restic_left_is_reported_with_its_owner(restic):
    repository, options = restic()
    kill_when("restic's lock", lambda: any(len(path.name) == 64 for path in (repository / "locks").iterdir()), "restic", "--no-cache", "backup", "--stdin",
              RESTIC_REPOSITORY=str(repository), RESTIC_PASSWORD_FILE=str(options["password_file"]))
    result = wait_until("the lock to be stale", lambda: next(
        (result for result in [run("restic", verify_every="0s", lock_age="1s", **options)] if result["status"] != "ok"), None))
    assert result["status"] == "warning" and "\"restic unlock\" removes it" in result["named"]["lock"]["summary"]
    assert " on " in result["summary"]
    assert any((repository / "locks").iterdir())


@needs("borg")
def test_a_lock_that_a_killed_borg_left_is_reported_with_its_owner(borg):
    repository, options, environment = borg()
    kill_when("borg's lock", (repository / "lock.exclusive").exists, "borg", "with-lock", repository, "sleep", "10", **environment)
    for path in ("lock.exclusive", "lock.roster"):
        if (repository / path).exists():
            os.utime(repository / path, (1000000000, 1000000000))
    result = run("borg", verify_every="0s", **options)
    assert result["status"] == "warning"
    assert "no backup can be made" in result["summary"] and "(process " in result["summary"]


def dump(folder, content, name="db.sql.gz"):
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


GOOD = b"-- PostgreSQL database dump\ncreate table a(i int);\n" + b"-- filler\n" * 1000 + b"-- PostgreSQL database dump complete\n"


def test_a_good_dump_is_ok(tmp_path):
    assert run("dump", files=dump(tmp_path, GOOD))["status"] == "ok"


def test_an_error_of_pg_dump_that_was_packed_is_critical(tmp_path):
    path = dump(tmp_path, b'pg_dump: error: connection to server failed\n')
    tool("gzip", "-t", path)
    result = run("dump", files=path)
    assert result["status"] == "critical" and "an error instead of data" in result["summary"]


def test_dumps_that_are_cut_off_or_damaged_are_critical(tmp_path):
    whole = dump(tmp_path, GOOD[:-40])
    assert "lacks \"-- PostgreSQL database dump complete\"" in run("dump", files=whole)["summary"]
    path = dump(tmp_path, GOOD, "cut.sql.gz")
    path.write_bytes(path.read_bytes()[:-12])
    assert "cut off" in run("dump", files=path)["summary"]
    data = bytearray(gzip.compress(GOOD))
    data[-6] ^= 1  # of the checksum
    path.write_bytes(data)
    assert run("dump", files=path)["status"] == "critical"
    for program, suffix in (("zstd", "zst"), ("xz", "xz"), ("bzip2", "bz2")):
        if shutil.which(program):
            plain = dump(tmp_path, GOOD, f"{program}.sql")
            tool(program, plain)
            packed = plain.with_name(plain.name + "." + suffix)
            assert run("dump", files=packed)["status"] == "ok"
            packed.write_bytes(packed.read_bytes()[:-9])
            assert run("dump", files=packed)["status"] == "critical", program


def test_an_archive_without_entries_is_critical_and_one_with_some_is_ok(tmp_path):
    path = tmp_path / "a.tar.gz"
    tarfile.open(path, "w:gz").close()
    assert "without entries" in run("dump", files=path)["summary"]
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__)
    assert run("dump", files=path)["status"] == "ok"


def test_a_bomb_a_fifo_and_a_loop_of_links_end_with_a_word(tmp_path):
    path = dump(tmp_path, bytes(64 << 20), "bomb.sql.gz")
    result = run("dump", files=path, content_max="1MiB")
    assert result["status"] == "critical" and "unpacks to more than 1 MiB" in result["summary"]
    os.mkfifo(tmp_path / "fifo")
    result = run("dump", files=tmp_path / "fifo")
    assert result["status"] == "critical" and "not a plain file" in json.dumps(result)
    os.symlink("loop", tmp_path / "loop")
    assert run("dump", files=tmp_path / "loop")["status"] != "ok"


def test_an_empty_directory_is_critical_and_a_full_one_ok(tmp_path):
    assert run("directory", directory=tmp_path)["status"] == "critical"
    (tmp_path / "one").write_text("x")
    assert run("directory", directory=tmp_path)["status"] == "ok"
    os.utime(tmp_path / "one", (1, 1))
    assert run("directory", directory=tmp_path)["status"] == "critical"


def test_a_tool_that_floods_hangs_or_is_missing_is_unknown(tmp_path):
    hanging = tmp_path / "hanging"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    done = cli("run", "backup", "kind=restic", f"repository={tmp_path}", f"program={hanging}", f"read_paths={tmp_path}",
               "password=x", "--timeout", "2s", check=False)
    assert done.returncode == 3 and "did not end in time" in done.stdout
    result = run("restic", repository=tmp_path, program="/usr/bin/yes", password="x")
    assert result["status"] == "unknown"
    result = run("restic", repository=tmp_path, program="/usr/bin/no-such-tool", password="x")
    assert result["status"] == "unknown" and "install the package restic" in result["summary"]


SERVER = "/usr/lib/postgresql/15/bin"

CONFIG = """[global]
repo1-path={folder}/repo
log-level-file=off
lock-path={folder}/lock
repo1-retention-full=3
start-fast=y
[main]
pg1-path={folder}/data
pg1-socket-path={folder}
pg1-port={port}
"""

SETUP = """set -e
{bin}/initdb -D {folder}/data -A trust -N -U postgres --wal-segsize=1
cat >>{folder}/data/postgresql.conf <<X
listen_addresses=''
unix_socket_directories='{folder}'
port={port}
fsync=off
archive_mode=on
archive_command='pgbackrest --config={folder}/conf --stanza=main archive-push %p && cp %p {folder}/barman/main/incoming/%f'
restore_command='pgbackrest --config={folder}/conf --stanza=main archive-get %f "%p"'
X
mkdir -p {folder}/barman/main/incoming
{bin}/pg_ctl -D {folder}/data -w -l {folder}/log start
trap '{bin}/pg_ctl -D {folder}/data -w -m immediate stop' EXIT
sql() {{ psql -h {folder} -p {port} -U postgres -qc "$1"; }}
pgbackrest --config={folder}/conf --stanza=main stanza-create
sql 'create table t as select generate_series(1, 1000)'
pgbackrest --config={folder}/conf --stanza=main backup
sql 'select pg_switch_wal()'
if type barman; then
	pgbackrest --config={folder}/conf --stanza=main check
	barman -c {folder}/barman.conf archive-wal main
	barman -c {folder}/barman.conf backup main
fi
for i in 1 2 3; do sql "insert into t values ($i)"; sql 'select pg_switch_wal()'; done
pgbackrest --config={folder}/conf --stanza=main check
pg_dump -h {folder} -p {port} -U postgres -Fc -f {folder}/custom.dump
{bin}/pg_ctl -D {folder}/data -w -m fast stop
touch {folder}/data/standby.signal
{bin}/pg_ctl -D {folder}/data -w -l {folder}/log start
{bin}/pg_ctl -D {folder}/data -w promote
for i in 4 5 6; do sql "insert into t values ($i)"; sql 'select pg_switch_wal()'; done
pgbackrest --config={folder}/conf --stanza=main check
if type barman; then barman -c {folder}/barman.conf archive-wal main; fi
"""

BARMAN_CONFIG = """[barman]
barman_home = {folder}/barman
barman_user = postgres
log_file = {folder}/barman.log
path_prefix = {bin}
[main]
description = test
conninfo = host={folder} port={port} user=postgres dbname=postgres
backup_method = postgres
archiver = on
"""


@pytest.fixture(name="postgres", scope="module")
def fixture_postgres():
    """The folder of a stanza "main" with one backup and WAL after it over two timelines, owned by postgres, and likewise of a
    server "main" of barman; the database has ended."""
    if not os.path.exists(SERVER) or not shutil.which("pgbackrest") or os.geteuid() != 0:
        pytest.skip("wants root, postgresql-15 and pgbackrest")
    # Not below pytest's folder, which every other run of pytest shuts for other users.
    folder = Path(tempfile.mkdtemp(prefix="gavea-backup-"))
    folder.chmod(0o755)
    (folder / "into").mkdir()
    shutil.chown(folder, "postgres")
    values = {"folder": folder, "port": 5999, "bin": SERVER}
    (folder / "conf").write_text(CONFIG.format(**values))
    (folder / "barman.conf").write_text(BARMAN_CONFIG.format(**values))
    tool("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "sh", "-c", SETUP.format(**values), LC_ALL="C")
    yield folder
    shutil.rmtree(folder)


def pgbackrest(folder, *words, **options):
    return run("pgbackrest", *words, stanza="main", config=folder / "conf", read_paths=folder, wal_grace="0s",
               wal_segment_size="1MiB", **options)


def test_a_good_stanza_is_ok_and_its_restore_answers_a_query(postgres):
    result = pgbackrest(postgres, "restore_assert=query select count(*) >= 1000 from t", user="postgres", restore_every="7d",
                        restore_into=postgres / "into")
    assert result["status"] == "ok", result
    assert [path.name for path in (postgres / "into").iterdir()] == [".gavea-restore.lock"]


def without(path, look):
    """What look() says while the file is not there."""
    kept = path.rename(path.parent.parent.parent / "kept")
    try:
        return look()
    finally:
        kept.rename(path)


def segments(folder, timeline):
    """The archived segments of a timeline, the oldest first."""
    found = sorted(path for path in (folder / "repo/archive/main").rglob("*.gz") if path.name[24] == "-")
    return [path for path in found if path.name.startswith(f"{timeline:08X}")]


@pytest.mark.parametrize("timeline,index", [(1, 3), (2, 0), (2, 1)])
def test_one_deleted_wal_segment_is_critical_although_info_and_verify_end_well(postgres, timeline, index):
    victim = segments(postgres, timeline)[index]
    result = without(victim, lambda: pgbackrest(postgres, verify_every="0s"))
    assert result["status"] == "critical" and victim.name[:24] in result["named"]["wal"]["summary"]


def test_a_deleted_history_of_a_timeline_is_critical(postgres):
    [history] = (postgres / "repo/archive/main").rglob("00000002.history")
    result = without(history, lambda: pgbackrest(postgres, verify_every="0s"))
    assert result["status"] == "critical" and "00000002.history is missing" in result["summary"]


def test_an_archive_without_new_wal_is_critical_where_that_is_asked_for(postgres):
    assert pgbackrest(postgres, verify_every="0s", wal_max_age="1d")["status"] == "ok"
    for path in segments(postgres, 1) + segments(postgres, 2):
        os.utime(path, (1000000000, 1000000000))
    result = pgbackrest(postgres, verify_every="0s", wal_max_age="1d")
    assert result["status"] == "critical" and "look at archive_command" in result["named"]["wal age"]["summary"]


def test_a_corrupted_file_is_critical_although_verify_exits_with_0(postgres):
    files = (postgres / "repo/backup/main").rglob("*.gz")
    victim = max((path for path in files if "pg_data" in str(path)), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    victim.write_bytes(whole[:100] + b"damage" + whole[106:])
    try:
        result = pgbackrest(postgres)
    finally:
        victim.write_bytes(whole)
    assert result["status"] == "critical" and "found damage" in result["named"]["verification"]["summary"]


@pytest.fixture(name="pinged", scope="module")
def fixture_pinged(tmp_path_factory):
    """gavead with two checks of kind ping, "nightly" and "weekly", and one of a folder."""
    folder = tmp_path_factory.mktemp("pinged")
    (folder / "etc/conf.d").mkdir(parents=True)
    (folder / "etc/gavea.conf").write_text("")
    (folder / "full").mkdir()
    (folder / "full/one").write_text("x" * 2048)
    (folder / "etc/conf.d/backup.conf").write_text(
        'backup: { every = "1s"; checks = ( { name = "nightly"; kind = "ping"; }, { name = "weekly"; kind = "ping"; },'
        f' {{ name = "folder"; kind = "directory"; directory = "{folder}/full"; }} ); }};\n')
    agent = Agent(folder, plugins=BUILD / "plugins").ready()
    yield agent
    agent.stop()


def summary(agent, check):
    done = agent.cli("status", f"backup/{check}", "--json", check=False)
    status = json.loads(done.stdout or "{}")
    return f"{status.get('status')} {status.get('items')}"


def ping(agent, *words):
    return agent.cli("backup", "ping", *words, check=False)


def barman(folder, *words, **options):
    return run("barman", "write_paths=/dev/shm", *words, **dict({"stanza": "main", "config": folder / "barman.conf", "user": "postgres", "wal_grace": "0s",
                                         "read_paths": folder, "write_paths": folder}, **options))


def bad(result):
    """What is not ok, but for the database, which has ended and which barman's own check therefore misses."""
    of_server = ("PostgreSQL", "postgresql", "postgresql_streaming", "superuser", "wal_level", "is_superuser",
                 "pg_basebackup_compatible", "systemid_coherence", "archive_mode", "archive_command", "continuous_archiving")
    return {name: item["summary"] for name, item in result["named"].items() if item["status"] != "ok" and name not in of_server}


@needs("barman")
def test_barmans_backup_is_verified_and_restored(postgres):
    result = barman(postgres, "restore_assert=query select count(*) >= 1000 from t", restore_every="7d",
                    restore_into=postgres / "into")
    assert not bad(result), result
    assert result["named"]["verification"]["summary"].endswith("1 backups")
    assert result["named"]["restore"]["summary"].endswith("1 assertions hold")


@needs("barman")
def test_damage_that_barmans_check_does_not_see_is_critical(postgres):
    [base] = (postgres / "barman/main/base").iterdir()
    victim = max((base / "data/base/5").iterdir(), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    flip(victim)
    try:
        result = barman(postgres, wal="false")
    finally:
        victim.write_bytes(whole)
    assert list(bad(result)) == ["verification"] and "checksum mismatch" in bad(result)["verification"]
    victim = sorted((postgres / "barman/main/wals/0000000100000000").glob("?" * 24))[-2]
    result = without(victim, lambda: barman(postgres, verify_every="0s"))
    assert list(bad(result)) == ["wal"] and victim.name in bad(result)["wal"]
    # Without a manifest nothing can be said.
    result = without(base / "data/backup_manifest", lambda: barman(postgres, wal="false"))
    assert result["named"]["verification"]["status"] == "unknown"


def test_a_custom_dump_is_read_and_restored(postgres):
    path = postgres / "custom.dump"
    result = run("dump", files=path)
    assert result["status"] == "ok" and "custom dump of postgres" in result["named"]["content"]["summary"]
    result = run("dump", "restore_assert=query select count(*) >= 1000 from t", files=path, user="postgres",
                 restore_every="7d", restore_into=postgres / "into")
    assert result["status"] == "ok", result


def test_a_custom_dump_that_is_cut_off_or_damaged_is_critical_although_pg_restore_lists_it(postgres, tmp_path):
    whole = (postgres / "custom.dump").read_bytes()
    path = tmp_path / "cut.dump"
    for size, lists in ((9, False), (300, False), (len(whole) - 6, True), (len(whole) // 2, True), (len(whole) - 1, True)):
        path.write_bytes(whole[:size])
        done = subprocess.run(["pg_restore", "--list", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        assert (done.returncode == 0) == lists, size
        result = run("dump", files=path)
        assert result["status"] == "critical" and "cut off" in result["summary"], size
    damaged = bytearray(whole)
    damaged[-20] ^= 1
    path.write_bytes(damaged)
    assert run("dump", files=path)["status"] == "critical"
    # Packed once more, so that pg_restore does not even open it.
    path = dump(tmp_path, whole, "packed.sql.gz")
    assert run("dump", files=path)["status"] == "ok"
    path = dump(tmp_path, whole[:-3], "packed.sql.gz")
    assert run("dump", files=path)["status"] == "critical"


def hold(path):
    """A file with the kernel's lock on it, since long ago. Close it to end that."""
    path.parent.mkdir(exist_ok=True)
    file = path.open("a")
    fcntl.flock(file, fcntl.LOCK_EX)
    os.utime(path, (1000000000, 1000000000))
    return file


def test_a_pgbackrest_that_was_stopped_and_a_lock_that_is_held_for_long_are_reported(postgres):
    base = ["pgbackrest", f"--config={postgres}/conf", "--stanza=main"]
    tool(*base, "stop")
    try:
        result = pgbackrest(postgres, verify_every="0s", wal="false")
    finally:
        tool(*base, "start")
    assert result["status"] == "warning" and '"pgbackrest start --stanza=main" ends it' in result["summary"]
    lock = postgres / "lock/main-backup.lock"
    with hold(lock):
        result = pgbackrest(postgres, verify_every="0s", wal="false")
    assert result["status"] == "warning" and f"a lock by process {os.getpid()} on {lock} is" in result["summary"]
    # The file that is left says nothing: nobody holds it.
    assert pgbackrest(postgres, verify_every="0s", wal="false")["status"] == "ok"
    lock.unlink()


def test_a_job_that_pings_is_ok_and_one_that_says_it_failed_is_critical(pinged):
    wait_until("the missing ping to be critical", lambda: "let it end with `gavea backup ping nightly`" in summary(pinged, "nightly"))
    for words in (["--start"], ["--size", "10MiB", "--duration", "90s"]):
        done = ping(pinged, "nightly", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wait_until("the ping to be seen", lambda: "took 1min 30s" in summary(pinged, "nightly"))
    assert "10 MiB" in summary(pinged, "nightly")
    assert ping(pinged, "backup/nightly", "--fail").returncode == 0
    wait_until("the failure to be seen", lambda: "the backup job failed" in summary(pinged, "nightly"))
    assert ping(pinged, "nightly").returncode == 0
    wait_until("the failure to be over", lambda: "the backup job failed" not in summary(pinged, "nightly"))


def test_a_ping_that_does_not_arrive_says_why_and_exits_with_1(pinged, tmp_path):
    done = ping(pinged, "nihgtly")
    assert (done.returncode, done.stderr) == (
        1, 'gavea: there is no check "backup/nihgtly"; did you mean `gavea backup ping nightly`?\n')
    done = ping(pinged, "something-else")
    assert done.returncode == 1 and "add one with kind = \"ping\"" in done.stderr
    done = ping(pinged, "folder")
    assert (done.returncode, done.stderr) == (
        1, 'gavea: backup/folder: the ping did not arrive: only a check with kind = "ping" takes pings\n')
    done = cli("--socket", tmp_path / "none", "backup", "ping", "nightly", check=False)
    assert done.returncode == 1 and "is it running? (systemctl status gavead)" in done.stderr


@pytest.mark.parametrize("words,complaint", [
    (["nightly", "--size", "much"], '--size: "much" is not a number of bytes, or such as 10MiB'),
    (["nightly", "--duration", "90"], '--duration: "90" is not of the form 90s or 1h 30min'),
    (["nightly", "--start", "--fail"], "--start and --fail: a job cannot have begun and failed at once"),
    (["nightly", "--start", "--size", "1"], "--start takes neither --size nor --duration: these come at the end"),
])
def test_a_ping_that_makes_no_sense_exits_with_2(pinged, words, complaint):
    done = ping(pinged, *words)
    assert (done.returncode, done.stderr) == (2, f"gavea: {complaint}\n")
    assert ping(pinged).returncode == 2


def test_gavea_backup_lists_what_the_daemon_knows(pinged):
    assert ping(pinged, "weekly", "--size", "5KiB").returncode == 0
    wait_until("all to have run", lambda: all(word in pinged.cli("backup").stdout for word in ("5 KiB", "2 KiB")))
    lines = pinged.cli("backup").stdout.splitlines()
    assert lines[0].split() == ["STATUS", "CHECK", "COUNT", "NEWEST", "SIZE", "VERIFIED", "RESTORED", "SUMMARY"]
    assert [line.split()[2] for line in lines[1:]] == ["backup/folder", "backup/nightly", "backup/weekly"]
    checks = json.loads(pinged.cli("backup", "--json").stdout)["checks"]
    assert {"gavea_backup_count"} <= {sample["name"] for sample in checks[0]["samples"]}
    done = pinged.cli("backup", "pign", check=False)
    assert done.returncode == 2 and "`gavea backup ping NAME` sends a ping" in done.stderr


FAKE_BORG = """#!/bin/sh
# A borg with three archives, which notes what it is asked for; while a file "hang" is there the second one does not end.
folder={folder}
for word; do case $word in list|info|check|::*) what=$word ;; esac; done
case $what in
list) printf '%s' '{{"archives": [{{"name": "a", "time": "2026-01-01T00:00:00"}}, {{"name": "b", "time": "2026-01-02T00:00:00"}},
	{{"name": "c", "time": "2026-01-03T00:00:00"}}]}}' ;;
check) echo check >>$folder/asked; echo 'check complete, no problems found.' >&2 ;;
::?)
	case "$*" in *--dry-run*) ;; *) exit 0 ;; esac
	echo "$what" >>$folder/asked
	while [ "$what" = ::b ] && [ -e $folder/hang ]; do sleep 0.1; done
	exit 0 ;;
esac
"""

RESTART = """backup: {{ every = "1s"; timeout = "{timeout}"; checks = (
  {{ name = "each"; kind = "borg"; repository = "{folder}/none"; program = "{folder}/borg"; interval = "0s"; size_change = "0%";
    verify_each = true; read_paths = [ "{folder}" ]; write_paths = [ "{folder}" ]; idle = false; }},
  {{ name = "tested"; kind = "dump"; files = [ "{folder}/one.sql" ]; interval = "0s"; verify_every = "0s"; restore_every = "7d";
    restore_into = "{folder}/into"; restore_assert = [ "run {folder}/assert" ]; idle = false; }} ); }};
"""


@pytest.fixture(name="long_work")
def fixture_long_work(tmp_path):
    """long_work(timeout) starts gavead anew on the same state, with a verification and a restore test that hang for now."""
    folder = tmp_path / "work"
    (folder / "into").mkdir(parents=True)
    (folder / "one.sql").write_text("select 1;\n")
    (folder / "hang").touch()
    (folder / "borg").write_text(FAKE_BORG.format(folder=folder))
    (folder / "assert").write_text(f"#!/bin/sh\nwhile [ -e {folder}/hang ]; do sleep 0.1; done\n")
    for name in ("borg", "assert"):
        (folder / name).chmod(0o755)
    (tmp_path / "agent/etc/conf.d").mkdir(parents=True)
    (tmp_path / "agent/etc/gavea.conf").write_text("")
    agents = []

    def start(timeout):
        (tmp_path / "agent/etc/conf.d/backup.conf").write_text(RESTART.format(folder=folder, timeout=timeout))
        agents.append(Agent(tmp_path / "agent", plugins=BUILD / "plugins").ready())
        return agents[-1]
    yield folder, start
    for agent in agents:
        if agent.running():
            agent.stop()


def asked(folder):
    return (folder / "asked").read_text().split() if (folder / "asked").exists() else []


def test_a_verification_that_ran_out_of_time_goes_on_where_it_was(long_work):
    folder, start = long_work
    agent = start("3s")
    wait_until("part of it to be told", lambda: "verification so far: 1 of 3 archives" in summary(agent, "each"))
    (folder / "hang").unlink()
    wait_until("the end", lambda: "3 archives" in summary(agent, "each") and "so far" not in summary(agent, "each"))
    words = asked(folder)
    assert words.count("check") == words.count("::c") == words.count("::a") == 1 and words.count("::b") >= 2


def test_what_a_restart_interrupts_is_told_and_begins_again(long_work):
    folder, start = long_work
    agent = start("10min")
    wait_until("the verification to hang", lambda: "::b" in asked(folder))
    wait_until("the restore test to hang", lambda: any((folder / "into").glob("gavea-restore-*")))
    wait_until("the progress to be shown", lambda: "verifying b" in agent.cli("status", check=False).stdout)
    agent.kill()
    (folder / "hang").unlink()
    agent = start("10min")
    wait_until("both to be done", lambda: "3 archives" in summary(agent, "each") and "assertions hold" in summary(agent, "tested"))
    events = agent.cli("events").stdout
    assert "verification interrupted by a restart; it goes on, or begins again" in events
    assert "restore test interrupted by a restart; scratch removed; it begins again" in events
    assert not list((folder / "into").glob("gavea-restore-*"))
    assert asked(folder).count("::c") == asked(folder).count("check") == 1


def test_an_old_dump_that_rotted_is_found_by_the_verification(tmp_path):
    for number in range(3):
        os.utime(dump(tmp_path, GOOD, f"{number}.sql.gz"), (1700000000 + number, 1700000000 + number))
    options = {"files": tmp_path / "*.gz", "interval": "0s"}
    result = run("dump", **options)
    assert result["status"] == "ok" and result["named"]["verification"]["summary"].endswith("3 files")
    flip(tmp_path / "0.sql.gz")
    os.utime(tmp_path / "0.sql.gz", (1700000000, 1700000000))
    assert run("dump", verify_every="0s", **options)["status"] == "ok"
    result = run("dump", **options)
    assert result["status"] == "critical" and "1 of 3 files are damaged: 0.sql.gz" in result["summary"]


BARMAN = """[barman]
barman_home = {folder}
barman_user = root
log_file = {folder}/log
[main]
description = test
conninfo = host=/nonexistent user=x dbname=x
backup_method = postgres
"""

BACKUP_INFO = """backup_label=None
begin_time=2026-01-01 04:00:00.000000+00:00
begin_wal=000000010000000000000002
begin_xlog=0/2000028
end_time=2026-01-01 04:00:05.000000+00:00
end_wal=000000010000000000000002
end_xlog=0/2000100
mode=postgres
server_name=main
size=23254807
status=DONE
timeline=1
version=150000
xlog_segment_size=16777216
"""


@needs("barman")
@pytest.mark.skipif(os.geteuid() != 0, reason="wants root")
def test_barmans_backups_and_the_points_of_its_check_are_read(tmp_path):
    (tmp_path / "conf").write_text(BARMAN.format(folder=tmp_path))
    (tmp_path / "main/base/20260101T040000/data").mkdir(parents=True)
    (tmp_path / "main/base/20260101T040000/backup.info").write_text(BACKUP_INFO)
    options = {"stanza": "main", "config": tmp_path / "conf", "read_paths": tmp_path, "verify_every": "0s", "interval": "0s"}
    with hold(tmp_path / ".main-backup.lock"):
        result = run("barman", write_paths=tmp_path, **options)
    assert result["named"]["count"]["summary"] == "1 backups"
    assert result["named"]["postgresql"]["status"] == "critical"
    assert f"process {os.getpid()}" in result["named"]["lock"]["summary"]
    # Without its locks barman lists nothing, and exits as if there were nothing.
    result = run("barman", **options)
    assert result["status"] == "unknown" and "write its locks" in result["summary"]
