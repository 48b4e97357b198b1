# SPDX-License-Identifier: Apache-2.0
"""The http plugin against real servers on loopback: one of Python's own for what is well-behaved, bare sockets for what
is not, and nginx (test_http_nginx.py) for TLS, HTTP/2, unix sockets and proxies."""

import base64
import gzip
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest
from conftest import BUILD, PATIENCE, ROOT, cli, wait_until



def run(url, *words, timeout="20s", **options):
    """(status, summary, {item: (status, summary, attributes)}, samples) of one run."""
    arguments = [f"url={url}", f"timeout={timeout}"] + [f"{key}={value}" for key, value in options.items()]
    done = cli("run", "http", *arguments, *words, "--json", check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    run.text = done.stdout + done.stderr
    return result


def fails(url, *words, **options):
    result = run(url, *words, **options)
    assert result["status"] == "critical", result
    return result["summary"]


def passes(url, *words, **options):
    result = run(url, *words, **options)
    assert result["status"] == "ok", result["summary"]
    return result


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    token = "t-0k3n\"/é"

    def answer(self, status=200, body=b"", headers=()):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers = [("Content-Type", "application/json"), *headers]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        handler = getattr(self, "get_" + path.strip("/").replace("/", "_").replace("-", "_"), None)
        if handler:
            handler()
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        self.server.bodies.append(body)
        getattr(self, "post_" + self.path.strip("/"))(body)

    do_PUT = do_POST

    def get_health(self):
        self.answer(200, {"status": "up", "uptime": 12.5, "a.b": {"c": None}})

    def get_integrations_health(self):
        self.answer(200, {"db": {"status": "up"}, "cache": {"status": "up"}})

    def get_integrations_bad(self):
        self.answer(200, {"db": {"status": "up"}, "cache": {"status": "down"}, "mail": {}})

    def get_empty(self):
        self.answer(200, {})

    def get_teapot(self):
        self.answer(418, b"short and stout\n", [("X-Odd", "ol\xe9")])

    def get_deep(self):
        self.answer(200, b"[" * 10000 + b"]" * 10000)

    def get_wide(self):
        self.answer(200, b"[" + b"{}," * 200000 + b"{}]")

    def get_latin(self):
        self.answer(200, b'{"name": "Jos\xe9"}')

    def get_numbers(self):
        self.answer(200, b'{"id": 123456789012345678901234567890, "x": 7}', [("X-Left", "41")])

    def get_bomb(self):
        body = gzip.compress(b"0" * 64_000_000)
        self.answer(200, body, [("Content-Encoding", "gzip")])

    def get_zipped(self):
        self.answer(200, gzip.compress(b'{"ok": true}'), [("Content-Encoding", "gzip")])

    def get_to_health(self):
        self.answer(302, b"", [("Location", "/health?key=s3cret")])

    def get_loop(self):
        self.answer(302, b"", [("Location", "/loop")])

    def get_to(self):
        self.answer(302, b"", [("Location", self.path.partition("?")[2])])

    def get_set_cookie(self):
        self.answer(200, b"", [("Set-Cookie", "session=abc; Path=/")])

    def get_need_cookie(self):
        self.answer(200 if "session=abc" in self.headers.get("Cookie", "") else 403)

    def get_basic(self):
        wanted = "Basic " + base64.b64encode(b"ana:pass-w0rd").decode()
        self.answer(200 if self.headers.get("Authorization") == wanted else 401)

    def get_bearer(self):
        self.answer(200 if self.headers.get("Authorization") == "Bearer b-e-a-r" else 401)

    def get_mirror(self):
        self.answer(200, {"said": self.headers.get("Authorization"), "key": self.headers.get("X-Key")})

    def get_flaky(self):
        self.server.flaky += 1
        self.answer(200 if self.server.flaky % 3 == 0 else 503)

    def get_items_7(self):
        good = self.headers.get("X-Token") == self.token.encode().decode("latin-1")
        self.answer(200 if good else 403, {"echo": self.token})

    def get_slow(self):
        time.sleep(0.3)
        self.answer(200, b"done")

    def post_chat(self, body):
        said = json.loads(body)
        good = said == {"message": "Olá", "user_id": "smoke_test_user"}
        self.answer(200 if good and self.headers["Content-Type"] == "application/json" else 400, {"response": "Oi!"})

    def post_search(self, body):
        self.answer(200, {"results": [1, 2] if json.loads(body)["query"] == "produto" else []})

    def post_login(self, body):
        said = json.loads(body)
        self.answer(200 if said["password"] == 'p"w' else 403, {"token": self.token, "id": 7})

    def post_echo(self, body):
        self.answer(200, body, [("X-Type", str(self.headers.get("Content-Type")))])

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address=("127.0.0.1", 0), family=socket.AF_INET):
        self.address_family = family
        super().__init__(address, Handler)
        self.seen, self.bodies, self.flaky = [], [], 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


