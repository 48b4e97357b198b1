# SPDX-License-Identifier: Apache-2.0
"""Whole swaps behind a real nginx, on the configuration of plugins/swap/proxies.md, with clients that never stop."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from swap_lab import PATH, block, placed  # noqa: E402
from swap_shop import Shop  # noqa: E402
from swap_site import BLUE_GREEN, CANARY, site  # noqa: E402, F401

NGINX = shutil.which("nginx", path=PATH)
FRAME = """
daemon off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/error.log;
worker_shutdown_timeout 10m;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  {block}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class NginxShop(Shop):
    """A shop with nginx where others have HAProxy."""

    def __init__(self, folder):
        super().__init__(folder)
        self.include, self.log, self.nginx_config = folder / "shop.conf", folder / "access.log", folder / "nginx.conf"
        self.include.write_text(block("include shop"))
        self.supervisor.reload = self.reload

    def start_proxy(self):
        text = placed(block("nginx shop"), ("127.0.0.1:8001", f"127.0.0.1:{self.ports['blue']}"),
                      ("127.0.0.1:8002", f"127.0.0.1:{self.ports['green']}"), ("/etc/nginx/gavea/shop.conf", self.include),
                      ("listen 80", f"listen 127.0.0.1:{self.front}"), ("/var/log/nginx/gavea-shop.log", self.log))
        self.nginx_config.write_text(FRAME.format(folder=self.folder, block=text))
        with open(self.folder / "nginx.log", "ab") as log:
            self.haproxy = subprocess.Popen([NGINX, "-c", self.nginx_config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)

    def reload(self):
        """What systemctl reload nginx does, of which the agent's worker has no right to do it itself."""
        return subprocess.run([NGINX, "-c", self.nginx_config, "-s", "reload"], stdin=subprocess.DEVNULL, check=False).returncode

    def config(self, every="1s", **options):
        return super().config(every, **{
            "traffic": "nginx", "haproxy_socket": None, "haproxy_map": None, "counts_socket": None, "nginx_include": self.include,
            "counts_file": self.log, "reload": [self.supervisor.command, "reload"], "drain_timeout": "2min", **options})

    def stored_share(self):
        found = re.search(r"share: (\d+)\n# applied: yes\n", self.include.read_text())
        return int(found[1]) if found else None

    def live_share(self):
        """Asked of nginx: who answers. Exact for 0 and 100 % only, which is what it is at rest."""
        answers = {self.answer_of_one() for _ in range(20)}
        return {frozenset({"blue"}): 0, frozenset({"green"}): 10000}.get(frozenset(answers))

    def check_neighbours(self):
        assert self.include.read_text().startswith("# Written by gavea")


@pytest.mark.parametrize("options", [BLUE_GREEN, CANARY], ids=["blue-green", "canary"])
def test_a_good_release_takes_over_without_one_failed_request(site, options):
    one = site(kind=NginxShop, **options)
    one.swap("v2")
    assert one.end() == "DONE"
    one.serves("green", "v2")
    assert one.shop.run_as("blue") is None, "the old colour is stopped in the end"
    one.nothing_failed()
    assert one.shop.clients.seen("v2") > 100


def test_a_bad_release_is_rolled_back_and_banned(site):
    one = site(kind=NginxShop, **{**CANARY, "steps": ["50% 1h", "100% 1s"]})
    digest = one.shop.release("v2", errors=0.5)
    one.swap("v2", digest)
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    assert "error_rate < 5%" in one.status()["last"]["reason"]
    again = one.swap("v2", digest, check=False)
    assert again.returncode != 0 and "ban" in again.stdout + again.stderr
    one.shop.clients.stop()
    assert all(version == "v2" for _, _, version, _ in one.shop.clients.failures), "blue's clients notice nothing"


def test_a_release_whose_connections_break_is_seen_though_blue_saves_its_clients(site):
    one = site(kind=NginxShop, **{**CANARY, "steps": ["50% 1h", "100% 1s"]})
    one.swap("v2", hang=0.5)
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    assert "error_rate < 5%" in one.status()["last"]["reason"]
    one.nothing_failed()


def test_a_reload_that_fails_changes_nothing_and_is_told(site):
    one = site(kind=NginxShop, **{**CANARY, "shift_timeout": "3s"})
    one.shop.supervisor.reload = lambda: 1
    one.swap("v2")
    assert one.end() == "ROLLED_BACK"
    one.serves("blue", "v1")
    assert re.fullmatch("SHIFT was not over in time: .*ctl: exited with status 1.*", one.status()["last"]["reason"])
    one.nothing_failed()
