# SPDX-License-Identifier: Apache-2.0
"""Shares, drains and counts of swaps with a real HAProxy, on the configuration of plugins/swap/proxies.md."""
import os
import re
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests/support"))
from swap_lab import (BLUE, GREEN, TOOL, Backend, Counter, Haproxy, Rude, Talker, block, free_ports, get,  # noqa: E402
                      get_many, placed, tool)

DONE = {"code": 0, "error": ""}


def haproxy_config(folder, name, port, blue, green, udp):
    """The block with the lab's paths and ports, and checks and time-outs that a test can wait for."""
    text = placed(block(f"haproxy {name}"), ("/run/haproxy/admin.sock", folder / "admin.sock"),
                  ("/gavea/shop.sock", folder / "log.sock"), ("bind :80", f"bind 127.0.0.1:{port}"),
                  ("127.0.0.1:8001", f"127.0.0.1:{blue}"), ("127.0.0.1:8002", f"127.0.0.1:{green}"),
                  ("timeout server 60s", "timeout server 1s\n    timeout tunnel 1h"), (" check", " check inter 100ms"))
    # A second log by UDP: tests that want each line can't do with a queue of ten.
    log = f"log {folder}/log.sock len 2048 format raw local0\n"
    text = placed(text, (log, f"{log}    {log.replace(str(folder / 'log.sock'), f'127.0.0.1:{udp}')}"))
    return text.replace("/etc/haproxy/gavea/shares.map", str(folder / "gavea.map"))


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("haproxy")
    port, udp = free_ports(2)
    blue, green = Backend("blue"), Backend("green")
    (folder / "gavea.map").write_text(block("map shop"))
    haproxy = Haproxy(folder, haproxy_config(folder, "shop", port, blue.port, green.port, udp))
    options = [f"socket={haproxy.socket}", f"map={folder}/gavea.map", "blue=shop_blue", "green=shop_green"]
    lab = SimpleNamespace(folder=folder, port=port, blue=blue, green=green, haproxy=haproxy,
                          words=["haproxy", "app=shop", *options], options=options, map=folder / "gavea.map",
                          counting=[f"log_socket=127.0.0.1:{udp}", "blue=shop_blue", "green=shop_green"],
                          counting_by_path=[f"log_socket={folder}/log.sock", "blue=shop_blue", "green=shop_green"])
    yield lab
    haproxy.stop()
    blue.stop()
    green.stop()


@pytest.fixture
def lab(module_lab):
    """All well: both colours up, all clients with blue."""
    module_lab.map.write_text(block("map shop"))
    assert tool(*module_lab.words, "set", 0) == DONE
    assert tool(*module_lab.words, "ready", BLUE) == tool(*module_lab.words, "ready", GREEN) == DONE
    wait_until("both colours to be up", lambda: up(module_lab) == [1, 1])
    return module_lab


@pytest.fixture
def counter(lab):
    counter = Counter(*lab.counting)
    assert counter.opened == DONE
    yield counter
    counter.stop()


@pytest.fixture
def path_counter(lab):
    counter = Counter(*lab.counting_by_path)
    assert counter.opened == DONE
    yield counter
    counter.stop()


def observe(lab):
    return tool(*lab.words, "observe")


def up(lab):
    seen = observe(lab)
    return [seen[c]["up"] for c in (BLUE, GREEN)] if "share" in seen else None


def settled(lab):
    wait_until("HAProxy's first checks", lambda: "share" in observe(lab))


def test_a_share_is_what_real_requests_get(lab):
    assert get_many(lab.port, 200) == {"blue": 200}
    assert tool(*lab.words, "set", 3000) == DONE
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (3000, 3000)
    # Six standard deviations: one run in 500 million fails by chance.
    assert 300 - 6 * 14.5 < get_many(lab.port, 1000)["green"] < 300 + 6 * 14.5
    assert tool(*lab.words, "set", 10000) == DONE
    assert get_many(lab.port, 200) == {"green": 200}
    assert lab.map.read_text() == "shop 10000\n"


