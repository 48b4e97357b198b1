# SPDX-License-Identifier: Apache-2.0
"""Shares, drains and counts of swaps with a real nginx, on the configuration of plugins/swap/proxies.md; the other
drivers too."""
import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import PATIENCE, ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests/support"))
from swap_lab import (BLUE, GREEN, PATH, TOOL, Backend, Counter, block, free_ports, get, placed, tool)  # noqa: E402

DONE = {"code": 0, "error": ""}
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


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    port, = free_ports(1)
    blue, green = Backend("blue"), Backend("green")
    include, log, config = folder / "shop.conf", folder / "access.log", folder / "nginx.conf"
    text = placed(block("nginx shop"), ("127.0.0.1:8001", f"127.0.0.1:{blue.port}"),
                  ("127.0.0.1:8002", f"127.0.0.1:{green.port}"), ("/etc/nginx/gavea/shop.conf", include),
                  ("listen 80", f"listen 127.0.0.1:{port}"), ("/var/log/nginx/gavea-shop.log", log),
                  ("proxy_set_header Host $host;", "proxy_set_header Host $host; proxy_read_timeout 1s;"))
    config.write_text(FRAME.format(folder=folder, block=text))
    include.write_text(block("include shop"))
    with subprocess.Popen([NGINX, "-c", config], stdin=subprocess.DEVNULL, start_new_session=True) as nginx:
        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait_until("nginx to listen", listens)
        lab = SimpleNamespace(folder=folder, port=port, blue=blue, green=green, include=include, log=log, config=config,
                              nginx=nginx, options=[f"include={include}", "blue=shop_blue", "green=shop_green"])
        lab.words = ["nginx", "app=shop", *lab.options, f"reload={NGINX} -c {config} -s reload", f"patience={PATIENCE}s"]
        lab.counting = [f"log_file={log}", "blue=shop_blue", "green=shop_green"]
        yield lab
        nginx.terminate()
        nginx.wait(PATIENCE)
    blue.stop()
    green.stop()


@pytest.fixture
def lab(module_lab):
    assert tool(*module_lab.words, "set", 0) == DONE
    return module_lab


def observe(lab):
    return tool(*lab.words, "observe")


def asked(lab, count, cookie=None):
    """Requests on connections of their own, since an old worker keeps those that are open."""
    who = {}
    for n in range(count):
        _, body = get(lab.port, cookie=cookie and f"{cookie}-{n}")
        who[body] = who.get(body, 0) + 1
    return who


def test_the_first_file_of_the_page_is_what_the_driver_writes(module_lab):
    assert module_lab.include.read_text() == block("include shop")
    seen = observe(module_lab)
    assert (seen["share"], seen["share_stored"]) == (0, 0)
    assert tool(*module_lab.words, "set", 0) == DONE
    assert module_lab.include.read_text() == block("include shop")


def test_a_share_is_what_real_requests_get(lab):
    assert asked(lab, 50) == {"blue": 50}
    assert tool(*lab.words, "set", 3000) == DONE
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (3000, 3000)
    # Six standard deviations
    assert 120 - 6 * 9.2 < asked(lab, 400)["green"] < 120 + 6 * 9.2
    assert tool(*lab.words, "set", 10000) == DONE
    assert asked(lab, 50) == {"green": 50}


def test_clients_with_the_cookie_stay_and_only_move_to_green(lab):
    def of(share):
        assert tool(*lab.words, "set", share) == DONE
        return {n for n in range(120) if get(lab.port, cookie=f"client-{n}")[1] == "green"}
    first = of(2000)
    assert first == of(2000)
    assert first < of(6000)


def test_the_log_is_counted_by_colour_also_when_it_is_rotated(lab):
    counter = Counter(*lab.counting)
    assert tool(*lab.words, "set", 5000) == DONE
    who = asked(lab, 60)
    view = counter.await_lines(60)
    assert {c: view[c]["requests"] for c in (BLUE, GREEN)} == who
    lab.log.rename(lab.folder / "access.log.1")
    # nginx writes to the old file until it is told, and must be heard there.
    asked(lab, 20)
    counter.await_lines(80)
    subprocess.run([NGINX, "-c", lab.config, "-s", "reopen"], check=True)
    wait_until("nginx to make a new log", lab.log.exists)
    asked(lab, 20)
    view = counter.await_lines(100)
    assert (view["malformed"], view["others"], view["overflows"]) == (0, 0, 0)
    lab.log.write_text("")
    wait_until("the lost lines to be seen", lambda: counter.view()["overflows"] == 1)
    counter.stop()