class Rude:
    """A server that says these bytes to each connection, with pauses, whatever it was asked."""

    def __init__(self, pieces, close=True):
        self.pieces, self.close_after = pieces, close
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.done = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.done.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection:
            try:
                connection.recv(65536)
                for piece in self.pieces() if callable(self.pieces) else self.pieces:
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    elif self.done.wait(piece):
                        return
                if not self.close_after:
                    self.done.wait(30)
            except OSError:
                pass

    def stop(self):
        self.done.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def rude(started):
    def start(pieces, close=True):
        made = Rude(pieces, close)
        started.append(made)
        return made.url
    return start


# ---- The smoke test that is shipped ----

def shipped(url):
    """conf.d/http.conf with its comment signs taken away, asking this server."""
    text = (ROOT / "conf.d/http.conf").read_text()
    text = re.sub(r"^# ?", "", text.partition("#\n")[2], flags=re.M)
    text = text.replace("https://api.example.com", url).replace("https://www.example.com/", url + "/health")
    return text.replace(', "certificate.days > 14"', "")


def test_the_shipped_smoke_test_runs_as_it_stands_once_it_is_uncommented(server, start_agent):
    agent = start_agent({"http.conf": shipped(server.url)})

    def state():
        status = json.loads(agent.cli("status", "--json", check=False).stdout)
        checks = {check["check"]: check for check in status["checks"]}
        smoke = checks.get("http/smoke", {})
        return smoke if "4 requests as expected" in str(smoke) else None
    smoke = wait_until("the smoke test to pass", state)
    assert smoke["state"] == "ok"


# ---- Conditions ----

@pytest.mark.parametrize("path, condition", [
    ("/health", "status == 200"), ("/health", "status == 2xx"), ("/health", "status in [200 3xx]"),
    ("/health", 'body.status == "up"'), ("/health", "body['status'] in ['ok' 'up']"), ("/health", 'has(body["a.b"].c)'),
    ("/health", "body['a.b'].c == null"), ("/health", "not has(body.error)"), ("/health", "body.uptime > 12"),
    ("/health", "latency < 20s"), ("/health", "latency.connect < 20s"), ("/health", "size < 1KiB"),
    ("/health", "header.content-type contains 'json'"), ("/health", "header.CONTENT-LENGTH > 10"),
    ("/health", "body =~ '\"up(time)?\":'"), ("/health", "body !~ 'stack trace'"), ("/health", "version == '1.1'"),
    ("/health", "address == '127.0.0.1'"), ("/health", "len(body) == 3"), ("/health", "redirects == 0"),
    ("/integrations/health", 'all(body.*.status) == "up"'), ("/integrations/bad", "any(body.*.status) == 'down'"),
    ("/integrations/bad", "len(body[?@.status == 'down']) == 1"), ("/empty", "all(body.* allow_empty) == 1"),
    ("/teapot", "status == 418"), ("/numbers", "body.x == 7.0"), ("/numbers", "header.x-left >= 41"),
])
def test_conditions_that_hold(server, path, condition):
    words = [f"expect={condition}"] + (["expect=status == 418"] if path == "/teapot" else [])
    passes(server.url + path, *words)


