# SPDX-License-Identifier: Apache-2.0
"""A shop to be swapped by the packaged agent, set up as the manuals say, word for word but for times: the blocks of
plugins/swap/README.md and proxies.md, conf.d/swap.conf with its comment signs taken away, the shipped rule for polkit."""
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PORTS = {"blue": 8001, "green": 8002}
# The app has a user of its own: neither root nor the agent's.
UNIT = """[Service]
User=www-data
RuntimeDirectory=shop-%i
ExecStart=/usr/sbin/nginx -c /srv/shop/%i/conf/nginx.conf -g 'daemon off; pid /run/shop-%i/pid;'
KillSignal=SIGQUIT
TimeoutStopSec=10
"""
BACKUP = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'id -un >>/run/backed-up'\n"
NGINX = """worker_processes 1;
error_log /dev/null;
events {{}}
http {{
    access_log off;
    client_body_temp_path /run/shop-{colour}/a; proxy_temp_path /run/shop-{colour}/b; fastcgi_temp_path /run/shop-{colour}/c;
    uwsgi_temp_path /run/shop-{colour}/d; scgi_temp_path /run/shop-{colour}/e;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{version}"; }} }}
}}
"""
SYSTEMCTL = "/usr/bin/systemctl --no-ask-password"
SHORTER = (
    (r'every = "5s"', 'every = "500ms"'),
    (r'steps = \[.*\]', 'steps = [ "50% 1s", "100% 1s" ]; settle = "500ms"'),
    (r'keep_old = "24h"', 'keep_old = "1s"'),
    (r'# (artefact = )".*"', r'\1"/srv/artefacts/%r.tar"'),
    (r'# (directory|link)', r'\1'),
    (r'preflight = .*', 'preflight = [ ];'),
    (r'(?s)hooks = \[.*?\];', f'hooks = [ "before/backup -- {SYSTEMCTL} start shop-backup.service" ];'),
)
CLIENT = """
import collections, http.client, json, sys, time, threading
seen, stop = collections.Counter(), threading.Event()
def ask():
    while not stop.is_set():
        try:
            c = http.client.HTTPConnection("127.0.0.1", 80, timeout=30); c.request("GET", "/"); a = c.getresponse()
            seen[f"{a.status} {a.read().decode()[:40]}"] += 1; c.close()
        except Exception as e:
            seen["failed " + type(e).__name__] += 1
        time.sleep(0.01)
threads = [threading.Thread(target=ask) for _ in range(4)]
[t.start() for t in threads]; sys.stdin.read(); stop.set(); [t.join() for t in threads]; print(json.dumps(seen))
"""


def block(page, name):
    """The fenced block of a manual with this name."""
    return re.search(rf"^```{name}\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S).group(1)


def configuration():
    """conf.d/swap.conf as somebody has it who uncommented it."""
    lines = (ROOT / "conf.d/swap.conf").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("# swap: {"))
    text = "\n".join(re.sub("^# ?", "", line) for line in lines[start:]) + "\n"
    for pattern, instead in SHORTER:
        text, count = re.subn(pattern, instead, text)
        assert count, pattern
    return text


class Site:
    """The shop in a box. Use with `with`: what it puts into /etc and /var goes away again."""

    def __init__(self, box):
        self.box, self.client = box, None
        self.kept = {path: self.path(path).read_bytes() for path in ("/etc/gavea/conf.d/swap.conf", "/etc/haproxy/haproxy.cfg")}

    def path(self, path):
        return self.box.root / path.lstrip("/")

    def __enter__(self):
        self.path("/etc/systemd/system/haproxy.service").unlink()
        self.path("/etc/systemd/system/shop@.service").write_text(UNIT)
        self.path("/etc/systemd/system/shop-backup.service").write_text(BACKUP)
        frontend = block("plugins/swap/proxies.md", "haproxy shop").partition("frontend shop")
        self.path("/etc/haproxy/haproxy.cfg").write_text(
            self.kept["/etc/haproxy/haproxy.cfg"].decode() + "    default-server inter 200ms fall 2 rise 1\n\n" +
            "".join(frontend[1:]))
        self.release("v1", "blue")
        folder = self.path("/srv/shop/releases/v1")
        folder.mkdir(parents=True)
        with tarfile.open(self.path("/srv/artefacts/v1.tar")) as archive:
            archive.extractall(folder)
        self.path("/srv/shop/blue").symlink_to("/srv/shop/releases/v1")
        self.path("/etc/gavea/conf.d/swap.conf").write_text(configuration())
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "start", "shop@blue")
        return self

    def __exit__(self, *_):
        if self.client:
            self.client.kill()
            self.client.wait()
        self.box.run("systemctl", "stop", "haproxy", "shop@blue", "shop@green", check=False)
        for path, content in self.kept.items():
            self.path(path).write_bytes(content)
        self.box.run("rm", "-rf", "/etc/haproxy/gavea", "/var/lib/haproxy/gavea", "/etc/polkit-1/rules.d/50-gavea-swap.rules",
                     "/etc/systemd/system/shop@.service", "/etc/systemd/system/shop-backup.service", "/srv/shop", "/srv/artefacts",
                     "/var/lib/haproxy/dev/log")
        self.path("/etc/systemd/system/haproxy.service").symlink_to("/dev/null")
        self.box.run("systemctl", "daemon-reload")
        self.box.run("systemctl", "reload", "gavead")

    def give_rights(self):
        """What the manual says to do as root; the rule with the hook's unit."""
        commands = [line for line in block("plugins/swap/README.md", "sh rights").splitlines() if "apt-get" not in line]
        self.box.run("sh", "-e", "-c", "\n".join(commands))
        rule = self.path("/etc/polkit-1/rules.d/50-gavea-swap.rules")
        rule.write_text(rule.read_text().replace("// /^shop-backup", "/^shop-backup"))
        self.box.run("systemctl", "restart", "haproxy")

    def release(self, version, colour):
        """An artefact without entries for its folders; returns its digest."""
        text = NGINX.format(version=version, colour=colour, port=PORTS[colour]).encode()
        path = self.path(f"/srv/artefacts/{version}.tar")
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo("conf/nginx.conf")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()

    def status(self):
        done = self.box.run("gavea", "command", "swap/shop", "status", "json=yes", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"state": "?", "summary": done.stderr}

    def wait(self, what, condition):
        def met():
            status = self.status()
            return status if condition(status) else None
        try:
            return self.box.wait(what, met, 90)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.status()}\n{self.box.run('gavea', 'events', check=False).stdout[-3000:]}\n"
                                 f"{self.box.journal('gavead')[-2000:]}") from None

    def begin_asking(self):
        # pylint: disable-next=consider-using-with
        self.client = subprocess.Popen(["nsenter", "-t", str(self.box.leader), "-n", sys.executable, "-c", CLIENT],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end_asking(self):
        seen = json.loads(self.client.communicate(timeout=60)[0])
        self.client = None
        return seen
