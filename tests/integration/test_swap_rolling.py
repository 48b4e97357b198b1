# SPDX-License-Identifier: Apache-2.0
"""Rolling swaps behind a real HAProxy: this host is one of two servers, is drained, restarted, and returned; clients notice nothing."""
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import swap_shop  # noqa: E402
from conftest import wait_until  # noqa: E402
from swap_site import Site  # noqa: E402

pytestmark = pytest.mark.skipif(shutil.which("haproxy", path="/usr/sbin:/usr/bin") is None, reason="haproxy is not installed")

# The copy that the shop calls green stands for another host, which always serves.
HAPROXY = swap_shop.HAPROXY.split("    http-request set-var")[0] + """
    default_backend shop
backend shop
    balance roundrobin
    server host1 127.0.0.1:{blue} check
    server host2 127.0.0.1:{green} check
"""
ROLLING = {"strategy": "rolling", "steps": ["100% 1s"], "server": "shop/host1", "haproxy_map": None, "backend_blue": "shop/host1",
           "gates": ["error_rate < 5%"]}


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setattr(swap_shop, "HAPROXY", HAPROXY)
    monkeypatch.setattr(swap_shop.Shop, "install", with_a_neighbour(swap_shop.Shop.install))
    made = []

    def make(**options):
        made.append(Site(tmp_path, **{**ROLLING, **options}))
        return made[0]
    yield make
    for one in made:
        one.close()


def with_a_neighbour(install):
    def both(shop, colour, version, **behaviour):
        install(shop, colour, version, **behaviour)
        (shop.folder / "green").symlink_to(shop.folder / "releases" / version)
        shop.supervisor.start("green")
        wait_until("the neighbour to run", lambda: shop.supervisor.status("green") == 0)
    return both


def test_this_host_is_drained_restarted_and_returned_and_no_request_fails(host):
    one = host()
    one.swap("v2")
    assert one.end() == "DONE"
    assert one.shop.run_as("blue") == "v2" and one.shop.run_as("green") == "v1"
    seen = one.shop.clients.seen("v2")
    wait_until("clients at the new release", lambda: one.shop.clients.seen("v2") > seen)
    one.nothing_failed()


def test_a_release_that_does_not_start_goes_back_and_no_request_fails(host):
    one = host(start_timeout="5s")
    one.swap("v2", refuse_start=True)
    assert one.end() == "ROLLED_BACK"
    assert one.shop.run_as("blue") == "v1"
    one.nothing_failed()
