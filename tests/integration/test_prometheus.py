# SPDX-License-Identifier: Apache-2.0
"""The prometheus output in a real agent: what a scraper reads, against Debian's exporter, promtool, Prometheus and its
Python client; and scrapers that are slow, hostile or gone, beside another output and checks that go on."""
import base64
import contextlib
import gzip
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PATIENCE, ROOT, Agent, wait_until
from host_scrape import exporter, parse_exposition, scrape, show, wrong_types

sys.path.insert(0, str(ROOT))
from tests.support import prometheus, receiver  # noqa: E402
from tests.support.prometheus import get  # noqa: E402

# The library of Debian's python3-prometheus-client.
from prometheus_client import openmetrics, parser  # noqa: E402
import prometheus_client.openmetrics.parser  # noqa: E402,F401

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
LISTENING = re.compile(r"prometheus/main: listening on (https?)://([0-9.]+):(\d+)(/\S*)")
MANY = 1500  # little enough for the worker's limit, where the sanitizer keeps what is freed
LEFT_OUT = {"node_scrape_collector_duration_seconds", "node_scrape_collector_success"}


class Output:
    """An agent with the output, and where that listens."""

    def __init__(self, folder, options="", more=None, host="host: { every = \"1s\"; checks = ( { name = \"main\"; } ); };"):
        (folder / "etc/conf.d").mkdir(parents=True)
        (folder / "etc/gavea.conf").write_text('agent: { name = "app-01"; labels: { role = "app"; site = "gru 1"; }; };\n')
        self.folder = folder
        for name, text in {"host": host, **(more or {})}.items():
            (folder / f"etc/conf.d/{name}.conf").write_text(text + "\n")
        self.configure(options)
        self.agent, self.server = Agent(folder), None

    def configure(self, options):
        (self.folder / "etc/conf.d/prometheus.conf").write_text(
            'prometheus: { every = "200ms"; checks = ( { name = "main"; '
            + ("" if "listen =" in options else 'listen = "127.0.0.1:0"; ') + options + " } ); };\n")

    def ready(self):
        self.agent.ready()
        found = wait_until("the output to listen", lambda: LISTENING.findall(self.agent.log))
        self.scheme, self.address, self.port, self.path = found[-1]
        self.port = int(self.port)
        self.url = f"{self.scheme}://{self.address}:{self.port}"
        return self

    def metrics(self, **headers):
        status, _, body = get(self.url + self.path, {name.replace("_", "-"): value for name, value in headers.items()})
        assert status == 200
        return body.decode()

    def value(self, name, /, **labels):
        values, _ = parse_exposition(self.metrics())
        return values.get((name, frozenset(labels.items())))

    def has(self, name, value, /, **labels):
        return wait_until(f"{name} to be {value}", lambda: self.value(name, **labels) == value)

    def measures(self):
        """Waits for the host's metrics. Their status is the machine's, whatever else that is doing."""
        wait_until("the host's metrics", lambda: self.value("node_load1") is not None)
        self.has("gavea_check_interval_seconds", 1, check="host/main")

    def stop(self):
        return self.agent.stop()


def workers(agent):
    """{plugin: pid} of the agent's workers."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == agent.pid:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                found[words[1] if len(words) > 1 else ""] = int(entry.name)
    return found


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """One agent for all that only read: host metrics, a check of each status, and another output. A file with many series
    makes the metrics larger than what sockets hold."""
    centre = receiver.Receiver()
    folder = tmp_path_factory.mktemp("output")
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    (textfiles / "many.prom").write_text("# HELP mine_total x\n# TYPE mine_total counter\n" + "".join(
        f'mine_total{{number="{i}",label="{i:080}"}} {i}\n' for i in range(MANY)))
    probes = "".join(f'{{ name = "{name}"; command = [ "/bin/sh", "-c", "echo {name}; exit {code}" ]; labels: {{ team = "a-b"; }}; }}, '
                     for code, name in enumerate(("fine", "warns", "fails", "odd")))
    made = Output(folder / "agent", host=f'host: {{ every = "1s"; checks = ( {{ name = "main"; remote = true; '
                  f'textfile_directory = "{textfiles}"; }} ); }};', more={
        "exec": f'exec: {{ every = "500ms"; checks = ( {probes.rstrip(", ")} ); }};',
        "fleet": f'fleet: {{ every = "200ms"; checks = ( {{ name = "centre"; url = "{centre.url}"; format = "json"; '
                 'compression = "none"; } ); };'})
    made.centre, made.textfiles = centre, textfiles
    try:
        made.ready()
        # It looks for its targets only after five seconds: other tests go on meanwhile.
        made.server = prometheus.Prometheus(folder / "prometheus", f"""