@pytest.mark.parametrize("path, condition, said", [
    ("/health", "status == 500", "status == 500: is 200"),
    ("/health", "body.status == 'down'", "body.status == 'down': is \"up\""),
    ("/health", "body.status != 'up'", "body.status != 'up': is \"up\""),
    ("/health", "body.stat != 'up'", "body.stat != 'up': there is nothing of that name"),
    ("/health", "len(body.status) > 5", "len(body.status) > 5: is 2"),
    ("/health", "len(body.uptime) > 5", "len(body.uptime) > 5: is 12.5, which has no length"),
    ("/health", "body.status > 3", "body.status > 3: is \"up\", not a number"),
    ("/health", "body.* == 'up'", "body.* == 'up': selects 3 values: say all(), any() or len()"),
    ("/health", "not has(body.status)", "not has(body.status): it is there"),
    ("/health", "has(header.x-no)", "has(header.x-no): the answer has no such header"),
    ("/health", "certificate.days > 3", "certificate.days > 3: there is no certificate: the answer did not come by TLS"),
    ("/integrations/bad", "all(body.*.status) == 'up'", "all(body.*.status) == 'up': body.mail has no \"status\""),
    ("/integrations/bad", "all(body[?@.status].status) == 'up'",
     "all(body[?@.status].status) == 'up': body.cache.status is \"down\"; true of 1 of 2"),
    ("/empty", "all(body.*) == 'up'", "all(body.*) == 'up': body is empty"),
    ("/empty", "any(body.*) == 'up'", "any(body.*) == 'up': there is nothing to judge"),
    ("/teapot", "body.status == 'up'", "body.status == 'up': the body is not JSON: wrong in line 1, column 5"),
    ("/teapot", "not has(body.error)", "not has(body.error): the body is not JSON: wrong in line 1, column 5"),
    ("/teapot", "header.x-odd == 'x'", "header.x-odd == 'x': is \"ol?\""),
    ("/latin", "body.name == 'x'", "body.name == 'x': the body is not JSON: wrong in line 1, column 13"),
    ("/deep", "has(body[0])", "has(body[0]): the body's JSON is nested more than 100 deep"),
    ("/wide", "has(body[0])", "has(body[0]): the body's JSON has more than 100000 values"),
    ("/zipped", "has(body.ok)", "has(body.ok): the body is not JSON: it is compressed; set compression = true"),
])
def test_conditions_that_do_not_hold_say_both_sides(server, path, condition, said):
    assert said in fails(server.url + path, f"expect={condition}")


def test_a_warning_is_no_failure(server):
    result = run(server.url + "/slow", "warn=latency < 100ms")
    assert result["status"] == "warning"
    assert re.search(r"latency < 100ms: is 3\d\d\.\d ms|is \d\.\d\d s", result["summary"]), result["summary"]


def test_an_error_page_fails_whatever_its_body_says(server):
    assert "status == 2xx: is 404" in fails(server.url + "/none", "expect=has(body.error)")


# ---- Sequences ----

def test_a_sequence_passes_values_on_and_hides_them(server):
    result = run(server.url, "steps=login: POST /login", "steps=item: GET /items/{{id}}",
                 'json=login: {"password": "{{password}}"}', 'password=p"w',
                 "extract=login: token = body.token", "extract=login: id = body.id",
                 "header=item: X-Token: {{token}}", "expect=item: body.echo == 'x'")
    assert "item: body.echo == 'x': is \"***\" (HTTP 200" in result["summary"]
    assert "t-0k3n" not in run.text and 'p"w' not in run.text


def test_a_step_whose_value_is_missing_is_not_run(server):
    result = run(server.url, "steps=login: GET /health", "steps=item: GET /items/{{id}}", "extract=login: id = body.id")
    items = {item["name"]: item for item in result["items"]}
    assert items["login"]["status"] == "critical"
    assert items["login"]["summary"].startswith("extract id = body.id: there is nothing of that name")
    assert items["item"]["status"] == "unknown"
    assert items["item"]["summary"] == "not run: {{id}} has no value"
    assert result["summary"].startswith(f"{server.url}/: of 2 requests 1 failed, 1 unknown: login: extract id")


def test_cookies_last_for_one_sequence_only(server):
    passes(server.url, "steps=one: GET /set-cookie", "steps=two: GET /need-cookie")
    assert "status == 2xx: is 403" in fails(server.url + "/need-cookie")


def test_extraction_by_regular_expression_and_header(server):
    passes(server.url, "steps=one: GET /teapot", "steps=two: POST /echo", "expect=one: status == 418",
           "extract=one: word = body =~ 'and (\\w+)'", "extract=one: size = header.content-length",
           "body=two: {{word}}/{{size}}", "expect=two: body == 'stout/16'")


def test_the_other_steps_run_when_one_fails_unless_told_otherwise(server):
    steps = ["steps=one: GET /none", "steps=two: GET /health"]
    assert [item["status"] for item in run(server.url, *steps)["items"]] == ["critical", "ok"]
    assert [item["status"] for item in run(server.url, *steps, stop_on_failure="true")["items"]] == \
        ["critical", "unknown"]


