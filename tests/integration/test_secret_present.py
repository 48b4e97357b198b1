# SPDX-License-Identifier: Apache-2.0
"""The secret plugin on secrets that must be there: each demand, met and missed, and no byte of a value in what is said."""
import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import BUILD, PATIENCE, SANITIZER  # noqa: E402

# Put together here, so that no scanner finds any in this file.
VALUE = "q7" + "Lw-8zKx" + "3mTr" + "V2nB"
OTHER = "h4" + "Jd_9pXc" + "6sYk" + "W1fG"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners and folders of others need root")


def run(*options):
    done = subprocess.run([BUILD / "gavea", "run", "secret", "--json", *map(str, options)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    said = done.stdout + done.stderr
    for value in (VALUE, OTHER):
        assert value not in said
    return json.loads(done.stdout)


@pytest.fixture
def place():
    """A folder that only root may write to, up to the root: below /tmp every secret would be a finding."""
    folder = Path(tempfile.mkdtemp(prefix="gavea-test-", dir="/run"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def put(path, text=VALUE + "\n", mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def judge(path, *options):
    """(status, what is said) of one file"""
    item, = (i for i in run(f"files={path}", *options)["items"] if i["name"] == str(path))
    return item["status"], item["summary"]


def allow(path, *entries):
    """Sets an ACL: (tag, permissions, id)"""
    every = [(1, 6, 2**32 - 1), *entries, (4, 0, 2**32 - 1), (0x10, 7, 2**32 - 1), (0x20, 0, 2**32 - 1)]
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(every))
    try:
        os.setxattr(path, "system.posix_acl_access", raw)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")


def test_a_secret_that_is_right_is_ok(place):
    path = put(place / "key")
    result = run(f"files={path}", "owner=root", "group=root", "mode=0600", "min_length=16", "min_entropy=3", "max_age=1d")
    assert result["status"] == "ok" and result["summary"] == "1 of 1 secrets that must be there are right"
    assert result["items"][0]["summary"] == "there, and right"


def test_one_that_is_missing_empty_or_no_file_is_critical(place):
    assert judge(place / "none") == ("critical", f"{place}/none is not there: put the secret there")
    assert judge(place / "no/where") == ("critical", f"{place}/no is not there: put the secret there")
    assert judge(put(place / "empty", "")) == ("critical", "is empty: put the secret there")
    assert judge(put(place / "blank", " \n\t\n")) == ("critical", "is empty: put the secret there")
    assert judge(place) == ("critical", "is a folder, not a file: put the secret there")
    os.mkfifo(place / "fifo")
    assert judge(place / "fifo") == ("critical", "is a FIFO, not a file: put the secret there")
    (place / "loop").symlink_to("loop")
    assert judge(place / "loop") == ("critical", f"{place}/loop: its links go in a circle: remove them")


def test_what_cannot_be_looked_at_is_unknown_and_says_which_right_to_grant(place):
    (place / "closed").mkdir(mode=0o700)
    path, inside = put(place / "key"), put(place / "closed/key")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BUILD / "gavea", "run", "secret", "--json",
                           f"files={path},{inside}"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if not done.stdout:
        pytest.skip(done.stderr)
    told = {i["name"]: (i["status"], i["summary"]) for i in json.loads(done.stdout)["items"]}
    assert told == {
        str(path): ("unknown", "its content cannot be read: Permission denied; grant CAP_DAC_READ_SEARCH in a drop-in of gavead"),
        str(inside): ("unknown", f"{place}/closed/key cannot be looked at: Permission denied; grant CAP_DAC_READ_SEARCH in a "
                                 "drop-in of gavead")}


def test_owner_group_and_mode_are_told_with_the_command_that_mends_them(place):
    path = put(place / "key", mode=0o644)
    nobody = pwd.getpwnam("nobody")
    os.chown(path, nobody.pw_uid, nobody.pw_gid)
    status, said = judge(path, "owner=root", "group=root", "mode=0640")
    assert status == "critical"
    assert said == (f"belongs to nobody, not to root: chown root {path}; its group is nogroup, not root: chgrp root {path}; "
                    f"mode 0644 grants 0004 too much, everybody can read it: chmod 0640 {path}")
    assert judge(path, "mode=0644")[0] == "ok"


def test_an_acl_may_name_nobody_that_was_not_allowed(place):
    path = put(place / "key")
    allow(path, (2, 4, pwd.getpwnam("nobody").pw_uid))
    assert judge(path) == ("critical", "its ACL lets user nobody read it: setfacl -x u:nobody it, or allow it by acl")
    assert judge(path, "acl=user:nobody")[0] == "ok"
    folder = place / "folder"
    path = put(folder / "key", OTHER)
    folder.chmod(0o700)
    allow(folder, (8, 7, pwd.getpwnam("nobody").pw_gid))
    assert judge(path) == ("critical", f"the ACL of {folder} lets group nogroup write: setfacl -x g:nogroup it")


def test_who_may_write_to_a_folder_on_the_way_is_told(place):
    path = put(place / "a/b/key")
    (place / "a").chmod(0o1777)
    assert judge(path) == ("critical", f"everybody may write to {place}/a: keep it elsewhere")
    (place / "a").chmod(0o755)
    os.chown(place / "a/b", pwd.getpwnam("nobody").pw_uid, 0)
    assert judge(path) == ("critical",
                           f"{place}/a/b belongs to nobody, who may put another file there: chown root it")
    os.chown(place / "a/b", 0, pwd.getpwnam("nobody").pw_gid)
    (place / "a/b").chmod(0o775)
    assert judge(path) == ("critical", f"group nogroup may write to {place}/a/b: chmod g-w it")


def test_below_tmp_no_secret_is_well_kept(tmp_path):
    status, said = judge(put(tmp_path / "key"))
    assert status == "critical" and "everybody may write to /tmp: keep it elsewhere" in said


def test_a_pattern_stands_for_its_files_and_must_match_one(place):
    put(place / "a.key", VALUE), put(place / "b.key", OTHER, 0o644)
    result = run(f"files={place}/*.key")
    assert {i["name"].rpartition("/")[2]: i["status"] for i in result["items"]} == {"a.key": "ok", "b.key": "critical"}
    item, = run(f"files={place}/*.pem")["items"]
    assert (item["name"], item["status"], item["summary"]) == (
        f"{place}/*.pem", "critical", "matches no file: put the secrets there")


def test_a_link_is_judged_where_it_leads_and_said(place):
    target = put(place / "real/key", mode=0o644)
    (place / "link").symlink_to("real/key")
    status, said = judge(place / "link")
    assert status == "critical" and f"led by a link to {target}; mode 0644 grants 0004 too much" in said
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    target.chmod(0o600)
    (place / "open/link").symlink_to("../real/key")
    status, said = judge(place / "open/link")
    assert status == "critical" and f"everybody may write to {place}/open" in said


@pytest.mark.parametrize("word, bad", [
    ("changeme", True), ("CHANGEME", True), ("<password>", True), ("xxxxxxxx", True), ("password123", True),
    ("your_api_key_here", True), ("${DB_PASSWORD}", True), ("q7changemeLw8zKx3", False), ("k9Examplez7QmTr2LwX", False),
])
def test_placeholders_are_no_secrets_and_secrets_no_placeholders(place, word, bad):
    status, said = judge(put(place / "key", word + "\n"))
    assert (status, "placeholder" in said) == (("critical", True) if bad else ("ok", False)), said


def test_length_and_entropy_are_those_of_the_value_without_its_newline(place):
    path = put(place / "key", "abcabcabcabc\n")
    assert judge(path, "min_length=12")[0] == "ok"
    assert judge(path, "min_length=13") == ("critical", "it has 12 bytes, fewer than 13: make a longer one")
    assert judge(path, "min_entropy=3") == (
        "critical", "it has 1.6 bits of entropy a byte, less than 3: make a random one")


def test_age_is_that_of_the_last_change(place):
    path = put(place / "key")
    os.utime(path, (time.time() - 100 * 86400 - 60,) * 2)
    status, said = judge(path, "max_age=90d")
    assert status == "warning" and said == "was last written 100d 0h ago, more than 90d: rotate it"
    assert judge(path, "max_age=120d")[0] == "ok"
    os.utime(path, (time.time() + 86400,) * 2)
    assert judge(path, "max_age=90d")[0] == "unknown"


def test_forms_are_parsed_and_their_errors_never_quote(place):
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=True).stdout
    locked = subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:" + VALUE], input=key, capture_output=True,
                            text=True, check=True).stdout
    cases = [("pem_key", key, None), ("pem_key", locked, None), ("pem_key", VALUE, "there is no private key in PEM in it"),
             ("pem_key", key[:60], "there is no private key in PEM in it"),
             ("pem_cert", key, "there is no certificate in PEM in it"),
             ("json", '{"token": "%s"}' % VALUE, None), ("json", '{\n"token": %s}' % VALUE, "line 2 is no JSON"),
             ("json", '"%s"' % VALUE, "it is neither an object nor an array in JSON"),
             ("env", f"# a\nexport TOKEN='{VALUE}'\n", None), ("env", f"A=b\n{VALUE}\n", "line 2 is no NAME=value"),
             ("env", "# nothing\n", "no variable is set in it")]
    for form, text, wrong in cases:
        status, said = judge(put(place / "file", text), f"parse={form}")
        assert (status, said) == (("critical", wrong + ": write it anew") if wrong else ("ok", "there, and right")), form
    status, said = judge(put(place / "file", "A=b\n"), "parse=env", "min_length=8")
    assert status == "unknown" and said.startswith("no value in it has a name such as password or token")
    assert judge(put(place / "file", "A=b\n"), "parse=env")[0] == "ok"
    status, said = judge(put(place / "file", "DB_PASSWORD=changeme\nDB_PASSWORD_FILE=/x\nUSER=root\n"), "parse=env")
    assert said == "DB_PASSWORD holds a placeholder or a well-known password: put a real one there"


def test_the_same_secret_under_two_names_is_told_with_both(place):
    a, b, c = put(place / "a"), put(place / "b", VALUE), put(place / "c", OTHER)
    (place / "link").symlink_to("a")
    result = run(f"files={a},{b},{c},{place}/link")
    assert result["status"] == "warning"
    bad = [i for i in result["items"] if i["status"] != "ok"]
    assert bad and all(" and " in i["name"] and f"{b}" in i["name"] for i in bad), bad
    assert run(f"files={a},{b}", "reused=false")["status"] == "ok"
    assert run(f"files={a},{place}/link")["status"] == "ok"
    env = put(place / "env", f"A_TOKEN={OTHER}\nB_TOKEN={OTHER}\n")
    assert any(i["name"] == f"{env} A_TOKEN and {env} B_TOKEN" or i["name"] == f"{env} B_TOKEN and {env} A_TOKEN"
               for i in run(f"files={env}", "parse=env")["items"])


def credential(place, text, *options):
    put(place / "units/app.service", "[Service]\n" + text, 0o644)
    result = run(f"unit_paths={place}/units", *(options or ["credentials=app.service"]))
    return {i["name"]: (i["status"], i["summary"]) for i in result["items"]}


def test_credentials_are_judged_where_units_load_them_from(place):
    key = put(place / "key")
    assert credential(place, f"LoadCredential=db:{key}\n") == {
        "app.service:db": ("ok", f"there, and right; comes from {key}; app.service does not run now")}
    key.chmod(0o644)
    assert credential(place, f"LoadCredential=db:{key}\n")["app.service:db"][0] == "critical"
    key.unlink()
    status, said = credential(place, f"LoadCredential=db:{key}\n")["app.service:db"]
    assert status == "critical" and f"{key} is not there: put the secret there" in said


def test_a_credential_whose_value_stands_in_the_unit_is_critical(place):
    status, said = credential(place, f"SetCredential=db:\\\n  {VALUE}\n")["app.service:db"]
    assert status == "critical" and f"its value stands in {place}/units/app.service:2, which everybody may ask" in said


def test_the_environment_of_a_unit_with_credentials_holds_names_never_values(place):
    key = put(place / "key")
    told = credential(place, f'LoadCredential=db:{key}\nEnvironment=A=1 \\\n  "DB_PASSWORD={OTHER}"\nEnvironment=DB_PASSWORD_FILE=%d/db\n')
    assert told["app.service:db"][0] == "ok"
    assert told["app.service environment"] == (
        "critical", f"{place}/units/app.service:3 puts a secret into the environment: load it by LoadCredential= instead")


def test_drop_ins_count_and_what_is_not_declared_is_critical(place):
    key = put(place / "key")
    put(place / "units/app.service.d/a.conf", f"[Service]\nLoadCredential=db:{key}\n", 0o644)
    assert credential(place, "", "credentials=app.service:db")["app.service:db"][0] == "ok"
    assert credential(place, "", "credentials=app.service:x") == {
        "app.service:x": ("critical", "the unit neither loads nor sets it: add LoadCredential= to the unit")}
    assert credential(place, "", "credentials=gone.service")["gone.service"][0] == "critical"
    assert credential(place, "", "credentials=no-such-credential")["no-such-credential"] == (
        "critical", "no-such-credential is in no credential store: put it into /etc/credstore")
    (place / "units/app.service.d/a.conf").write_text("[Service]\nLoadCredential=\n")
    assert credential(place, "")["app.service"] == (
        "critical", "the unit loads no credentials: add LoadCredential= to the unit")


def test_a_credential_from_a_socket_or_with_a_strange_specifier_is_said(place):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "s"))
        assert credential(place, f"LoadCredential=db:{place}/s\n")["app.service:db"][0] == "ok"
    assert credential(place, "LoadCredential=db:%d/x\n")["app.service:db"][0] == "unknown"
    put(place / "app.key", OTHER)
    assert credential(place, f"LoadCredential=db:{place}/%N.key\n")["app.service:db"][0] == "ok"