def test_clients_with_the_cookie_stay_and_only_move_to_green(lab):
    def of(share):
        assert tool(*lab.words, "set", share) == DONE
        return {n for n in range(120) if get(lab.port, cookie=f"client-{n}")[1] == "green"}
    first = of(2000)
    assert first == of(2000)
    assert first < of(6000)
    assert of(10000) == set(range(120))


def test_a_reload_takes_drains_away_but_not_the_share_and_is_seen(lab):
    driver = Talker(*lab.words, "serve")
    assert driver.ask("set", 500) == DONE
    assert driver.ask("drain", GREEN) == DONE
    before = driver.ask("observe")
    assert (before[GREEN]["draining"], before[GREEN]["up"], before[GREEN]["state"]) == (1, 0, "DRAIN")
    get_many(lab.port, 5)
    lab.haproxy.reload()
    settled(lab)
    after = driver.ask("observe")
    assert after["generation"] != before["generation"]
    assert (after["share"], after["share_stored"]) == (500, 500)
    assert after[GREEN]["draining"] == 0
    assert after[BLUE]["requests"] == 0
    assert (after[GREEN]["state"], after[GREEN]["up"]) == ("UP", 1)
    assert not after["dropped_logs"]
    assert driver.ask("observe")["generation"] == after["generation"]
    driver.stop()


def test_health_that_haproxy_only_assumes_is_no_health(lab):
    """Just after a reload a dead server is as good as any, "UP 1/3", and a good one is not "UP"."""
    text = lab.haproxy.config.read_text()
    try:
        lab.haproxy.config.write_text(text.replace("inter 100ms", "inter 1h"))
        lab.haproxy.reload()
        # It spreads the first checks: which of the two comes first is not said.
        seen = observe(lab)
        assert seen["code"] == -11
        assert re.fullmatch(re.escape(f"{lab.haproxy.socket}: HAProxy has just started and has not checked ")
                            + "shop_(blue/blue|green/green)1 yet", seen["error"])
        assert tool(*lab.words, "set", 100) == tool(*lab.words, "drain", GREEN) == DONE
    finally:
        lab.haproxy.config.write_text(text)
        lab.haproxy.reload()
    settled(lab)


def test_a_server_that_the_configuration_disables_is_none_of_ours(lab):
    text = lab.haproxy.config.read_text()
    try:
        lab.haproxy.config.write_text(text + "    server spare 127.0.0.1:1 check disabled\n")
        lab.haproxy.reload()
        settled(lab)
        for verb, count in (("cut", 0), ("ready", 1), ("drain", 0), ("ready", 1)):
            assert tool(*lab.words, verb, GREEN) == DONE
            wait_until(verb, lambda up=count: observe(lab)[GREEN]["up"] == up)
            seen = observe(lab)[GREEN]
            assert (seen["servers"], seen["draining"]) == (1, 1 - count)
            assert "shop_green spare 127.0.0.1 0 5 " in re.sub(r"(shop_green) \d+ ", r"\1 ", lab.haproxy.ask(
                "show servers state shop_green"))
    finally:
        lab.haproxy.config.write_text(text)
        lab.haproxy.reload()


def test_counters_that_are_cleared_are_another_generation(lab):
    driver = Talker(*lab.words, "serve")
    get_many(lab.port, 3)
    before = driver.ask("observe")
    assert before[BLUE]["requests"] >= 3
    lab.haproxy.ask("clear counters all")
    assert driver.ask("observe")["generation"] != before["generation"]
    driver.stop()


def test_a_crash_between_file_and_memory_is_seen_and_repaired(lab):
    """The driver is killed when the file is written and HAProxy has not been told."""
    reached = []
    rude = Rude(lab.folder / "hung.sock", lambda c: (reached.append(c.recv(4096)), c.recv(1)))
    words = ["haproxy", "app=shop", f"socket={rude.path}", *lab.options[1:], "patience=1h", "set", "2500"]
    with subprocess.Popen([TOOL, *words], stdout=subprocess.DEVNULL) as driver:
        wait_until("the driver to be in the middle", lambda: reached)
        driver.kill()
    rude.stop()
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (0, 2500)
    assert tool(*lab.words, "set", 2500) == DONE
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (2500, 2500)