def test_retries_are_counted_and_end(server):
    server.flaky = 0
    result = passes(server.url + "/flaky", retries=2, retry_pause="10ms")
    assert result["items"][0]["attributes"]["attempts"] == "3"
    assert "is 503" in fails(server.url + "/flaky", retries=1, retry_pause="10ms")


# ---- Requests ----

def test_method_body_and_headers(server):
    passes(server.url + "/echo", "body=hello", "header=X-One: 1", "expect=body == 'hello'", "expect=header.x-type == 'None'")
    assert server.seen[-1][0] == "POST" and server.seen[-1][2]["X-One"] == "1"
    passes(server.url + "/echo", 'json={"a": [1, 2]}', "expect=body.a[1] == 2", "method=PUT",
           "expect=header.x-type == 'application/json'")
    assert server.seen[-1][0] == "PUT"
    passes(server.url + "/health", "method=HEAD", "expect=size == 0")


def test_basic_and_bearer(server):
    passes(server.url + "/basic", user="ana", password="pass-w0rd")
    assert "is 401" in fails(server.url + "/basic", user="ana", password="wrong")
    passes(server.url + "/bearer", bearer="b-e-a-r")
    assert "b-e-a-r" not in run.text and "pass-w0rd" not in run.text
    passes(server.url + "/bearer", "secret_header=Authorization: Bearer b-e-a-r")


def test_a_server_that_sends_secrets_back_does_not_get_them_into_the_result(server):
    said = fails(server.url + "/mirror", "expect=body.said == 'x'", "expect=body.key == 'y'", user="ana", password="pass-w0rd",
                 secret_header="X-Key: k3y")
    assert "body.said == 'x': is \"Basic ***\"; body.key == 'y': is \"***\"" in said


def test_several_addresses_each_by_itself():
    first = Server()
    try:
        result = run(f"http://localhost:{first.server_port}/health", addresses="all")
        names = {item["name"].rpartition(" @ ")[2]: item["status"] for item in result["items"]}
        assert names["127.0.0.1"] == "ok"
        if "::1" in names:
            assert names["::1"] == "critical"
        assert 'probe_success' in run.text
    finally:
        first.shutdown()
        first.server_close()


def test_ipv6():
    server = Server(("::1", 0), socket.AF_INET6)
    try:
        result = passes(f"http://[::1]:{server.server_port}/health", "expect=address == '::1'", addresses="all")
        assert result["items"][0]["name"].endswith(" @ ::1")
    finally:
        server.shutdown()
        server.server_close()


# ---- Redirects ----

def test_redirects_are_answers_unless_they_are_followed(server):
    assert "status == 2xx: is 302 (redirects are followed when redirects is set)" in fails(server.url + "/to-health")
    passes(server.url + "/to-health", "expect=redirects == 1", "expect=body.status == 'up'", redirects=1)
    assert "s3cret" not in run.text
    assert "more than 5 redirects: the server leads in a circle" in fails(server.url + "/loop", redirects=5)


@pytest.mark.parametrize("target, said", [
    ("file:///etc/passwd", "a redirect to file:///etc/passwd is refused: only http:// and https:// are followed"),
    ("gopher://127.0.0.1/x", "only http:// and https:// are followed"),
    ("http://169.254.169.254/latest/meta-data/?k=v", "the answer leads to 169.254.169.254, which is refused"),
    ("http://0xa9fea9fe/", "the answer leads to 169.254.169.254, which is refused"),
    ("http://[fe80::1]/", "the answer leads to [fe80::1], which is refused"),
    ("http://[fd00:ec2::254]/", "the answer leads to [fd00:ec2::254], which is refused"),
    ("http://[::ffff:169.254.169.254]/", "which is refused"),
    ("http://100.100.100.200/", "the answer leads to 100.100.100.200, which is refused"),
])
def test_redirects_to_where_nobody_should_be_led_are_refused(server, target, said):
    assert said in fails(f"{server.url}/to?{target}", redirects=3)


def test_an_extracted_url_is_guarded_like_a_redirect(server):
    result = run(server.url, "steps=one: GET /to?http://169.254.169.254/", "steps=two: GET {{next}}",
                 "expect=one: status == 302", "extract=one: next = header.location")
    assert result["items"][1]["summary"] == "the answer leads to 169.254.169.254, which is refused"


