# SPDX-License-Identifier: Apache-2.0
"""A real systemd in a container: a Debian tree that is made once, a copy of it for each boot.

The tree holds all libraries that our packages depend on, so that a test needs no network.
"""
import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

PACKAGES = sorted("""ca-certificates dbus haproxy libarchive13 libc-ares2 libcap-ng0 libconfig9 libcurl4
    libgnutls30 libjansson4 libmicrohttpd12 libpam-systemd libpcre2-8-0 libprotobuf-c1 libseccomp2 libsqlite3-0 libssl3
    libvectorscan5 libyaml-0-2 libzstd1 nginx-light openssl polkitd systemd systemd-sysv""".split())
SERVICES = ("haproxy", "nginx")  # that come with packages, and which tests start in their own way
CONTROLLERS = ("memory", "pids", "cpu", "cpuacct", "systemd", "unified")
CGROUP = Path("/sys/fs/cgroup")


def base_tree(cache):
    """The path of the tree, made by debootstrap unless it is there (a minute or two, and the network)."""
    key = hashlib.sha256(" ".join((*PACKAGES, *SERVICES)).encode()).hexdigest()[:12]
    tree = cache / f"nspawn-base-{key}"
    if not tree.exists():
        fresh = cache / f"nspawn-base-{key}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), "bookworm", fresh],
                       check=True, stdin=subprocess.DEVNULL)
        shutil.rmtree(fresh / "var/cache/apt/archives", ignore_errors=True)
        for service in SERVICES:
            (fresh / f"etc/systemd/system/{service}.service").symlink_to("/dev/null")
        fresh.rename(tree)
    return tree


def own_cgroups():
    """The folder of this process in each hierarchy that there is."""
    folders = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, names, path = line.split(":", 2)
        for name in names.removeprefix("name=").split(",") if names else ["unified" if number == "0" else ""]:
            folder = CGROUP / name / path.lstrip("/")
            if name in CONTROLLERS and folder.is_dir():
                folders.append(folder)
            elif name == "unified" and (CGROUP / "cgroup.controllers").exists():
                folders.append(CGROUP / path.lstrip("/"))
    return folders


class Container:
    """One booted copy of a tree. Use with `with`."""

    def __init__(self, base, root):
        self.root, self.name = root, f"gavea-test-{os.getpid()}"
        self.cgroups, self.leader, self.nspawn = [], None, None
        subprocess.run(["cp", "-a", "--reflink=auto", base, root], check=True)
        # Without this, systemd asks on the console for what a first boot wants to know.
        (root / "etc/machine-id").write_text("")
        (root / "etc/hostname").write_text("gavea-test\n")

    def __enter__(self):
        self.boot()
        return self

    def boot(self):
        """Boots the tree as it is."""
        self.cgroups = [folder / self.name for folder in own_cgroups()]
        for folder in self.cgroups:
            folder.mkdir(exist_ok=True)
        enter = "; ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self.cgroups) or ":"
        command = (f"{enter}; exec systemd-nspawn -q -D {self.root} -M {self.name} --boot --register=no --keep-unit "
                   "--private-network --console=passive --link-journal=no")
        with open(f"{self.root}.console", "ab") as console:
            self.nspawn = subprocess.Popen(["setsid", "sh", "-c", command], stdin=subprocess.DEVNULL, stdout=console,
                                           stderr=subprocess.STDOUT)
        try:
            self.leader = self.wait("the container's systemd", self.find_leader)
            for name in ("memory", "pids", "cpu", "cpuacct"):
                if (CGROUP / name).is_dir():
                    # Mounted read-only, limits would be accepted and silently not enforced.
                    subprocess.run(["nsenter", "-t", str(self.leader), "-m", "mount", "-o", "remount,bind,rw",
                                    f"/sys/fs/cgroup/{name}"], check=False)
            self.wait("the end of the boot", lambda: self.run("systemctl", "is-system-running", check=False)
                      .stdout.strip() in ("running", "degraded"))
            self.run("systemctl", "daemon-reexec")
        except BaseException:
            self.__exit__()
            raise

    def power_off(self):
        """As if the power failed, as far as a kernel that goes on can tell: all processes are gone at once. boot() follows."""
        os.kill(self.leader, signal.SIGKILL)
        self.nspawn.wait(30)
        self.leader = None
        self.remove_cgroups()

    def __exit__(self, *_):
        if self.leader:
            os.kill(self.leader, signal.SIGRTMIN + 4)
        elif self.nspawn:
            self.nspawn.terminate()
        try:
            self.nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
        self.remove_cgroups()
        shutil.rmtree(self.root, ignore_errors=True)

    def remove_cgroups(self):
        for folder in self.cgroups:
            for path, _, _ in list(os.walk(folder, topdown=False)):
                try:
                    os.rmdir(path)
                except OSError:
                    pass

    def wait(self, what, condition, patience=60):
        end = time.monotonic() + patience
        while True:
            value = condition()
            if value:
                return value
            if self.nspawn.poll() is not None or time.monotonic() > end:
                console = Path(f"{self.root}.console").read_text(errors="replace")
                raise AssertionError(f"{what} did not come; the console said:\n{console[-3000:]}")
            time.sleep(0.1)

    def find_leader(self):
        """The child of systemd-nspawn that is the container's PID 1."""
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        for child in children:
            try:
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
            except OSError:
                pass
        return None

    def run(self, *command, check=True, env=None):
        """Runs a command inside. Returns subprocess's CompletedProcess, with text."""
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                               "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                               *(f"{k}={v}" for k, v in (env or {}).items()), *map(str, command)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-u", unit, "-o", "cat", check=False).stdout