global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
- job_name: gavea
  static_configs: [ {{ targets: [ "{made.address}:{made.port}" ] }} ]
""")
        made.measures()
        made.has("gavea_check_status", 1, check="exec/odd", status="unknown")
        yield made
    finally:
        if made.server:
            made.server.stop()
        centre.stop()
        made.stop()


# ---- What is read ----

def test_names_labels_and_types_are_those_of_the_exporter(output, tmp_path):
    with exporter(tmp_path, f"--collector.textfile.directory={output.textfiles}") as url:
        scrape(url)
        first, types = scrape(url)
        ours, our_types = parse_exposition(output.metrics())
        second, _ = scrape(url)
    node = {key for key in ours if key[0].startswith(("node_", "mine_"))}
    expected = {key for key in first if key in second and key[0] not in LEFT_OUT}
    assert len(expected) > 200 + MANY
    assert sorted(map(show, expected - node)) == [], "the exporter has them, the output has not"
    assert sorted(map(show, node - set(first) - set(second))) == [], "the output has them, the exporter has not"
    assert wrong_types(our_types, types) == {}


def complaints(text):
    """What promtool says: {"name what is wrong"}."""
    tool = shutil.which("promtool")
    assert tool, "promtool is not installed (tools/install-deps)"
    done = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 3), done.stderr
    return set(done.stderr.splitlines())


def test_promtool_finds_nothing_that_it_does_not_find_in_the_exporter(output, tmp_path):
    ours = complaints(output.metrics())
    assert {line for line in ours if not line.startswith("node_")} == set()
    with exporter(tmp_path) as url:
        assert ours - complaints(get(url)[2].decode()) == set()


def test_promtool_finds_nothing_at_all_without_the_names_of_the_exporter(output):
    text = re.sub(r"(?m)^(# (HELP|TYPE) )?node_.*\n", "", output.metrics())
    assert "gavea_check_status" in text
    assert complaints(text) == set()


def samples(families):
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_both_formats_say_the_same_to_the_python_client(output):
    def both():
        text = samples(parser.text_string_to_metric_families(output.metrics()))
        whole = output.metrics(Accept=OPENMETRICS)
        return text, samples(openmetrics.parser.text_string_to_metric_families(whole))
    text, om = both()
    assert set(text) == set(om)
    steady = {key: value for key, value in text.items() if re.match(r"node_(\w+_info|memory_MemTotal_bytes|boot_time_seconds)|"
                                                                    r"gavea_(build_info|check_(status|items))", key[0])}
    assert len(steady) > 10
    assert {key: om[key] for key in steady} == steady


def test_the_format_and_the_compression_are_negotiated(output):
    url = output.url + "/metrics"
    status, headers, body = get(url)
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert headers["Content-Encoding"] is None and int(headers["Content-Length"]) == len(body)
    status, headers, body = get(url, {"Accept": OPENMETRICS, "Accept-Encoding": "gzip"})
    assert headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert headers["Content-Encoding"] == "gzip" and headers["Vary"] == "Accept, Accept-Encoding"
    text = gzip.decompress(body).decode()
    assert text.endswith("\n# EOF\n") and len(body) < len(text) / 4
    assert get(url, {"Accept": OPENMETRICS + ";q=0.1, text/plain", "Accept-Encoding": "gzip;q=0"})[1]["Content-Encoding"] is None


def test_each_status_is_told(output):
    for name, status in (("fine", "ok"), ("warns", "warning"), ("fails", "critical"), ("odd", "unknown")):
        for other in ("ok", "warning", "critical", "unknown"):
            output.has("gavea_check_status", float(other == status), check=f"exec/{name}", status=other)
    assert output.value("gavea_check_info", check="exec/fine", team="a-b") == 1
    assert output.value("gavea_check_interval_seconds", check="exec/fine") == 0.5
    assert output.value("gavea_agent_info", name="app-01", role="app", site="gru 1") == 1
    assert abs(output.value("gavea_check_last_run_timestamp_seconds", check="exec/fine") - time.time()) < PATIENCE
    assert output.value("gavea_events_total", kind="started") == 1
    # The same series of several checks are told apart by the check, and by nothing else.
    assert output.value("gavea_exec_duration_seconds", check="exec/fine") is not None


def test_what_is_not_there_is_not_found(output):
    assert get(output.url + "/nothing")[0] == 404
    assert get(output.url + "/metrics/")[0] == 404
    assert get(output.url + "/-/healthy")[::2] == (200, b"healthy\n")
    status, headers, body = get(output.url + "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and b'<a href="/metrics">' in body
    assert get(output.url + "/metrics?collect[]=cpu")[0] == 200


def talk(output, request, patience=PATIENCE, source="127.0.0.1"):
    """What comes back for these bytes, to the end of the connection."""
    with socket.create_connection((output.address, output.port), patience, source_address=(source, 0)) as s:
        s.sendall(request)
        answer = b""
        while part := s.recv(1 << 16):
            answer += part
    return answer


def test_only_get_and_head_without_a_body_are_answered(output):
    end = b"Host: x\r\nConnection: close\r\n"
    head = talk(output, b"HEAD /metrics HTTP/1.1\r\n" + end + b"\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and head.endswith(b"\r\n\r\n")
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) > 10000
    for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS", b"BREW"):
        answer = talk(output, method + b" /metrics HTTP/1.1\r\n" + end + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 405 ") and b"Allow: GET, HEAD" in answer
    for length in (b"Content-Length: 5\r\n", b"Content-Length: 99999999999\r\n", b"Transfer-Encoding: chunked\r\n",
                   b"Content-Length: 0\r\nContent-Length: 5\r\n"):
        assert talk(output, b"POST /metrics HTTP/1.1\r\n" + end + length + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert b"200" not in talk(output, b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000 + b"\r\n\r\n")[:20]


def block(readme, begin):
    """An example in the README."""
    return re.search(r"(?ms)^```\n(" + re.escape(begin) + r".*?)^```$", readme)[1]


def test_the_examples_for_prometheus_are_valid(tmp_path):
    readme = (ROOT / "plugins/prometheus/README.md").read_text()
    (tmp_path / "prometheus.yml").write_text(block(readme, "scrape_configs:"))
    rules = "".join("  " + line + "\n" for line in block(readme, "- alert:").splitlines())
    (tmp_path / "rules.yml").write_text("groups:\n- name: gavea\n  rules:\n" + rules)
    for what, file in (("config", "prometheus.yml"), ("rules", "rules.yml")):
        done = subprocess.run(["promtool", "check", what, tmp_path / file], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


# ---- Scrapers that misbehave ----

def test_no_scraper_delays_another_output_a_check_or_another_scraper(output):
    """Slow readers, half requests, garbage and hundreds of connections from elsewhere; all the while records arrive."""
    def progress():
        with output.centre._lock:
            return sum("result" in record for record in output.centre.records.values())

    opened, where = [], (output.address, output.port)
    half = [b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"GET /met", b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20, bytes(range(256)) * 8]
    try:
        before = progress()
        for i in range(400):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.settimeout(PATIENCE)
            s.bind((f"127.0.0.{2 + i % 9}", 0))
            opened.append(s)
            with contextlib.suppress(OSError):
                s.connect(where)
                s.send(half[i % len(half)])
            if i % 40 == 0:
                assert "gavea_check_status" in output.metrics()
        reached = progress()
        wait_until("more results", lambda: progress() > max(before, reached) + 20)
        run = output.value("gavea_check_last_run_timestamp_seconds", check="host/main")
        wait_until("the next run", lambda: output.value("gavea_check_last_run_timestamp_seconds", check="host/main") > run)
        values, _ = parse_exposition(output.metrics())
        assert values["gavea_scrape_connections", frozenset()] <= 64
        dropped = sum(value for (name, _), value in values.items() if name == "gavea_scrape_connections_dropped_total")
        assert dropped > 300
        assert workers(output.agent)["prometheus"]
    finally:
        for s in opened:
            s.close()
    status = output.agent.cli("status", "--json").stdout
    assert "prometheus/main" in status


def test_a_slow_reader_gets_the_whole_of_what_it_asked_for(output):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(PATIENCE)
        s.connect((output.address, output.port))
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        first = s.recv(100)
        renders = output.value("gavea_scrape_renders_total")
        wait_until("newer metrics", lambda: output.value("gavea_scrape_renders_total") > renders + 1)
        answer = first
        while part := s.recv(4096):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) == len(body) > 100 * MANY
    assert body.endswith(b"\n") and b"gavea_spool_dropped_total" in body


# ---- Its own agents ----

@pytest.fixture
def start(tmp_path, started):
    def make(options="", name="own", ready=True, **more):
        made = Output(tmp_path / name, options, **more)
        started.append(made)
        return made.ready() if ready else made
    return make


SELDOM = 'exec: { every = "1h"; checks = ( { name = "seldom"; command = [ "/bin/sh", "-c", "echo no; exit 2" ]; } ); };'


def test_a_killed_worker_comes_back_with_what_was_known(start):
    own = start(more={"exec": SELDOM})
    own.has("gavea_check_status", 1, check="exec/seldom", status="critical")
    old = workers(own.agent)["prometheus"]
    os.kill(old, signal.SIGKILL)
    wait_until("the next worker", lambda: workers(own.agent).get("prometheus", old) != old)
    wait_until("it to listen", lambda: len(LISTENING.findall(own.agent.log)) == 2)
    own.ready()
    own.has("gavea_check_status", 1, check="exec/seldom", status="critical")
    assert own.value("gavea_exec_duration_seconds") is not None
    own.measures()
    assert own.value("gavea_check_info", check="exec/seldom") == 1


def test_other_options_take_effect_with_a_reload_on_the_same_port(start):
    port = prometheus.free_port()
    own = start(f'listen = "127.0.0.1:{port}";', more={"exec": SELDOM})
    own.has("gavea_check_status", 1, check="exec/seldom", status="critical")
    own.configure(f'listen = "127.0.0.1:{port}"; path = "/other"; agent_labels = "all";')
    own.agent.cli("reload")
    wait_until("the new path", lambda: len(LISTENING.findall(own.agent.log)) == 2)
    own.ready()
    assert own.path == "/other" and get(own.url + "/metrics")[0] == 404
    own.has("gavea_check_status", 1, check="exec/seldom", status="critical", role="app", site="gru 1")


def test_a_check_that_is_taken_out_is_shown_no_more(start):
    own = start(more={"exec": SELDOM})
    own.has("gavea_check_status", 1, check="exec/seldom", status="critical")
    (own.folder / "etc/conf.d/exec.conf").unlink()
    own.agent.cli("reload")
    wait_until("it to be gone", lambda: "exec/seldom" not in own.metrics())
    assert "gavea_exec" not in own.metrics()


def test_a_port_in_use_is_told_and_tried_again(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        own = start(f'listen = "127.0.0.1:{port}";', ready=False)
        own.agent.ready()
        wait_until("the error", lambda: f"listen: cannot listen on 127.0.0.1:{port}: Address already in use: "
                   "another program has this port; ss -ltnp shows which" in own.agent.log)
    own.ready()
    own.measures()


def test_bad_options_are_named(start):
    own = start('path = "metrics";', ready=False)
    own.agent.ready()
    wait_until("the error", lambda: "path: must begin with / and have letters, digits and -._~ only, such as /metrics"
               in own.agent.log)


def test_only_those_who_know_the_password_read(start):
    own = start('user = "scraper"; password = "s3cr3t:wörd";')
    url = own.url + "/metrics"
    status, headers, body = get(url)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="gavea"') and b"gavea_" not in body

    def basic(text):
        return get(url, {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()})[0]
    assert basic("scraper:s3cr3t:wörd") == 200
    assert [basic(wrong) for wrong in ("scraper:s3cr3t", "scraper:", ":s3cr3t:wörd", "other:s3cr3t:wörd", "")] == [401] * 5
    assert get(own.url + "/")[0] == 401 and get(own.url + "/nothing")[0] == 401
    assert get(own.url + "/-/healthy")[0] == 200
    assert "s3cr3t" not in own.agent.log
    assert "s3cr3t" not in Path(f"/proc/{workers(own.agent)['prometheus']}/cmdline").read_text()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """PEM files: an authority, a server's and a client's certificate of it, and a client's of another one."""
    folder = tmp_path_factory.mktemp("keys")
    return authority_files(folder)


