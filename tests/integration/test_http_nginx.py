# SPDX-License-Identifier: Apache-2.0
"""The http plugin against nginx on loopback: TLS, client certificates, HTTP/2, unix sockets, and a proxy."""

import http.server
import json
import shutil
import socket
import subprocess
import threading
import urllib.request

import pytest
from conftest import cli, wait_until

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")

CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
  default_type application/json;
  server {{ listen 127.0.0.1:{tls} ssl http2; location / {{ return 200 '{{"protocol": "$server_protocol"}}'; }}
           location /down {{ return 302 http://127.0.0.1:{plain}/; }} }}
  server {{ listen 127.0.0.1:{plain}; location / {{ return 200 '{{"protocol": "$server_protocol"}}'; }} }}
  server {{ listen 127.0.0.1:{h2c} http2; location / {{ return 200 '{{"protocol": "$server_protocol"}}'; }} }}
  server {{ listen 127.0.0.1:{mutual} ssl; ssl_client_certificate {folder}/ca.pem; ssl_verify_client on;
           location / {{ return 200 '{{"who": "$ssl_client_s_dn"}}'; }} }}
  server {{ listen 127.0.0.1:{other} ssl; ssl_certificate {folder}/ca.pem; ssl_certificate_key {folder}/ca.key; }}
  server {{ listen unix:{folder}/web.sock; location / {{ return 200 '{{"host": "$host"}}'; }} }}
}}
"""


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def make_certificates(folder):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
            "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name, days in (("leaf", "40"), ("client", "10")):
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", days, "-extfile", "ext", "-out", f"{name}.pem")
    openssl(folder, "ec", "-in", "client.key", "-aes256", "-passout", "pass:k3y", "-out", "locked.key")


class Nginx:
    def __init__(self, folder):
        self.folder = folder
        folder.chmod(0o755)
        make_certificates(folder)
        names = ["tls", "plain", "h2c", "mutual", "other"]
        self.ports = dict(zip(names, free_ports(len(names))))
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, **self.ports))
        self.process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "start.log"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.ca = f"ca={folder}/ca.pem"

    def answers(self):
        assert self.process.poll() is None, (self.folder / "start.log").read_text()
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.ports['plain']}/", timeout=5).status == 200
        except OSError:
            return False

    def url(self, name, path="/", host="127.0.0.1"):
        return f"http{'s' if name in ('tls', 'mutual', 'other') else ''}://{host}:{self.ports[name]}{path}"

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    server = Nginx(tmp_path_factory.mktemp("nginx"))
    try:
        wait_until("nginx to answer", server.answers)
        yield server
    finally:
        server.stop()


def run(*words):
    done = cli("run", "http", *words, "--json", check=False)
    assert "k3y" not in done.stdout + done.stderr
    return json.loads(done.stdout)


def passes(*words):
    result = run(*words)
    assert result["status"] == "ok", result["summary"]
    return result


def fails(*words):
    result = run(*words)
    assert result["status"] == "critical", result
    return result["summary"]


def test_tls_is_http2_where_the_server_has_it_and_shows_its_certificate(nginx):
    result = passes(f"url={nginx.url('tls')}", nginx.ca, "expect=version == '2'", "expect=body.protocol == 'HTTP/2.0'",
                    "expect=certificate.days > 39", "expect=certificate.days < 41", "http_version=2")
    assert 39 < float(result["items"][0]["attributes"]["certificate_days"]) <= 40
    assert float(result["items"][0]["attributes"]["tls"]) > 0
    passes(f"url={nginx.url('tls')}", nginx.ca, "http_version=1.1", "expect=version == '1.1'")
    passes(f"url={nginx.url('tls', host='localhost')}", nginx.ca, "family=ipv4")


def test_http2_without_tls_and_http2_that_is_not_there(nginx):
    passes(f"url={nginx.url('h2c')}", "http_version=2-prior-knowledge", "expect=body.protocol == 'HTTP/2.0'")
    assert "the answer came by HTTP/1.1, not HTTP/2" in fails(f"url={nginx.url('plain')}", "http_version=2")


def test_a_certificate_that_is_not_trusted_is_a_failure_and_insecure_says_so(nginx):
    assert "the certificate is not trusted: unable to get local issuer certificate" in fails(f"url={nginx.url('tls')}")
    assert passes(f"url={nginx.url('tls')}", "insecure=true")["summary"].endswith(
        "(insecure: certificates are not verified)")


def test_a_certificate_for_another_name_is_a_failure(nginx):
    assert "the certificate is not for 127.0.0.1: " in fails(f"url={nginx.url('other')}", nginx.ca)


def test_client_certificates(nginx):
    url, cert = f"url={nginx.url('mutual')}", f"client_certificate={nginx.folder}/client.pem"
    assert "status == 2xx: is 400" in fails(url, nginx.ca)
    passes(url, nginx.ca, cert, f"client_key={nginx.folder}/client.key", "expect=body.who == 'CN=client'")
    passes(url, nginx.ca, cert, f"client_key={nginx.folder}/locked.key", "key_password=k3y")
    assert "ca, client_certificate or client_key cannot be used" in fails(url, nginx.ca, cert,
                                                                         f"client_key={nginx.folder}/leaf.key")


def test_a_redirect_that_leaves_tls_is_refused_unless_allowed(nginx):
    url = f"url={nginx.url('tls', '/down')}"
    assert f"a redirect to {nginx.url('plain')} is refused: it leaves TLS; allow_downgrade = true would allow that" in \
        fails(url, nginx.ca, "redirects=2")
    passes(url, nginx.ca, "redirects=2", "allow_downgrade=true")


def test_a_unix_socket(nginx):
    passes("url=http://app.example/x", f"unix_socket={nginx.folder}/web.sock", "expect=body.host == 'app.example'")
    assert f"cannot connect to {nginx.folder}/none: No such file or directory" in fails(
        "url=http://app.example/x", f"unix_socket={nginx.folder}/none")


class Proxy(http.server.BaseHTTPRequestHandler):
    """GET by absolute URL, and CONNECT, for anything that wants to go to the loopback."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Proxy-Authorization")))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_CONNECT(self):
        self.server.seen.append((self.path, self.headers.get("Proxy-Authorization")))
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Proxy: yes\r\n\r\n")
            back = threading.Thread(target=self.copy, args=(there, self.connection), daemon=True)
            back.start()
            self.copy(self.connection, there)
            back.join(10)
        self.close_connection = True

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def proxy():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.seen = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_proxy_is_used_with_and_without_tls(nginx, proxy):
    way = f"proxy=http://127.0.0.1:{proxy.server_port}"
    passes("url=http://nowhere.invalid/x", way, "proxy_user=ana", "proxy_password=k3y", "expect=body == 'ok'")
    assert proxy.seen[-1] == ("http://nowhere.invalid/x", "Basic YW5hOmszeQ==")
    passes(f"url={nginx.url('tls')}", way, nginx.ca, "expect=version == '2'", "expect=not has(header.x-proxy)")
    assert proxy.seen[-1][0] == f"127.0.0.1:{nginx.ports['tls']}"