def test_credentials_stay_with_their_host(server):
    other = Server()
    try:
        passes(f"{server.url}/to?{other.url}/health", "header=X-Key: k", "header=Accept: a/b", redirects=1, user="ana",
               password="pass-w0rd", secret="s", secret_header="X-Secret: t")
        headers = other.seen[-1][2]
        assert headers["Accept"] == "a/b"
        assert not {"Authorization", "X-Key", "X-Secret"} & set(headers)
        assert {"Authorization", "X-Key", "X-Secret"} <= set(server.seen[-1][2])
    finally:
        other.shutdown()
        other.server_close()


INSIDE = """
set -e
ip link set lo up
ip address add 192.0.2.7/32 dev lo
ip address add 169.254.169.254/32 dev lo
printf '127.0.0.1 localhost inside.example\\n169.254.169.254 cloud.example\\n192.0.2.7 www.example\\n' >{folder}/hosts
mount --bind {folder}/hosts /etc/hosts
exec {python} {script} {gavea}
"""

LEADING = """
import http.server, json, subprocess, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        inside = self.server.server_address[0] != "192.0.2.7"
        target = self.path.partition("?")[2]
        asked.append((inside, self.path))
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target.replace("PORT", str(inside_port)))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

asked, out = [], []
outside = http.server.ThreadingHTTPServer(("192.0.2.7", 0), Handler)
inside = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
inside_port = inside.server_port
for server in (outside, inside):
    threading.Thread(target=server.serve_forever, daemon=True).start()
for url in ("http://www.example:%d/?http://cloud.example:PORT/" % outside.server_port,
            "http://www.example:%d/?http://inside.example:PORT/" % outside.server_port,
            "http://www.example:%d/?http://127.0.0.1:PORT/" % outside.server_port,
            "http://cloud.example:%d/" % inside_port,
            "http://169.254.169.254:%d/" % inside_port):
    done = subprocess.run([sys.argv[1], "run", "http", "url=" + url, "redirects=3", "--json"], capture_output=True, text=True)
    out.append(json.loads(done.stdout)["summary"])
print(json.dumps([out, [path for within, path in asked if within]]))
"""