def test_a_key_that_haproxy_does_not_have_yet_is_added(lab):
    words = ["haproxy", "app=new.app-1", *lab.options]
    assert (tool(*words, "observe")["share"], tool(*words, "observe")["share_stored"]) == (-1, -1)
    assert tool(*words, "set", 700) == DONE
    assert (tool(*words, "observe")["share"], tool(*words, "observe")["share_stored"]) == (700, 700)
    assert lab.map.read_text() == "shop 0\nnew.app-1 700\n"
    lab.haproxy.ask(f"del map {lab.map} new.app-1")


def test_a_dead_green_is_seen_and_its_guard_keeps_clients_with_blue(lab):
    assert tool(*lab.words, "set", 10000) == DONE
    assert get(lab.port) == (200, "green")
    lab.green.stop()
    try:
        wait_until("HAProxy to miss green", lambda: observe(lab)[GREEN]["state"] == "DOWN")
        seen = observe(lab)
        assert (seen["share"], seen[GREEN]["servers"], seen[GREEN]["up"]) == (10000, 1, 0)
        assert get_many(lab.port, 50) == {"blue": 50}
        # Drained while down, it must count as drained: nothing else would ever end the wait for it.
        assert tool(*lab.words, "drain", GREEN) == DONE
        assert observe(lab)[GREEN]["draining"] == 1
    finally:
        lab.green.start()