def test_a_folder_of_credentials_stands_for_its_files(place):
    put(place / "keys/a", VALUE), put(place / "keys/b", OTHER, 0o644)
    told = credential(place, f"LoadCredential=db:{place}/keys\n")
    assert {name: status for name, (status, _) in told.items()} == {"app.service:db_a": "ok", "app.service:db_b": "critical"}


def test_a_unit_that_runs_with_an_older_value_must_be_restarted(place):
    name = f"gavea-test-{os.getpid()}.service"
    running = Path("/run/credentials", name)
    key = put(place / "key")
    put(place / "units" / name, f"[Service]\nLoadCredential=db:{key}\n", 0o644)
    try:
        put(running / "db", OTHER)
        item, = run(f"unit_paths={place}/units", f"credentials={name}:db")["items"]
        assert item["status"] == "warning", item
        assert f"{name} runs with another value than its file has now: restart it" in item["summary"]
        put(running / "db", VALUE)
        item, = run(f"unit_paths={place}/units", f"credentials={name}:db")["items"]
        assert item["status"] == "ok"
        (running / "db").unlink()
        item, = run(f"unit_paths={place}/units", f"credentials={name}:db")["items"]
        assert item["status"] == "critical"
    finally:
        shutil.rmtree(running, ignore_errors=True)
        if not any(running.parent.iterdir()):
            running.parent.rmdir()


@pytest.mark.parametrize("options, message", [
    (["files=relative"], 'files: "relative" is not an absolute path'),
    (["files=/x", "owner=no-such-user"], 'owner: there is no user "no-such-user" on this host'),
    (["files=/x", "group=no-such-group"], 'group: there is no group "no-such-group" on this host'),
    (["files=/x", "mode=rw"], 'mode: "rw" is not of three or four octal digits, such as 0640'),
    (["files=/x", "acl=nobody"], 'acl: "nobody" is neither user:NAME nor group:NAME'),
    (["credentials=../x"], 'credentials: "../x" is not of the form app.service:NAME, app.service or NAME'),
])
def test_bad_demands_are_named(options, message):
    result = run(*options)
    assert result["status"] == "unknown" and message in json.dumps(result).replace('\\"', '"')