def test_the_address_is_judged_whatever_the_name_is(tmp_path):
    probe = ["unshare", "--net", "--mount", "true"]
    if os.geteuid() != 0 or subprocess.run(probe, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs to make a network namespace")
    script = tmp_path / "leading.py"
    script.write_text(LEADING)
    text = INSIDE.format(folder=tmp_path, python=sys.executable, script=script, gavea=BUILD / "gavea")
    done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", text], check=False, capture_output=True, text=True,
                          timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    said, asked_inside = json.loads(done.stdout)
    assert said[0].endswith("the answer leads to a link-local or metadata address, which is refused")
    assert said[1].endswith("the answer leads to a loopback address, which is refused")
    assert said[2].endswith("the answer leads to 127.0.0.1, which is refused")
    assert said[3].endswith("cloud.example has a link-local or metadata address; allow_link_local = true would allow that")
    assert said[4].endswith("1 request as expected in " + said[4].rpartition(" in ")[2])
    assert asked_inside == ["/"]


# ---- Servers that misbehave ----

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def test_a_server_that_trickles_is_given_up(rude):
    def drops():
        yield HEAD % 1000
        while True:
            yield b"x"
            yield 0.02
    said = fails(rude(drops), step_timeout="300ms")
    assert re.search(r"the answer did not end in time: \d+ bytes of its body had come", said), said


def test_a_server_that_never_answers_is_given_up_before_the_deadline(rude):
    result = run(rude([], close=False), "steps=one: GET /", "steps=two: GET /", timeout="1s")
    assert [item["status"] for item in result["items"]] == ["critical", "unknown"]
    assert result["items"][0]["summary"] == "connected, but no answer came in time"
    assert result["items"][1]["summary"] == "not run: the check's time was used up before"


def test_a_step_for_which_others_left_too_little_time_is_unknown(rude):
    result = run(rude([], close=False), "steps=one: GET /", "steps=two: GET /", timeout="1s", step_timeout="700ms")
    assert [item["status"] for item in result["items"]] == ["critical", "unknown"]


def test_a_body_that_is_shorter_than_announced_is_a_failure(rude):
    assert "the answer was cut off after 5 bytes of its body" in fails(rude([HEAD % 1000, b"hello"]))


def test_a_body_that_is_longer_than_announced_does_not_reach_the_next_answer(rude):
    lie = (HEAD % 2) + b"{}" + (HEAD % 5) + b'"odd"'
    result = run(rude([lie]), "steps=one: GET /", "steps=two: GET /", "expect=*: size == 2")
    assert result["status"] == "ok", result["summary"]


def test_an_endless_body_is_capped(rude):
    def flood():
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 65536
    assert "the answer is larger than 1 MiB (max_body)" in fails(rude(flood))


def test_endless_headers_are_capped(rude):
    def flood():
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-More: " + b"x" * 1000 + b"\r\n"
    assert "the answer has more than 64 KiB or 256 lines of headers" in fails(rude(flood))


def test_a_compressed_body_that_swells_is_capped(server):
    passes(server.url + "/zipped", "expect=body.ok == true", compression="true")
    assert "the answer is larger than 1 MiB (max_body)" in fails(server.url + "/bomb", compression="true")


@pytest.mark.parametrize("bytes_, said", [
    (b"", "the connection was closed without an answer"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "what came back is not HTTP; is the port right?"),
    (b"\x00\xff\xfe" * 100, "what came back is not HTTP; is the port right?"),
])
def test_what_is_not_http_is_said_so(rude, bytes_, said):
    assert said in fails(rude([bytes_]))


def test_bytes_that_are_not_utf8_do_not_get_into_the_result(rude):
    said = fails(rude([b"HTTP/1.1 200 OK\r\nX-Bad: \xff\xfe\r\nContent-Length: 3\r\n\r\n\xc3\x28\xff"]), "expect=body == 'x'",
                 "expect=header.x-bad == 'y'")
    assert "body == 'x': is \"?(?\"; header.x-bad == 'y': is \"??\"" in said


# ---- Options ----

@pytest.mark.parametrize("words, said", [
    (["url=ftp://x/"], "url: not a valid URL of http or https, such as https://www.example.com/health"),
    (["url=http://a:b@x/"], "url: must not hold a user or password: use user and password"),
    (["steps=GET /"], 'steps: "GET /" is not of the form name: GET /path (a name has letters, digits, _ and -, at most 32)'),
    (["steps=a: GET"], "steps: a: the path or URL is missing"),
    (["steps=a: GET x"], "steps: a: what is asked for must begin with /, http:// or https://"),
    (["steps=a: GET /", "steps=a: GET /"], 'steps: there are two steps "a"'),
    (["steps=a: GET /", "expect=b: status == 200"], 'expect: there is no step "b"'),
    (["steps=a: GET /", "expect=status == 200"],
     'expect: each entry begins with the name of its step and a colon ("a: ..."), or with "*: " for all steps'),
    (["steps=a: GET /{{id}}"], "step a uses {{id}}, which neither an earlier step extracts nor an option gives"),
    (["expect=body.x-y == 1"],
     'expect: "body.x-y == 1": at 7: one of == != < <= > >= =~ !~ contains in is wanted here'),
    (["expect=latency < 2"], 'expect: "latency < 2": at 11: a duration such as 2s or 250ms is wanted'),
    (["expect=all(body.x) == 1"],
     'expect: "all(body.x) == 1": at 5: this path names one value only; all() and any() want several, such as body.*'),
    (["expect=body =~ '('"],
     "expect: \"body =~ '('\": at 9: the regular expression is wrong at its byte 2: missing closing parenthesis"),
    (["json={"], "json: the body is not JSON: wrong in line 1, column 1"),
    (["header=nonsense"], "header: a header is written Name: value"),
    (["bearer=a", "user=b"], "bearer: cannot be used together with user: both are an Authorization header"),
    (["proxy=ftp://x"], "proxy: must begin with http://, https:// or socks5h://"),
    (["proxy=http://x"], "proxy: must end with a port, as in http://proxy.example.com:3128"),
])
def test_options_that_cannot_be_are_refused_with_what_to_do(words, said):
    words = words if words[0].startswith("url=") else ["url=http://127.0.0.1:1/", *words]
    result = json.loads(cli("run", "http", *words, "--json", check=False).stdout)
    assert result["status"] == "unknown"
    assert result["summary"] == said