def test_an_open_websocket_outlives_the_drain_and_not_the_cut(lab):
    assert tool(*lab.words, "set", 10000) == DONE
    lab.green.mode = "upgrade"
    with socket.create_connection(("127.0.0.1", lab.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 101")
        lab.green.mode = "ok"
        assert tool(*lab.words, "set", 0) == tool(*lab.words, "drain", GREEN) == DONE
        seen = observe(lab)[GREEN]
        assert (seen["sessions"], seen["queued"], seen["draining"], seen["state"]) == (1, 0, 1, "DRAIN")
        assert tool(*lab.words, "cut", GREEN) == tool(*lab.words, "cut", GREEN) == DONE
        assert client.recv(4096) == b""
    wait_until("the session to end", lambda: observe(lab)[GREEN]["sessions"] == 0)
    assert observe(lab)[GREEN]["state"] == "MAINT"
    assert tool(*lab.words, "drain", GREEN) == DONE
    assert observe(lab)[GREEN]["state"] == "MAINT"


def test_answers_that_haproxy_makes_itself_are_counted_as_greens_errors(lab, counter):
    assert tool(*lab.words, "set", 10000) == DONE
    before = observe(lab)
    lab.green.mode = "hang"
    assert get(lab.port)[0] == 504
    lab.green.mode = "error"
    assert get(lab.port) == (500, "green")
    lab.green.mode = "ok"
    assert get(lab.port) == (200, "green")
    side = counter.await_lines(3)[GREEN]
    assert (side["requests"], side["errors"], side["slow"]) == (3, 2, [1, 1])
    after = observe(lab)
    assert after[GREEN]["errors"] - before[GREEN]["errors"] == 2
    assert after[GREEN]["requests"] - before[GREEN]["requests"] == 3


def test_an_answer_that_is_cut_off_is_an_error_and_a_client_that_leaves_is_none(lab, counter):
    lab.blue.mode = "cut"
    with pytest.raises(Exception, match="IncompleteRead"):
        get(lab.port)
    lab.blue.mode = "hang"
    with socket.create_connection(("127.0.0.1", lab.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until("the request to reach blue", lambda: observe(lab)[BLUE]["sessions"] == 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    side = counter.await_lines(2)[BLUE]
    lab.blue.mode = "ok"
    # HAProxy notices the client either before or after its own time-out: 504 or aborted.
    assert side["requests"] + side["aborted"] == 2
    assert side["errors"] >= 1


def test_every_request_has_its_line_and_missing_ones_are_seen(lab):
    driver, counter = Talker(*lab.words, "serve"), Counter(*lab.counting)
    assert driver.ask("set", 5000) == DONE
    before = driver.ask("observe")
    get_many(lab.port, 300)
    counter.await_lines(300)
    after = driver.ask("observe")
    for colour in (BLUE, GREEN):
        assert after[colour]["requests"] - before[colour]["requests"] == counter.lines(colour)
    view = counter.view()
    assert (view["malformed"], view["others"]) == (0, 0)
    counter.stop()
    # Nobody listens: HAProxy does not count what it could not send at all, the difference does.
    counter = Counter(*lab.counting)
    counter.stop()
    before = driver.ask("observe")
    get_many(lab.port, 50)
    after = driver.ask("observe")
    assert sum(after[c]["requests"] - before[c]["requests"] for c in (BLUE, GREEN)) == 50
    driver.stop()


def test_what_clients_write_makes_no_fields(lab, counter):
    text = lab.haproxy.config.read_text()
    try:
        lab.haproxy.config.write_text(placed(text, ('"rc":"%rc"}', '"rc":"%rc","p":%{+Q,+E}HU}')))
        lab.haproxy.reload()
        with socket.create_connection(("127.0.0.1", lab.port)) as client:
            client.sendall(b'GET /","b":"shop_green","x":"\\ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        view = counter.await_lines(1)
        assert (view[BLUE]["requests"], view[GREEN]["requests"], view["malformed"]) == (1, 0, 0)
    finally:
        lab.haproxy.config.write_text(text)
        lab.haproxy.reload()


def test_lines_that_haproxy_drops_are_told_once(lab):
    driver, counter = Talker(*lab.words, "serve"), Counter(*lab.counting_by_path)
    assert not driver.ask("observe")["dropped_logs"]
    os.kill(counter.pid, signal.SIGSTOP)
    get_many(lab.port, 1200)
    assert driver.ask("observe")["dropped_logs"]
    assert not driver.ask("observe")["dropped_logs"]
    os.kill(counter.pid, signal.SIGCONT)
    counter.stop()
    driver.stop()


def test_lines_that_the_kernel_drops_are_told(lab, counter):
    """By whoever sends: the kernel counts what found no room."""
    port = int(lab.counting[0].rpartition(":")[2])
    line = b'{"b":"shop_blue","s":"x","st":200,"ts":"----","tr":1}' + b" " * 4000
    os.kill(counter.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(10000):
            s.sendto(line, ("127.0.0.1", port))
        os.kill(counter.pid, signal.SIGCONT)
        wait_until("the kept lines to be read", lambda: counter.lines(BLUE) > 0)
        sent = 10000

        def told():
            """What was dropped is told along with the next one that is not."""
            nonlocal sent
            s.sendto(line, ("127.0.0.1", port))
            sent += 1
            return counter.view()["overflows"]
        wait_until("the dropped ones to be told", told)

        def complete():
            view = counter.view()
            return view["overflows"] + view[BLUE]["requests"] == sent
        wait_until("each line to be counted or told", complete)
    second = Counter(*lab.counting)
    assert second.opened["error"] == f"127.0.0.1:{port}: another program receives on this socket"
    second.popen.communicate()


def test_a_socket_that_a_dead_one_left_is_taken_over_and_a_living_ones_is_not(lab, path_counter):
    assert get_many(lab.port, 5) == {"blue": 5}
    assert path_counter.await_lines(5)[BLUE]["requests"] == 5
    second = Counter(*lab.counting_by_path)
    assert second.opened["error"] == f"{lab.folder}/log.sock: another program receives on this socket"
    second.popen.communicate()
    third = Counter(f"log_socket={lab.folder}/third.sock", "blue=b")
    third.popen.kill()
    third.popen.communicate()
    assert (lab.folder / "third.sock").exists()
    fourth = Counter(f"log_socket={lab.folder}/third.sock", "blue=b")
    assert fourth.opened == DONE
    fourth.stop()
    assert not (lab.folder / "third.sock").exists()


def test_a_socket_that_somebody_removed_is_made_again(lab, path_counter):
    (lab.folder / "log.sock").unlink()
    get_many(lab.port, 3)
    wait_until("the socket to be there again", (lab.folder / "log.sock").exists)
    wait_until("the loss to be told", lambda: path_counter.view()["overflows"] == 1)
    get_many(lab.port, 5)
    assert path_counter.await_lines(5)[BLUE]["requests"] == 5


def test_two_apps_share_a_map_without_losing_a_change(lab):
    lab.map.write_text("# shares of ours\nshop 0\nkeep me # as I am\nblog   0\n")
    lab.map.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(lab.map, 65534, 65534)
    before = lab.map.stat()
    drivers = {app: Talker("haproxy", f"app={app}", *lab.options, "serve") for app in ("shop", "blog")}
    for round_ in range(20):
        for driver in drivers.values():
            driver.popen.stdin.write(f"set {round_}\n")
            driver.popen.stdin.flush()
        for driver in drivers.values():
            assert driver.read() == DONE
    for app, driver in drivers.items():
        assert driver.ask("observe")["share_stored"] == 19, app
        driver.stop()
    assert lab.map.read_text() == "# shares of ours\nshop 19\nkeep me # as I am\nblog   19\n"
    stat = lab.map.stat()
    assert (stat.st_mode, stat.st_uid, stat.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert [p.name for p in lab.folder.iterdir() if p.name.endswith(".gavea")] == []


def test_what_is_wrong_with_the_socket_is_said(lab, tmp_path):
    def error(path, *words, **changed):
        options = {"map": lab.map, "blue": "shop_blue", "green": "shop_green", "patience": "5s", **changed}
        return tool("haproxy", "app=shop", f"socket={path}", *(f"{k}={v}" for k, v in options.items()), *words)["error"]
    assert error(tmp_path / "none", "observe") == (
        f"{tmp_path}/none: there is no such socket: HAProxy does not run, or its \"stats socket\" is elsewhere")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    assert error(tmp_path / "dead", "observe") == f"{tmp_path}/dead: nobody listens: HAProxy does not run"
    text = lab.haproxy.config.read_text()
    low = f"stats socket {lab.folder}/low.sock level operator\n"
    try:
        lab.haproxy.config.write_text(text.replace("global\n", "global\n    " + low))
        lab.haproxy.reload()
        assert error(lab.folder / "low.sock", "drain", GREEN) == (
            f"{lab.folder}/low.sock: the socket has no admin level: add \"level admin\" to its \"stats socket\" line")
    finally:
        lab.haproxy.config.write_text(text)
        lab.haproxy.reload()
    settled(lab)
    sock = lab.haproxy.socket
    assert error(sock, "observe", green="shop_grün") == (
        "the traffic driver haproxy needs the name of the green backend, not \"shop_grün\"")
    assert error(sock, "observe", green="shop_gren") == f"{sock}: HAProxy has no backend \"shop_gren\""
    (tmp_path / "other.map").write_text("shop 0\n")
    assert error(sock, "observe", map=tmp_path / "other.map") == (
        f"{sock}: HAProxy has no map {tmp_path}/other.map: its configuration must read it with map_str_int()")
    assert error(sock, "set", 5, map=tmp_path / "no.map") == (
        f"{tmp_path}/no.map: there is no such map, and HAProxy can't start without it: create it with the line \"shop 0\"")


@pytest.mark.parametrize(("name", "talk", "said"), [
    ("silent", lambda c: c.recv(4096), 'HAProxy closed the connection without an answer to "show info"'),
    ("hung", lambda c: (c.recv(4096), c.recv(1)), 'HAProxy did not answer "show info" in time'),
    ("huge", lambda c: [c.sendall(b"Name: HAProxy\n" * 5000) for _ in range(100)],
     'the answer to "show info" is longer than 1 MiB'),
    ("binary", lambda c: (c.recv(4096), c.sendall(b"\0\1\2\3\n")),
     'the answer to "show info" is not text: is this HAProxy\'s socket?'),
    ("killed", lambda c: (c.recv(4096), c.sendall(b"Name: HAProxy\nPid: 4711\nUptime: 5\n")),
     'HAProxy did not finish its answer to "show info"'),
    ("other", lambda c: (c.recv(4096), c.sendall(b"220 mail.example ESMTP\n\n")),
     'the answer to "show info" can\'t be used: it has no line "Pid"'),
])
def test_whoever_else_answers_is_not_believed(lab, tmp_path, name, talk, said):
    rude = Rude(tmp_path / name, talk)
    seen = tool("haproxy", "app=shop", f"socket={rude.path}", *lab.options[1:], "patience=1s", "observe")
    assert seen["error"] == f"{rude.path}: {said}"
    rude.stop()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    port, udp = free_ports(2)
    blue, green = Backend("blue"), Backend("green")
    # Without checks a dead server stays in service, so that redispatches are seen.
    config = haproxy_config(folder, "weights", port, blue.port, green.port, udp).replace(" check inter 100ms", "")
    haproxy = Haproxy(folder, placed(config, ("option redispatch", "option redispatch 1\n    retries 1")))
    yield SimpleNamespace(folder=folder, port=port, blue=blue, green=green, haproxy=haproxy,
                          words=["haproxy-weights", f"socket={haproxy.socket}", "blue=shop/blue", "green=shop/green"],
                          counting=[f"log_socket=127.0.0.1:{udp}", "blue=shop/blue", "green=shop/green"])
    haproxy.stop()
    blue.stop()
    green.stop()


def test_weights_make_a_share_until_a_reload(weights):
    driver = Talker(*weights.words, "serve")
    assert driver.ask("set", 500) == DONE
    before = driver.ask("observe")
    assert (before["share"], before["share_stored"]) == (500, -1)
    assert (before[BLUE]["up"], before[GREEN]["up"], before[GREEN]["errors"]) == (1, 1, -1)
    assert 15 <= get_many(weights.port, 400)["green"] <= 25
    weights.haproxy.reload()
    after = driver.ask("observe")
    assert after["generation"] != before["generation"]
    assert after["share"] == 0
    assert driver.ask("set", 5) == {
        "code": -34, "error": "weights can't make a share of 0.05 %: the nearest is 0.39 %"}
    driver.stop()


def test_a_redispatch_is_an_error_of_the_server_that_did_not_answer(weights):
    counter = Counter(*weights.counting)
    assert tool(*weights.words, "set", 5000) == DONE
    weights.green.stop()
    try:
        assert get_many(weights.port, 10) == {"blue": 10}
        view = counter.await_lines(10)
        redispatched = view[GREEN]["redispatched"]
        assert redispatched >= 3
        assert (view[GREEN]["requests"], view[GREEN]["errors"]) == (redispatched, redispatched)
        assert (view[BLUE]["requests"], view[BLUE]["errors"]) == (10 - redispatched, 0)
    finally:
        weights.green.start()
    counter.stop()


def test_a_rolling_apps_server_is_drained_and_put_back(weights):
    words = ["haproxy-weights", f"socket={weights.haproxy.socket}", "server=shop/blue"]
    assert tool(*weights.words, "set", 5000) == DONE
    assert tool(*words, "drain", BLUE) == DONE
    seen = tool(*words, "observe")
    assert (seen[BLUE]["up"], seen[BLUE]["draining"], seen["share"]) == (0, 1, 0)
    assert get_many(weights.port, 10) == {"green": 10}
    assert tool(*words, "ready", BLUE) == DONE
    assert tool(*words, "observe")[BLUE]["up"] == 1
    assert tool(*words, "set", 0)["error"] == "a rolling app has one server: there are no shares to set"
