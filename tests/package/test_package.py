# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: built, judged by lintian, installed in a container with a real systemd, upgraded and purged."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import nspawn
import swap_site

ROOT = Path(__file__).resolve().parents[2]
FLEET_URL = "http://127.0.0.1:8470"
# What the user database and systemd leave behind wherever a package adds a user or a service.
LEFT = re.compile(r"^/(etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|etc/\.pwd\.lock|"
                  r"var/lib/(dpkg|systemd|private|apt|ucf)/.*|var/lib/(dpkg|systemd|private)|var/(log|cache|tmp)(/.*)?|"
                  r"var/lib/private)$")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="building and booting containers needs root")


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def packages():
    """{name: path} of what `make deb` makes."""
    run("make", "-s", "deb", cwd=ROOT)
    found = {path.name.split("_")[0]: path for path in (ROOT / "build/deb").glob("*.deb") if "dbgsym" not in path.name}
    assert set(found) == {"gavea", "gavea-fleet", "gavea-dev", "gavea-dns", "gavea-secret"}
    return found


@pytest.fixture(scope="module")
def later(packages, tmp_path_factory):
    """The same packages with a higher version."""
    made = {}
    for name, path in packages.items():
        tree = tmp_path_factory.mktemp("later") / name
        run("dpkg-deb", "-R", path, tree)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*$", r"\g<0>+later1", control.read_text(), flags=re.M))
        made[name] = tree.parent / f"{name}.deb"
        run("dpkg-deb", "--root-owner-group", "-b", tree, made[name])
    return made


@pytest.fixture(scope="module")
def container(packages):
    """A container with our packages in it, but not installed."""
    if not shutil.which("systemd-nspawn") or not shutil.which("debootstrap"):
        pytest.skip("systemd-nspawn or debootstrap is not installed")
    root = ROOT / "build" / f"nspawn-run-{os.getpid()}"
    try:
        box = nspawn.Container(nspawn.base_tree(ROOT / "build"), root)
        for path in packages.values():
            shutil.copy(path, root / "root")
        with box:
            yield box
    finally:
        shutil.rmtree(root, ignore_errors=True)


def files(box):
    """All paths below /etc, /usr and /var, but what is left wherever users and services are."""
    listed = box.run("find", "/etc", "/usr", "/var", "/lib/systemd", "-xdev").stdout.splitlines()
    return {path for path in listed if not LEFT.match(path)}


def show(box, unit, key):
    return box.run("systemctl", "show", "-P", key, unit).stdout.strip()


def settle(box, unit):
    box.wait(f"{unit} to be active", lambda: show(box, unit, "ActiveState") == "active" or None)


@pytest.fixture(scope="module")
def before(container):
    return files(container)


@pytest.fixture(scope="module")
def installed(container, before, packages):
    for name in ("gavea", "gavea-fleet"):
        container.run("dpkg", "-i", f"/root/{packages[name].name}")
    return container


def test_lintian_has_no_errors_and_no_warnings(packages):
    said = run("lintian", "--fail-on", "error,warning", "--allow-root", *packages.values())
    assert not re.search(r"^[EW]:", said, re.M), said


def test_nothing_of_the_build_machine_is_in_the_packages(packages):
    for path in packages.values():
        names = run("dpkg-deb", "-c", path)
        assert "/usr/local" not in names
        for line in names.splitlines():
            assert line.split()[1] == "root/root", line