def test_a_dead_green_is_an_error_though_its_clients_are_saved(lab):
    counter = Counter(*lab.counting)
    assert tool(*lab.words, "set", 10000) == DONE
    lab.green.stop()
    try:
        # Each of them, not just the first in ten seconds: that is what max_fails=0 is for.
        assert asked(lab, 20) == {"blue": 20}
        side = counter.await_lines(20)[GREEN]
        assert (side["requests"], side["errors"], side["redispatched"]) == (20, 20, 20)
    finally:
        lab.green.start()
    counter.stop()


def test_a_hung_green_is_slow_and_a_client_that_leaves_is_no_error(lab):
    counter = Counter(*lab.counting)
    lab.blue.mode = "hang"
    with socket.create_connection(("127.0.0.1", lab.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until("the request to reach blue", lambda: lab.blue.connections)
    wait_until("the abort in the log", lambda: counter.view()[BLUE]["aborted"] == 1)
    lab.blue.mode = "ok"
    assert tool(*lab.words, "set", 10000) == DONE
    lab.green.mode = "hang"
    assert get(lab.port) == (200, "blue")
    lab.green.mode = "ok"
    side = counter.await_lines(2)[GREEN]
    assert (side["requests"], side["errors"], side["slow"]) == (1, 1, [1, 1])
    counter.stop()


def test_green_is_drained_when_the_old_workers_are_gone(lab):
    assert tool(*lab.words, "set", 10000) == DONE
    refused = tool(*lab.words, "drain", GREEN)
    assert refused["error"] == f"{lab.include}: nginx can't drain green while a share of the requests goes to it"
    lab.green.mode = "upgrade"
    wait_until("nginx's old workers to end", lambda: observe(lab)[BLUE]["sessions"] == 0)
    with socket.create_connection(("127.0.0.1", lab.port)) as client:
        # A request that is being answered
        lab.green.mode = "hang"
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until("the request to reach green", lambda: lab.green.connections)
        assert tool(*lab.words, "set", 0) == tool(*lab.words, "drain", GREEN) == DONE
        # It may be answered by blue before this look; it is never missed while it lasts.
        assert observe(lab)[GREEN]["sessions"] in (0, 1)
        assert client.recv(4096).endswith(b"blue")
        assert observe(lab)[BLUE]["sessions"] == -1
    lab.green.mode = "ok"
    wait_until("green to be drained", lambda: observe(lab)[GREEN]["sessions"] == 0)
    assert tool(*lab.words, "cut", GREEN)["error"] == (
        "nginx can't end the sessions of green alone: set worker_shutdown_timeout in its configuration")


def test_a_configuration_that_nginx_refuses_leaves_all_as_it_was(lab):
    assert tool(*lab.words, "set", 1000) == DONE
    before, text = lab.include.read_text(), lab.config.read_text()
    lab.config.write_text(text + "nonsense;\n")
    try:
        error = tool(*lab.words, "set", 2000)["error"]
        assert error.startswith(f"{NGINX}: exited with status 1: ")
        assert f'unknown directive "nonsense" in {lab.config}' in error
    finally:
        lab.config.write_text(text)
    assert lab.include.read_text() == before
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (1000, 1000)


def test_a_crash_before_the_reload_leaves_a_share_that_is_not_known(lab):
    script = lab.folder / "hang"
    script.write_text(f"#!/bin/sh\ntouch {lab.folder}/reached\nexec sleep 600\n")
    script.chmod(0o755)
    words = ["nginx", "app=shop", *lab.options, f"reload={script}", "patience=1h", "set", "4000"]
    with subprocess.Popen([TOOL, *words], stdout=subprocess.DEVNULL) as driver:
        wait_until("the driver to reload", (lab.folder / "reached").exists)
        children = subprocess.run(["pgrep", "-P", str(driver.pid)], capture_output=True, text=True, check=False).stdout
        driver.kill()
    for child in children.split():
        subprocess.run(["kill", child], check=False)
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (-1, 4000)
    assert tool(*lab.words, "set", 4000) == DONE
    assert observe(lab)["share"] == 4000


def test_a_file_that_was_changed_by_hand_is_not_believed(lab):
    lab.include.write_text(block("include shop").replace("shop_blue", "shop_green"))
    seen = observe(lab)
    assert (seen["share"], seen["share_stored"]) == (-1, -1)


def test_a_link_is_switched_in_one_step(tmp_path):
    words = ["symlink", f"link={tmp_path}/now", "target_blue=blue", "target_green=/srv/green"]
    assert tool(*words, "observe")["share"] == -1
    assert tool(*words, "set", 0) == DONE
    assert str((tmp_path / "now").readlink()) == "blue"
    assert tool(*words, "set", 10000) == DONE
    assert str((tmp_path / "now").readlink()) == "/srv/green"
    seen = tool(*words, "observe")
    assert (seen["share"], seen["share_stored"], seen[GREEN]["state"], seen[BLUE]["state"]) == (
        10000, 10000, "linked", "not linked")
    assert tool(*words, "drain", BLUE) == DONE
    assert tool(*words, "drain", GREEN)["error"] == (
        f"{tmp_path}/now: it points to green, which can't be drained before that is changed")
    assert tool(*words, "set", 500)["error"] == (
        f"{tmp_path}/now: a link points to one colour alone: the only shares are 0 % and 100 %")
    assert [p.name for p in tmp_path.iterdir()] == ["now"]
    (tmp_path / "now").unlink()
    (tmp_path / "now").mkdir()
    assert tool(*words, "set", 0)["error"] == (
        f"{tmp_path}/now: it is no symbolic link: move away what is there, and make a link to the colour in service")


def test_programs_of_the_operator_set_and_tell_the_share(tmp_path):
    state, program = tmp_path / "state", tmp_path / "set"
    program.write_text(f"#!/bin/sh\n[ \"$1\" != 13 ] || {{ echo 'no luck' >&2; exit 3; }}\necho \"$*\" >{state}\n")
    program.chmod(0o755)
    (tmp_path / "view.json").write_text(block("json observe"))
    words = ["exec", f"set_command={program} %p %s 100%% %x", f"observe_command=/bin/cat {tmp_path}/view.json"]
    for share, text in ((500, "5 500"), (525, "5.25 525"), (520, "5.2 520"), (5, "0.05 5"), (10000, "100 10000")):
        assert tool(*words, "set", share) == DONE
        assert state.read_text() == f"{text} 100% %x\n"
    assert tool(*words, "set", 1300)["error"] == f"{program}: exited with status 3: no luck"
    seen = tool(*words, "observe")
    assert (seen["share"], seen["share_stored"], seen["generation"]) == (500, 500, 1)
    assert (seen[BLUE]["requests"], seen[BLUE]["state"], seen[GREEN]["up"], seen[GREEN]["queued"]) == (1000, "up", 1, -1)


@pytest.mark.parametrize(("printed", "said"), [
    ("", "it printed no JSON: line 1: '[' or '{' expected near end of file"),
    ("[]", "it printed no JSON object"),
    ("{}", 'it printed no "share"'),
    ('{"share": 10001}', '"share" must be a whole number from 0 to 10000'),
    ('{"share": 5, "green": 1}', '"green" must be an object'),
    ('{"share": 5, "green": {"up": -1}}', '"up" must be a whole number from 0 to 2147483647'),
])
def test_what_they_print_is_read_strictly(tmp_path, printed, said):
    (tmp_path / "view.json").write_text(printed)
    words = ["exec", "set_command=/bin/true", f"observe_command=/bin/cat {tmp_path}/view.json"]
    assert tool(*words, "observe")["error"] == f"/bin/cat: {said}"


@pytest.mark.parametrize(("words", "said"), [
    (["nobody"], 'there is no traffic driver "nobody": it is one of haproxy, haproxy-weights, nginx, symlink, exec'),
    (["haproxy"], 'the traffic driver haproxy needs haproxy_socket: the path of its "stats socket"'),
    (["haproxy", "socket=/s"],
     "the traffic driver haproxy needs haproxy_map: the path of the map, as map_str_int() has it"),
    (["haproxy", "socket=/s", "map=/a b"], 'haproxy_map = "/a b": it must be an absolute path without blanks, quotes, '
     '";", "\\", "#" and "<"'),
    (["haproxy", "socket=/s", "map=/m", "app=a b"],
     'app "a b": a key in HAProxy\'s map is of 1 to 64 letters, digits, ".", "_" and "-"'),
    (["haproxy-weights", "socket=/s", "blue=x"], '"x": expected BACKEND/SERVER as HAProxy\'s configuration has them'),
    (["nginx", "include=x"],
     "the traffic driver nginx needs nginx_include: the absolute path of the file that nginx includes"),
    (["nginx", "include=/x", "app=a", "blue=b", "green=g", "reload=nginx -s reload"],
     "reload: the program must be given by its absolute path"),
    (["symlink"], "the traffic driver symlink needs traffic_link: the absolute path of the link"),
    (["symlink", "link=/x", "target_blue=a"],
     "the traffic driver symlink needs target_blue and target_green: what the link points to for blue and for green"),
    (["symlink", "link=/x", "target_blue=a", "target_green=a"], 'the targets of blue and green are the same: "a"'),
    (["exec", "set_command=/bin/true"], "observe: the program must be given by its absolute path"),
    (["exec", "set_command=true"], "set: the program must be given by its absolute path"),
])
def test_what_a_driver_lacks_is_named(words, said):
    assert tool(*words, "observe") == {"code": -22, "error": said}