def openssl(*arguments, folder):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def authority_files(folder):
    for ca in ("ca", "otherca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem", folder=folder)
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    for name, ca in (("server", "ca"), ("client", "ca"), ("stranger", "otherca"), ("renewed", "ca")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", folder=folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
                "-days", "2", "-extfile", "extensions", "-out", f"{name}.pem", folder=folder)
    return folder


def https(own, keys, client=None):
    """The body over TLS, or the error."""
    context = ssl.create_default_context(cafile=keys / "ca.pem")
    if client:
        context.load_cert_chain(keys / f"{client}.pem", keys / f"{client}.key")
    with socket.create_connection((own.address, own.port), PATIENCE) as s, \
            context.wrap_socket(s, server_hostname="127.0.0.1") as tls:
        tls.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := tls.recv(1 << 16):
            answer += part
        return answer, tls.getpeercert()


def test_tls_is_spoken_with_the_configured_certificate(start, keys):
    own = start(f'tls_certificate = "{keys}/server.pem"; tls_key = "{keys}/server.key";')
    assert own.scheme == "https"
    body, certificate = https(own, keys)
    assert body.startswith(b"HTTP/1.1 200 ") and b"gavea_build_info" in body
    assert certificate["subject"] == ((("commonName", "server"),),)
    # openssl's client agrees, and older versions of TLS are refused.
    for version, code in (("-tls1_3", 0), ("-tls1_2", 0), ("-tls1_1", 1)):
        done = subprocess.run(["openssl", "s_client", "-connect", f"{own.address}:{own.port}", version, "-CAfile",
                               keys / "ca.pem", "-verify_return_error", "-cipher", "DEFAULT@SECLEVEL=0"],
                              input=b"", capture_output=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
    # Handshakes that never end, and plain text, harm nobody.
    stalled = [socket.create_connection((own.address, own.port), PATIENCE, source_address=("127.0.0.9", 0))
               for _ in range(20)]
    try:
        for i, s in enumerate(stalled):
            with contextlib.suppress(OSError):
                s.send((b"\x16\x03\x01\x02\x00\x01", b"GET /metrics HTTP/1.1\r\n\r\n", b"")[i % 3])
        assert https(own, keys)[0].startswith(b"HTTP/1.1 200 ")
    finally:
        for s in stalled:
            s.close()


def subject(own, keys):
    time.sleep(0.1)  # each connection costs a sanitizer memory
    with contextlib.suppress(OSError):
        return dict(https(own, keys)[1]["subject"][0])["commonName"]
    return None


@pytest.mark.parametrize("how", ["replaced", "written anew"])
def test_a_renewed_certificate_is_taken_up(start, keys, tmp_path, how):
    port = prometheus.free_port()
    for end in ("pem", "key"):
        shutil.copy(keys / f"server.{end}", tmp_path / f"own.{end}")
    own = start(f'listen = "127.0.0.1:{port}"; tls_certificate = "{tmp_path}/own.pem"; tls_key = "{tmp_path}/own.key";')
    assert subject(own, keys) == "server"
    for end in ("pem", "key"):
        if how == "replaced":
            shutil.copy(keys / f"renewed.{end}", tmp_path / "new")
            os.rename(tmp_path / "new", tmp_path / f"own.{end}")
        else:
            (tmp_path / f"own.{end}").write_bytes((keys / f"renewed.{end}").read_bytes())
    wait_until("the new certificate", lambda: subject(own, keys) == "renewed")


def test_clients_must_show_a_certificate_of_the_configured_authority(start, keys):
    own = start(f'tls_certificate = "{keys}/server.pem"; tls_key = "{keys}/server.key"; tls_client_ca = "{keys}/ca.pem";')
    assert https(own, keys, "client")[0].startswith(b"HTTP/1.1 200 ")
    for stranger in (None, "stranger"):
        with pytest.raises(OSError):
            answer, _ = https(own, keys, stranger)
            raise OSError("no answer") if not answer else AssertionError(answer)


def test_wrong_files_of_tls_are_named(start, keys):
    wrong = [
        (f'tls_key = "{keys}/server.key";', "tls_certificate: is needed with tls_key"),
        (f'tls_certificate = "{keys}/server.pem";', "tls_key: is needed with tls_certificate"),
        (f'tls_certificate = "{keys}/none.pem"; tls_key = "{keys}/server.key";',
         f"tls_certificate: {keys}/none.pem: No such file or directory"),
        (f'tls_certificate = "{keys}/server.pem"; tls_key = "{keys}/client.key";',
         f"tls_certificate, tls_key: {keys}/server.pem and {keys}/client.key: The certificate and the given key do not match."),
        (f'tls_certificate = "{keys}/server.pem"; tls_key = "{keys}/server.key"; tls_client_ca = "{keys}/extensions";',
         f"tls_client_ca: {keys}/extensions: there is no certificate in it (PEM)"),
    ]
    checks = ", ".join(f'{{ name = "c{i}"; listen = "127.0.0.1:0"; {options} }}' for i, (options, _) in enumerate(wrong))
    own = start(ready=False, more={"prometheus": f'prometheus: {{ every = "200ms"; checks = ( {checks} ); }};'})
    (own.folder / "etc/conf.d/prometheus.conf").write_text(f'prometheus: {{ every = "200ms"; checks = ( {checks} ); }};\n')
    own.agent.ready()
    own.agent.cli("reload")
    for i, (_, error) in enumerate(wrong):
        wait_until(error, lambda i=i, error=error: f"prometheus/c{i}: {error}" in own.agent.log)


# ---- Prometheus itself, which has scraped all the while ----

def test_prometheus_scrapes_it(output):
    server = output.server.ready()
    wait_until("a rate over some scrapes", lambda: server.query('sum(rate(node_cpu_seconds_total[1m])) > 0'))
    wait_until("a good scrape", lambda: list(server.query("up").values()) == [1])
    bad = server.query('gavea_check_status{status!="ok"} == 1')
    assert {dict(labels)["check"] for labels in bad} >= {"exec/warns", "exec/fails", "exec/odd"}
    target = server.ask("targets")["activeTargets"][0]
    assert target["health"] == "up" and target["lastError"] == ""
    types = {name: entries[0]["type"] for name, entries in server.ask("metadata").items()}
    assert types.get("node_cpu_seconds_total", types.get("node_cpu_seconds")) == "counter"
    assert types["gavea_check_status"] == "gauge" and types["node_netstat_Tcp_InSegs"] == "unknown"
