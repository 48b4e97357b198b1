# SPDX-License-Identifier: Apache-2.0
"""Going back by hand from every state of a swap, behind a real HAProxy: one shop, aborted again and again."""
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from conftest import wait_until  # noqa: E402
from swap_shop import Clients  # noqa: E402
from swap_site import CANARY, Site, needs_haproxy  # noqa: E402

pytestmark = needs_haproxy
HOOKS = ("before", "migrate", "deploy", "smoke", "after", "done")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A shop whose hooks each wait as long as there is a file of their phase's name."""
    folder = tmp_path_factory.mktemp("abort")
    waits = folder / "shop/waits"
    hooks = [f"{phase}/wait timeout=5min on_failure=freeze -- /bin/sh -c 'while [ -e {waits}/{phase} ]; do sleep 0.1; done; "
             f"! [ -e {waits}/{phase}.fails ]'" for phase in HOOKS]
    usual = {**CANARY, "steps": ["50% 1h", "100% 1h"], "keep_old": "1h", "hooks": hooks, "drain_timeout": "5min", "gates": []}
    made = Site(folder, **usual)
    made.usual, made.waits = usual, waits
    made.digest = made.shop.release("v2")
    waits.mkdir()
    yield made
    made.close()


@pytest.fixture
def held(one):
    """held("before"): swaps stay in this phase until the test is over."""
    def hold(name):
        (one.waits / name).touch()
    yield hold
    for path in one.waits.iterdir():
        path.unlink()


@pytest.fixture
def slow_server():
    """The port of a server that takes requests and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def back(one, release="v2"):
    """Asks for it, and sees that blue serves and no client noticed."""
    one.command("abort", "by=test")
    went_back(one, release)


def went_back(one, release="v2"):
    assert one.end(release) == "ROLLED_BACK"
    assert "aborted by test" in one.status()["last"]["reason"]
    one.serves("blue", "v1")
    assert one.shop.run_as("green") is None
    assert not one.shop.clients.failures, one.shop.clients.failures[:10]


def promote(one, *states):
    for state in states:
        one.wait_for(state)
        one.command("promote", "by=test")


def waits_for(one, text):
    one._wait(f"it to wait for {text}", lambda: text in one.status().get("waiting_for", ""))


@pytest.mark.parametrize("phase, state", [("before", "PRECHECK"), ("migrate", "MIGRATE"), ("deploy", "STARTED"), ("smoke", "SMOKE"),
                                          ("after", "BAKE")])
def test_while_a_hook_runs(one, held, phase, state):
    held(phase)
    one.swap("v2", one.digest)
    if state == "BAKE":
        promote(one, "HOLD 1", "HOLD 2")
    one.wait_for(state)
    waits_for(one, f"{phase}/wait runs")
    back(one)


def test_while_the_artefact_is_fetched(one, slow_server):
    one.configure(**{**one.usual, "artefact": f"http://127.0.0.1:{slow_server}/%r.tar.gz"})
    one.agent.cli("reload")
    try:
        one.swap("v9", one.digest)
        one.wait_for("STAGED")
        back(one, release="v9")
    finally:
        one.configure(**one.usual)
        one.agent.cli("reload")


def test_while_the_proxy_can_not_be_told_the_share(one, held):
    held("smoke")
    one.swap("v2", one.digest)
    one.wait_for("SMOKE")
    one.shop.clients.stop()
    one.shop.stop_proxy()
    (one.waits / "smoke").unlink()
    one.wait_for("SHIFT")
    one.command("abort", "by=test")
    one.wait_for("ROLLING_BACK")
    again = one.command("abort", "by=test", check=False)
    assert again.returncode != 0 and "it is going back already" in again.stderr
    one.shop.start_proxy()
    went_back(one)
    one.shop.clients = Clients(one.shop.front)


@pytest.mark.parametrize("state", ["HOLD 1", "HOLD 2"])
def test_in_a_hold(one, state):
    one.swap("v2", one.digest)
    if state == "HOLD 2":
        promote(one, "HOLD 1")
    one.wait_for(state)
    back(one)


def test_while_the_old_colour_still_has_a_client(one):
    wait = one.shop.folder / "blue.wait"
    wait.touch()
    with socket.create_connection(("127.0.0.1", one.shop.front)) as client:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        wait_until("the request to reach blue", lambda: one.shop.sessions("shop_blue"))
        one.swap("v2", one.digest)
        promote(one, "HOLD 1", "HOLD 2")
        one.wait_for("DRAIN")
        waits_for(one, "session")
        back(one)
        wait.unlink()
        assert b"blue v1" in client.makefile("rb").read(), "it got its answer in the end"


def test_when_it_is_frozen_and_for_good(one, held):
    held("smoke.fails")
    digest = one.shop.release("v3")
    one.swap("v3", digest)
    one.wait_for("FROZEN")
    one.command("rollback", "by=test")
    assert one.end("v3") == "ROLLED_BACK"
    one.serves("blue", "v1")
    again = one.swap("v3", digest, check=False)
    assert again.returncode != 0 and "ban" in again.stdout + again.stderr


def test_but_not_when_the_old_colour_is_being_stopped(one, held):
    held("done")
    one.swap("v2", one.digest)
    promote(one, "HOLD 1", "HOLD 2", "BAKE")
    one.wait_for("FINALIZE")
    refused = one.command("abort", "by=test", check=False)
    assert refused.returncode != 0 and "FINALIZE only goes forward" in refused.stderr
    (one.waits / "done").unlink()
    assert one.end() == "DONE"
    one.serves("green", "v2")
    one.nothing_failed()