def test_the_plugin_header_works_for_a_compiler_that_knows_only_pkg_config(packages, tmp_path):
    run("dpkg-deb", "-x", packages["gavea-dev"], tmp_path / "dev")
    pc = next((tmp_path / "dev").glob("usr/lib/*/pkgconfig/gavea.pc"))
    env = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent), PKG_CONFIG_SYSROOT_DIR=str(tmp_path / "dev"))
    flags = run("pkg-config", "--cflags", "gavea", env=env).split()
    assert run("pkg-config", "--variable=plugindir", "gavea", env=env).strip().endswith("/gavea/plugins")
    for compiler, standard in (("gcc", "c99"), ("gcc", "c17"), ("g++", "c++17")):
        if not shutil.which(compiler):
            continue
        source = tmp_path / ("x.cc" if compiler == "g++" else "x.c")
        source.write_text("#include <gavea/plugin.h>\nint main() { return GAVEA_OK; }\n")
        run(compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic", *flags, "-fsyntax-only", source)


def test_the_units_are_accepted_by_systemd_without_a_word(installed):
    for unit in ("gavead.service", "gavea-fleetd.service"):
        done = installed.run("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{unit}")
        assert done.stderr == ""


@pytest.mark.parametrize("unit,most", [("gavead.service", 40), ("gavea-fleetd.service", 15)])
def test_the_units_are_hardened(installed, unit, most):
    """The exposure that systemd computes, times ten. gavead.service says why it cannot have a mount namespace."""
    installed.run("systemd-analyze", "security", "--offline=true", f"--threshold={most}",
                  f"/lib/systemd/system/{unit}")


@pytest.mark.parametrize("unit,user", [("gavead", "gavea"), ("gavea-fleetd", "gavea-fleet")])
def test_the_service_starts_by_itself_and_says_ready(installed, unit, user):
    settle(installed, unit)
    assert show(installed, unit, "NRestarts") == "0", installed.journal(unit)
    assert show(installed, unit, "Type") == "notify"
    assert show(installed, unit, "WatchdogUSec") == "30s"
    assert show(installed, unit, "User") == user
    assert installed.run("systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    pid = show(installed, unit, "MainPID")
    assert installed.run("ps", "-o", "user:32=", "-p", pid, check=False).stdout.strip() in (user, "")


def test_the_agent_sees_the_mounts_that_the_host_has(installed):
    settle(installed, "gavead")
    pid = show(installed, "gavead", "MainPID")
    assert installed.run("readlink", f"/proc/{pid}/ns/mnt").stdout == \
        installed.run("readlink", "/proc/1/ns/mnt").stdout


def test_the_shipped_configuration_is_valid(installed):
    installed.run("gavea", "config", "check")


def test_the_status_shows_the_host(installed):
    settle(installed, "gavead")

    def shown():
        return "host/" in installed.run("gavea", "status", check=False).stdout
    installed.wait("the host's check in gavea status", shown)


def test_every_reader_but_the_services_is_kept_from_the_token(installed):
    for name in ("report.token", "read.token"):
        said = installed.run("stat", "-c", "%a %U %G", f"/etc/gavea-fleet/{name}").stdout.strip()
        assert said == "640 root gavea-fleet"


def test_the_agent_reports_to_the_server(installed):
    configure_reports(installed)
    installed.wait("the host in the fleet", lambda: "host/" in fleet(installed, "checks").stdout)
    assert "gavea-test" in fleet(installed, "hosts").stdout


def configure_reports(box):
    box.run("install", "-o", "root", "-g", "gavea", "-m", "640", "/etc/gavea-fleet/report.token",
            "/etc/gavea/fleet.token")
    write(box, "/etc/gavea/conf.d/central.conf",
          f'fleet: {{ checks = ( {{ name = "central"; url = "{FLEET_URL}"; '
          'token = "${file:/etc/gavea/fleet.token}"; } ); };\n')
    box.run("systemctl", "reload", "gavead")


def write(box, path, text):
    (box.root / path.lstrip("/")).write_text(text)


def fleet(box, what):
    return box.run("gavea", "fleet", what, "--url", FLEET_URL, "--token-file", "/etc/gavea-fleet/read.token", check=False)


def test_the_secret_plugin_of_its_own_package_finds_a_planted_token(installed, packages):
    """Whether its libraries are there, and its rules are in it: put together here, so that no scanner finds it in this file."""
    token = "gl" + "pat-" + "x7Qm2Kd9" + "Wv4Rt6Yb1Zn5"
    assert "secret" not in installed.run("gavea", "plugins", check=False).stdout
    installed.run("dpkg", "-i", f"/root/{packages['gavea-secret'].name}")
    installed.run("mkdir", "-p", "/srv/app")
    write(installed, "/srv/app/config.py", f'key = "{token}"\n')
    done = installed.run("gavea", "run", "secret", "scan=/srv/app", check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "/srv/app/config.py:1 gitlab-pat" in done.stdout and token not in done.stdout + done.stderr
    installed.run("gavea", "config", "check")
    installed.run("rm", "-r", "/srv/app")
    installed.run("dpkg", "--purge", "gavea-secret")


def test_a_swap_works_as_the_agents_user_with_the_rights_that_the_manual_names_and_no_others(installed):
    with swap_site.Site(installed) as site:
        installed.run("systemctl", "reload", "gavead")
        site.wait("the agent to miss its rights", lambda s: "can't be seen" in s["summary"])
        said = installed.run("gavea", "preflight", "shop", check=False).stdout
        assert "it may not start: the proxy can't be seen: " in said
        site.give_rights()
        site.wait("the agent to see the shop", lambda s: s["state"] == "IDLE" and "blue serves" in s["summary"])
        site.begin_asking()
        installed.run("gavea", "swap", "start", "shop", "v2", "--digest", site.release("v2", "green"))
        end = site.wait("the end of the swap", lambda s: s["state"] == "IDLE" and s["last"]["release"] == "v2")
        assert end["last"]["outcome"] == "DONE", end
        seen = site.end_asking()
        assert not [what for what in seen if not what.startswith("200 ")] and seen["200 v2"] > 0, seen
        assert installed.run("systemctl", "is-active", "shop@blue", "shop@green", check=False).stdout == "inactive\nactive\n"
        assert site.path("/etc/haproxy/gavea/shares.map").read_text() == "shop 10000\n"
        assert installed.run("cat", "/run/backed-up").stdout == "root\n"
        for forbidden in (("systemctl", "stop", "haproxy"), ("systemd-run", "true"), ("systemctl", "kill", "shop@green"),
                          ("systemctl", "set-property", "--runtime", "shop@green", "TasksMax=1")):
            assert installed.run("runuser", "-u", "gavea", "--", forbidden[0], "--no-ask-password", *forbidden[1:],
                                 check=False).returncode != 0, forbidden


def test_a_hanging_manager_is_killed_by_the_watchdog_and_comes_back(installed):
    settle(installed, "gavead")
    installed.run("mkdir", "-p", "/run/systemd/system/gavead.service.d")
    installed.run("sh", "-c", "printf '[Service]\\nWatchdogSec=2s\\nTimeoutAbortSec=1s\\nRestartSec=100ms\\n' "
                  ">/run/systemd/system/gavead.service.d/quick.conf")
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "restart", "gavead")
    pid = show(installed, "gavead", "MainPID")
    installed.run("sh", "-c", f"kill -STOP {pid}")
    installed.wait("the watchdog", lambda: int(show(installed, "gavead", "NRestarts")) > 0)
    settle(installed, "gavead")
    assert show(installed, "gavead", "MainPID") != pid
    installed.run("rm", "-r", "/run/systemd/system/gavead.service.d")
    installed.run("systemctl", "daemon-reload")
    installed.run("systemctl", "restart", "gavead")


def test_an_upgrade_keeps_identity_state_and_configuration(installed, later):
    identity = installed.run("cat", "/var/lib/gavea/agent-id").stdout
    token = installed.run("cat", "/etc/gavea-fleet/report.token").stdout
    installed.run("sh", "-c", "echo '// mine' >>/etc/gavea/gavea.conf")
    pid = show(installed, "gavead", "MainPID")
    for name in ("gavea", "gavea-fleet"):
        shutil.copy(later[name], installed.root / "root" / f"later-{name}.deb")
        installed.run("dpkg", "--force-confold", "-i", f"/root/later-{name}.deb")
    settle(installed, "gavead")
    settle(installed, "gavea-fleetd")
    assert show(installed, "gavead", "MainPID") != pid, "the upgrade did not restart the agent"
    assert installed.run("cat", "/var/lib/gavea/agent-id").stdout == identity
    assert installed.run("cat", "/etc/gavea-fleet/report.token").stdout == token
    assert installed.run("tail", "-n", "1", "/etc/gavea/gavea.conf").stdout == "// mine\n"
    installed.wait("the host in the fleet after the upgrade", lambda: "gavea-test" in fleet(installed, "hosts").stdout)


def test_a_purge_leaves_nothing_behind(installed, before):
    installed.run("rm", "-f", "/etc/gavea/conf.d/central.conf", "/etc/gavea/fleet.token")
    installed.run("dpkg", "--purge", "gavea", "gavea-fleet")
    assert files(installed) - before == set()
    assert installed.run("sh", "-c", "ls -d /run/gavea* /run/systemd/units/*gavea* 2>/dev/null || true").stdout == ""
    names = installed.run("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null || true").stdout
    assert "gavea" not in names
