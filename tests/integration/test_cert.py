# SPDX-License-Identifier: Apache-2.0
"""The cert plugin against real servers and files: every way in which a certificate looks good and is not."""
import base64
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

import pytest

from conftest import BUILD, PATIENCE, ROOT, SANITIZER, wait_until

sys.path.insert(0, str(ROOT / "tests/support"))
import tls_server  # noqa: E402  pylint: disable=wrong-import-position
from authority import Authority, openssl  # noqa: E402  pylint: disable=wrong-import-position
from tls_server import Server, by_name, context  # noqa: E402  pylint: disable=wrong-import-position


class Result:
    def __init__(self, done):
        assert not SANITIZER.search(done.stderr), done.stderr
        assert done.stdout, done.stderr
        self.raw = json.loads(done.stdout)
        self.status, self.summary = self.raw["status"], self.raw["summary"]
        self.items = {item["name"]: item for item in self.raw.get("items", [])}
        self.samples = {(s["name"], *s.get("labels", {}).values()): s["value"] for s in self.raw.get("samples", [])}

    def one(self):
        assert len(self.items) == 1, self.items
        return next(iter(self.items.values()))

    def item(self, host):
        """The one item of an endpoint's host."""
        found = [item for name, item in self.items.items() if name.startswith(host + ":")]
        assert len(found) == 1, self.items
        return found[0]


def run(*options, hosts=None, timeout="60s", prefix=()):
    """One check. hosts: a file that stands for /etc/hosts."""
    command = [*prefix, str(BUILD / "gavea"), "run", "cert", "--json", f"timeout={timeout}",
               *(f"{key}={value}" for key, value in options)]
    if hosts:
        command = ["unshare", "--mount", *([] if os.getuid() == 0 else ["-r"]), "sh", "-c",
                   'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts), *command]
    return Result(subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, timeout=4 * PATIENCE, check=False))


def check(**options):
    ours = {key: options.pop(key) for key in ("hosts", "timeout", "prefix") if key in options}
    return run(*options.items(), **ours)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("ca"))
    made.middle = made.issue("Test CA", None, issuer=made.root, ca=True, end=1000)
    made.good = made.issue("www.test", issuer=made.middle)
    made.other = made.issue("www.test", issuer=made.middle, begin=-40, end=50, file="older")
    return made


@pytest.fixture(scope="module")
def names(ca):
    """{host: a context} with all that can be wrong with a chain."""
    middle, folder = ca.middle, ca.folder
    made = {
        "good.test": ca.issue("good.test", issuer=middle),
        "expired.test": ca.issue("expired.test", issuer=middle, begin=-90, end=-3),
        "soon.test": ca.issue("soon.test", issuer=middle, begin=-85, end=5.52),
        "warn.test": ca.issue("warn.test", issuer=middle, begin=-70, end=20.52),
        "six-days.test": ca.issue("six-days.test", issuer=middle, begin=-1, end=5),
        "early.test": ca.issue("early.test", issuer=middle, begin=10.52, end=90),
        "never.test": ca.issue("never.test", issuer=middle, begin=10, end=5),
        "wrong.test": ca.issue("right.test", issuer=middle),
        "a.wild.test": ca.issue("*.wild.test", issuer=middle),
        "a.b.wild.test": ca.issue("*.wild.test", issuer=middle, file="wild2"),
        "nosan.test": ca.issue("nosan.test", None, issuer=middle),
        "self.test": ca.issue("self.test"),
        "missing.test": ca.issue("missing.test", issuer=middle),
        "sha1.test": ca.issue("sha1.test", issuer=middle, digest="sha1"),
        "rsa1024.test": ca.issue("rsa1024.test", issuer=middle,
                                 key=["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]),
        "staple.test": ca.issue("staple.test", issuer=middle, extra="tlsfeature = status_request"),
        "authority.test": ca.issue("authority.test", issuer=middle, ca=True),
    }
    contexts = {host: context(issued) for host, issued in made.items()}
    contexts["missing.test"] = context(made["missing.test"], made["missing.test"].certificate)
    old = ca.issue("Old CA", None, issuer=ca.root, ca=True, begin=-300, end=-2)
    below = ca.issue("below.test", issuer=old)
    contexts["old-ca.test"] = context(below)
    surplus = folder / "surplus.pem"
    surplus.write_text(made["good.test"].chain.read_text() + old.pem)
    contexts["surplus.test"] = context(ca.issue("surplus.test", issuer=middle, file="surplus-leaf"))
    leaf = ca.issue("surplus.test", issuer=middle, file="surplus2")
    surplus.write_text(leaf.chain.read_text() + old.pem)
    contexts["surplus.test"] = context(leaf, surplus)
    return contexts


@pytest.fixture(scope="module")
def zoo(ca, names, tmp_path_factory):
    """One run over all of them."""
    hosts = tmp_path_factory.mktemp("zoo") / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {host}\n" for host in names))
    server = Server(by_name(names))
    result = check(endpoints=",".join(f"{host}:{server.port}" for host in names), ca=ca.root.certificate, hosts=hosts)
    wait_until("every connection to end", lambda: len(server.ends) == len(names))
    yield result, server
    server.stop()


@pytest.mark.parametrize("host, status, words", [
    ("good.test", "ok", "valid until"),
    ("expired.test", "critical", "the certificate expired 3d 0h ago"),
    ("soon.test", "critical", "the certificate expires in 5d 12h"),
    ("warn.test", "warning", "the certificate expires in 20d 12h"),
    ("six-days.test", "ok", "valid until"),
    ("early.test", "critical", "the certificate is not valid yet: it begins in 10d 12h"),
    ("never.test", "critical", "the certificate was never valid: it ends ("),
    ("wrong.test", "critical", "the certificate is not for wrong.test but for DNS:right.test: "),
    ("a.wild.test", "ok", "valid until"),
    ("a.b.wild.test", "critical", "the certificate is not for a.b.wild.test but for DNS:*.wild.test: "),
    ("nosan.test", "critical", "the certificate is for no name at all, and so not for nosan.test: "),
    ("self.test", "critical", "the certificate is self-signed and not trusted here: "),
    ("missing.test", "critical", "the chain is incomplete: the issuer CN=Test CA is not trusted here and was not sent: "),
    ("sha1.test", "critical", "the certificate is signed with SHA-1, which clients refuse: "),
    ("rsa1024.test", "critical", "the RSA key of the certificate has 1024 bits only: "),
    ("staple.test", "critical", "the certificate demands a stapled OCSP answer (must-staple), and the server sends none: "),
    ("authority.test", "warning", "the certificate is that of an authority (CA:TRUE): "),
    ("old-ca.test", "critical", "the issuer's certificate CN=Old CA expired 2d 0h ago"),
    ("surplus.test", "warning", "CN=Old CA, which is sent though it is not needed, expired on "),
])
def test_a_served_certificate_is_judged(zoo, host, status, words):
    item = zoo[0].item(host)
    assert (item["status"], words in item["summary"]) == (status, True), item


def test_the_summary_counts_and_names_the_worst(zoo):
    assert zoo[0].status == "critical"
    assert zoo[0].summary.startswith("13 critical, 3 warning of 19: expired.test:"), zoo[0].summary


def test_clients_that_would_be_turned_away_are_no_success(zoo):
    result, server = zoo
    success = {name.rpartition(":")[0]: value for (key, name), value in result.samples.items() if key == "probe_success"}
    assert {host for host, value in success.items() if value} == {
        "good.test", "soon.test", "warn.test", "six-days.test", "a.wild.test", "authority.test", "surplus.test"}
    assert result.samples["probe_ssl_last_chain_expiry_timestamp_seconds", f"good.test:{server.port}"] == pytest.approx(
        time.time() + 90 * 86400, abs=3600)
    earliest = result.samples["probe_ssl_earliest_cert_expiry", f"surplus.test:{server.port}"]
    assert earliest < time.time() < result.samples["gavea_cert_not_after_timestamp_seconds", f"surplus.test:{server.port}"]


def test_every_connection_ends_properly(zoo):
    assert set(zoo[1].ends) == {""}


@pytest.mark.parametrize("protocol", tls_server.DIALOGUES)
def test_starttls_is_spoken_and_ended_politely(ca, protocol):
    plain, farewell, last_words = tls_server.DIALOGUES[protocol]
    server = Server(tls_server.after(plain, context(ca.good), farewell))
    try:
        result = check(endpoint=f"{protocol}://127.0.0.1:{server.port}", server_name="www.test", ca=ca.root.certificate)
        assert result.status == "ok", result.raw
        assert result.one()["attributes"]["starttls"] == protocol
        wait_until("the end", lambda: server.ends)
        assert (server.ends, server.seen) == ([""], [last_words])
    finally:
        server.stop()


def flood(_, connection):
    while True:
        connection.sendall(b"220-more\r\n" * 1000)


def flood_without_lines(_, connection):
    while True:
        connection.sendall(b"x" * 4096)


def flood_of_tls(_, connection):
    """Endless HelloRequests, which a client passes over in its handshake."""
    connection.recv(4096)
    record = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 1000
    while True:
        connection.sendall(record)


def trickle(server, connection):
    for byte in b"220 " + b"-" * 1000:
        connection.sendall(bytes([byte]))
        if server.stopping.wait(0.05):
            return


def silence(server, _):
    server.stopping.wait()


def huge(ca):
    folder = ca.folder
    chain = folder / "huge.pem"
    chain.write_text(ca.good.chain.read_text() + ca.middle.pem * 300)
    return chain


@pytest.mark.parametrize("talk, protocol, words", [
    (flood, "smtp", "the server does not come to an end: 65536 bytes before TLS (smtp)"),
    (flood_without_lines, "imap", "the server sent a line of more than 8192 bytes (imap)"),
    (flood_of_tls, "tls", "the server does not come to an end: 512 KiB in the handshake"),
    (trickle, "smtp", "no consent to TLS in "),
    (silence, "tls", "the TLS handshake was not over in "),
    (lambda _, c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls", "what answers there is not TLS"),
    (lambda _, c: None, "smtp", "the connection was closed before TLS began (smtp)"),
    (lambda _, c: (c.sendall(b"220 x\r\n"), tls_server.expect(c, b"EHLO"), c.sendall(b"250 HELP\r\n"), c.recv(9)), "smtp",
     "the server offers no STARTTLS (smtp)"),
    (lambda _, c: (c.sendall(b"* OK x\r\n"), tls_server.expect(c, b"STARTTLS"), c.sendall(b"a OK x\r\n* inject\r\n"),
                   c.recv(9)), "imap", "the server sent 10 bytes in the clear behind its consent to TLS (imap)"),
    (lambda _, c: (c.recv(8), c.sendall(b"N"), c.recv(9)), "postgres", "the server offers no TLS (ssl = off?) (postgres)"),
])
def test_bad_manners_end_in_time_with_a_clear_error(talk, protocol, words):
    server = Server(talk)
    try:
        result = check(endpoint=f"{protocol}://127.0.0.1:{server.port}", target_timeout="1500ms")
        assert result.status == "critical"
        assert words in result.one()["summary"], result.one()
    finally:
        server.stop()


def test_a_huge_chain_is_refused(ca):
    server = Server(by_name({"www.test": context(ca.good, huge(ca))}))
    try:
        result = check(endpoint=f"127.0.0.1:{server.port}", server_name="www.test")
        assert "the certificates that the server sends are too large" in result.one()["summary"]
    finally:
        server.stop()


def test_what_the_time_of_the_check_cuts_off_is_unknown():
    server = Server(silence)
    try:
        result = check(endpoint=f"127.0.0.1:{server.port}", timeout="1s", target_timeout="50s")
        assert (result.status, result.one()["summary"]) == (
            "unknown", "the time of the check ran out: raise timeout, or check fewer endpoints in one check")
    finally:
        server.stop()


def test_one_address_that_serves_another_certificate_is_named(ca, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 www.test\n127.0.0.2 www.test\n::1 www.test\n")
    one = Server(by_name({"": context(ca.good)}))
    others = [Server(by_name({"": context(ca.other)}), "127.0.0.2", one.port),
              Server(by_name({"": context(ca.good)}), "::1", one.port)]
    try:
        options = {"endpoint": f"www.test:{one.port}", "ca": ca.root.certificate, "hosts": hosts, "warning": "1d",
                   "critical": "1h"}
        result = check(**options)
        assert len(result.items) == 3
        assert {name: item["status"] for name, item in result.items.items()} == {
            f"www.test:{one.port} [127.0.0.1]": "ok", f"www.test:{one.port} [127.0.0.2]": "warning",
            f"www.test:{one.port} [::1]": "ok"}
        assert "serves another certificate (until " in result.items[f"www.test:{one.port} [127.0.0.2]"]["summary"]
        assert check(**options, same_certificate="false").status == "ok"
        assert len(check(**options, addresses="first").items) == 1
        assert list(check(**options, family="ipv6").items) == [f"www.test:{one.port} [::1]"]
    finally:
        for server in (one, *others):
            server.stop()


def test_an_address_must_be_in_the_certificate(ca):
    server = Server(by_name({"": context(ca.issue("ip.test", "IP:127.0.0.1,IP:::1", issuer=ca.middle))}))
    wrong = Server(by_name({"": context(ca.good)}))
    try:
        assert check(endpoint=f"127.0.0.1:{server.port}", ca=ca.root.certificate).status == "ok"
        result = check(endpoint=f"127.0.0.1:{wrong.port}", ca=ca.root.certificate)
        assert "is not for 127.0.0.1 but for DNS:www.test" in result.one()["summary"]
        assert check(endpoint=f"127.0.0.1:{wrong.port}", verify="false").status == "ok"
    finally:
        server.stop()
        wrong.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_shown_and_its_refusal_is_told(ca, version):
    made = context(ca.good)
    made.maximum_version = made.minimum_version = version
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(ca.root.certificate)
    server = Server(tls_server.after(lambda _: None, made))
    client = ca.issue("client", issuer=ca.middle, file=f"client{int(version)}")
    stranger = ca.issue("stranger", file=f"stranger{int(version)}")
    common = {"endpoint": f"127.0.0.1:{server.port}", "server_name": "www.test", "ca": ca.root.certificate}
    try:
        result = check(**common, client_certificate=client.chain, client_key=client.key)
        assert result.status == "ok", result.raw
        assert result.one()["attributes"]["client_certificate"] == "asked for"
        result = check(**common)
        assert result.status == "warning"
        assert "the server wants a client certificate, and ends the connection without one" in result.summary
        result = check(**common, client_certificate=stranger.certificate, client_key=stranger.key)
        assert result.status == "critical"
        assert "the server refuses our client certificate" in result.summary
    finally:
        server.stop()


def test_the_wrong_client_key_is_an_error_that_names_the_option(ca):
    result = check(endpoint="127.0.0.1:1", client_certificate=ca.good.certificate, client_key=ca.middle.key)
    assert (result.status, result.summary) == (
        "unknown", f"client_key: {ca.middle.key}: it is not the key of client_certificate")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, port, **more):
    """Starts a server and waits until it listens."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, **more)

    def listens():
        assert process.poll() is None, process.stderr.read()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True
    wait_until(f"{command[0]} to listen", listens)
    return process


def end(process):
    process.terminate()
    process.wait()
    process.stdin.close()
    process.stderr.close()


def ocsp_answer(ca, leaf, name):
    """What the issuer says about a leaf, by its index."""
    request, answer = ca.folder / f"{name}.req", ca.folder / f"{name}.resp"
    openssl("ocsp", "-issuer", ca.middle.certificate, "-cert", leaf.certificate, "-reqout", request, "-no_nonce")
    openssl("ocsp", "-index", ca.folder / "index", "-rsigner", ca.middle.certificate, "-rkey", ca.middle.key, "-CA",
            ca.middle.certificate, "-reqin", request, "-respout", answer, "-ndays", "2")
    return answer


def test_stapled_answers_and_revocation_lists_are_believed(ca):
    responder = "authorityInfoAccess = OCSP;URI:http://ocsp.test/"
    good = ca.issue("ocsp.test", issuer=ca.middle, extra=responder)
    bad = ca.issue("ocsp.test", issuer=ca.middle, extra=responder, file="revoked")
    crl = ca.folder / "crl.pem"
    ca.revoke(bad, ca.middle, crl)
    common = {"server_name": "ocsp.test", "ca": ca.root.certificate}
    for leaf, staple, options, status, words in [
            (good, ocsp_answer(ca, good, "good"), {"ocsp": "require"}, "ok", "stapled: good"),
            (bad, ocsp_answer(ca, bad, "bad"), {}, "critical", "stapled: revoked"),
            (good, ocsp_answer(ca, bad, "other"), {}, "warning", "stapled, but is about another certificate"),
            (good, None, {"ocsp": "require"}, "critical", "none stapled"),
            (good, None, {"crl": crl}, "ok", "none stapled"),
            (bad, None, {"crl": crl}, "critical", "none stapled"),
            (ca.good, None, {"ocsp": "require", "server_name": "www.test"}, "ok",
             "n/a: the certificate names no responder")]:
        port = free_port()
        server = start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", leaf.certificate, "-key", leaf.key,
                        "-cert_chain", ca.middle.certificate, "-quiet", *(["-status_file", staple] if staple else [])], port)
        try:
            result = check(endpoint=f"127.0.0.1:{port}", **{**common, **options})
            assert (result.status, result.one()["attributes"]["ocsp"]) == (status, words), result.raw
        finally:
            end(server)
    file = {"file": bad.chain, "ca": ca.root.certificate, "verify_files": "true", "crl": crl}
    assert "CN=ocsp.test is revoked by the CRL of CN=Test CA" in check(**file).summary
    alone = ca.issue("alone.test", issuer=ca.root)
    result = check(**{**file, "file": alone.certificate})
    assert (result.status, "there is no CRL of CN=Test Root" in result.summary) == ("unknown", True)


NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; {temp}
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/site.pem; ssl_certificate_key {folder}/site.key; }} }}
"""


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="nginx is not installed")
def test_what_was_renewed_on_disk_and_never_loaded_is_told(ca, tmp_path):
    port = free_port()
    temp = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port, temp=temp))
    site, key = tmp_path / "site.pem", tmp_path / "site.key"

    def install(issued):
        site.write_text(issued.chain.read_text())
        key.write_text(issued.key.read_text())
    install(ca.other)
    server = start(["/usr/sbin/nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path], port)
    options = {"file": site, "served_by": f"127.0.0.1:{port}", "server_name": "www.test", "ca": ca.root.certificate,
               "warning": "1d", "critical": "1h", "reload_hint": "systemctl reload nginx"}
    try:
        assert check(**options).status == "ok"
        install(ca.good)
        os.utime(site, (time.time() - 3 * 86400,) * 2)
        result = check(**options)
        assert result.status == "warning"
        text = result.items[str(site)]["summary"]
        assert text.startswith(f"renewed on disk 3d 0h ago, 127.0.0.1:{port} still serves the old one (until ")
        assert text.endswith("): systemctl reload nginx")
        assert result.items[f"127.0.0.1:{port}"]["status"] == "ok"
        assert check(**options, reload_grace="5d").status == "ok"
        server.send_signal(signal.SIGHUP)
        wait_until("the new certificate", lambda: check(**options).status == "ok")
        install(ca.other)
        # A worker that leaves may still take a connection.
        wait_until("the newer one to be told",
                   lambda: "serves a newer certificate" in check(**options).items[str(site)]["summary"])
    finally:
        end(server)
    result = check(**options)
    assert result.items[str(site)]["status"] == "unknown"
    assert result.status == "critical"


def test_a_thousand_endpoints_are_visited_in_one_run(ca, tmp_path):
    count = 1000
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"127.0.0.{1 + i % 200} n{i}.many.test\n" for i in range(count)))
    issued = ca.issue("many.test", "DNS:*.many.test", issuer=ca.middle)
    server = Server(by_name({"": context(issued)}), "0.0.0.0")
    try:
        result = check(endpoints=",".join(f"n{i}.many.test:{server.port}" for i in range(count)), ca=ca.root.certificate,
                       hosts=hosts, timeout="10min", target_timeout="1min", connect_timeout="1min")
        assert (result.status, len(result.items)) == ("ok", count)
        assert result.summary.startswith("1000 certificates are good; the next to end is "), result.summary
        assert sum(value for (name, *_), value in result.samples.items() if name == "probe_success") == count
    finally:
        server.stop()


# ---- Files ----


@pytest.fixture(scope="module")
def forms(ca, tmp_path_factory):
    """The same certificate in every form."""
    folder, good = tmp_path_factory.mktemp("forms"), ca.good
    made = {name: folder / name for name in ("pem", "der", "p7b", "p12", "legacy.p12", "kube.yaml", "kube.json", "jks")}
    shutil.copy(good.chain, made["pem"])
    openssl("x509", "-in", good.certificate, "-outform", "DER", "-out", made["der"])
    openssl("crl2pkcs7", "-nocrl", "-certfile", good.chain, "-out", made["p7b"])
    pkcs12 = ["pkcs12", "-export", "-in", good.chain, "-inkey", good.key, "-passout", "pass:secret"]
    openssl(*pkcs12, "-out", made["p12"])
    openssl(*pkcs12, "-legacy", "-certpbe", "PBE-SHA1-RC2-40", "-out", made["legacy.p12"])
    data = {name: base64.b64encode(path.read_bytes()).decode() for name, path in
            (("client-certificate-data", good.certificate), ("client-key-data", good.key))}
    config = {"apiVersion": "v1", "kind": "Config", "users": [{"name": "admin", "user": data}],
              "clusters": [{"name": "c", "cluster": {"certificate-authority-data":
                                                     base64.b64encode(ca.root.certificate.read_bytes()).decode()}}]}
    made["kube.json"].write_text(json.dumps(config))
    made["kube.yaml"].write_text("apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: "
                                 + config["clusters"][0]["cluster"]["certificate-authority-data"]
                                 + "\n  name: c\nusers:\n- name: admin\n  user:\n"
                                 + "".join(f"    {key}: {value}\n" for key, value in data.items()))
    made["jks"].write_bytes(key_store(made["der"].read_bytes()))
    return made


def key_store(der, password="secret"):
    """A JKS with one trusted certificate and one key whose chain is the same one."""
    import hashlib

    def block(form, content):
        return struct.pack(form, len(content)) + content
    certificate = block(">H", b"X.509") + block(">I", der)
    body = struct.pack(">III", 0xfeedfeed, 2, 2)
    body += struct.pack(">I", 2) + block(">H", b"trusted-one") + bytes(8) + certificate
    body += struct.pack(">I", 1) + block(">H", b"key-one") + bytes(8) + block(">I", b"locked") + struct.pack(">I", 1)
    body += certificate
    return body + hashlib.sha1(password.encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()


@pytest.mark.parametrize("form, said, key, count", [
    ("pem", "PEM", None, 1), ("der", "DER", None, 1), ("p7b", "PEM", None, 1),
    ("p12", "PKCS#12", "matches the certificate", 1), ("legacy.p12", "PKCS#12", "matches the certificate", 1),
    ("kube.yaml", "kubeconfig", "matches the certificate", 2), ("kube.json", "kubeconfig", "matches the certificate", 2),
    ("jks", "JKS", None, 2)])
def test_a_file_is_known_by_its_content(forms, form, said, key, count):
    result = check(file=forms[form], password="secret")
    assert (result.status, len(result.items)) == ("ok", count), result.raw
    item = next(item for item in result.items.values() if item["attributes"]["subject"] == "CN=www.test")
    assert item["attributes"]["form"] == said
    assert item["attributes"].get("private_key") == key


@pytest.mark.parametrize("form, password, status, words", [
    ("p12", None, "unknown", "this PKCS#12 is locked by a password: set password"),
    ("p12", "wrong", "unknown", "does not open with the password: correct password"),
    ("jks", "wrong", "critical", "the key store was changed, or the password is wrong"),
])
def test_without_its_password_a_store_is_not_good(forms, form, password, status, words):
    result = check(file=forms[form], **({"password": password} if password else {}))
    assert (result.status, words in result.summary) == (status, True), result.raw


def test_a_store_that_asks_for_endless_hashing_is_refused_at_once(ca, tmp_path):
    # The number of rounds, made to be eight million wherever it stands; the lengths stay.
    wide = tmp_path / "wide.p12"
    openssl("pkcs12", "-export", "-in", ca.good.chain, "-inkey", ca.good.key, "-passout", "pass:secret", "-iter", "1000000",
            "-out", wide)
    data = wide.read_bytes()
    assert data.count(b"\x02\x03\x0f\x42\x40") > 0
    wide.write_bytes(data.replace(b"\x02\x03\x0f\x42\x40", b"\x02\x03\x7f\xff\xff"))
    result = check(file=wide, password="secret")
    assert (result.status, "asks for more than 5000000 rounds of hashing" in result.summary) == ("critical", True)


def test_a_key_must_belong_to_its_certificate(ca, tmp_path):
    assert check(file=ca.good.certificate, key=ca.good.key).one()["attributes"]["private_key"] == "matches the certificate"
    result = check(file=ca.good.certificate, key=ca.other.key)
    assert (result.status, "the private key in the key file does not belong to the certificate" in result.summary) == (
        "critical", True)
    both = tmp_path / "both.pem"
    both.write_text(ca.good.pem + ca.other.key.read_text())
    assert "the private key does not belong to the certificate" in check(file=both).summary
    locked = tmp_path / "locked.key"
    openssl("pkcs8", "-topk8", "-in", ca.good.key, "-out", locked, "-passout", "pass:secret")
    result = check(file=ca.good.certificate, key=locked)
    assert (result.status, "the private key is encrypted: set key_password" in result.summary) == ("unknown", True)
    assert check(file=ca.good.certificate, key=locked, key_password="secret").status == "ok"
    result = check(file=ca.good.certificate, key=locked, key_password="wrong")
    assert (result.status, "the private key does not open with the password" in result.summary) == ("unknown", True)


def test_files_that_are_none_end_in_time_and_are_never_good(ca, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "pool")
    (tmp_path / "pool").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello")
    (tmp_path / "cut.pem").write_text(ca.good.pem[:300])
    (tmp_path / "bad.pem").write_text(ca.good.pem + ca.good.pem.replace("MII", "M!!", 1))
    (tmp_path / "folder").mkdir()
    with open(tmp_path / "sparse", "wb") as sparse:
        sparse.truncate(1 << 40)
    shutil.copy(ca.good.key, tmp_path / "key")
    wanted = {
        "fifo": "this is a FIFO, not a regular file", "loop": "the symbolic link leads in a circle",
        "gone": "there is no such file", "empty": "there is no certificate in it that could be recognised",
        "text": "there is no certificate in it that could be recognised", "cut.pem": "block 1 in it is damaged or cut off",
        "bad.pem": "block 2 in it is damaged or cut off", "folder": "there is no certificate in it",
        "sparse": "larger than 4 MiB", "key": "there is no certificate in it", "*.nothing": "matches no file"}
    result = check(files=",".join(str(tmp_path / name) for name in wanted))
    assert result.status == "critical"
    for name, words in wanted.items():
        item = result.items[str(tmp_path / name)]
        assert (item["status"], words in item["summary"]) == ("critical", True), item


def test_a_file_that_may_not_be_read_is_unknown(ca, tmp_path):
    locked = tmp_path / "locked.pem"
    shutil.copy(ca.good.certificate, locked)
    locked.chmod(0)
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.getuid() == 0 else []
    result = check(file=locked, prefix=powerless)
    assert (result.status, result.one()["summary"].startswith("permission denied: let user gavea read it")) == (
        "unknown", True)


def test_folders_and_patterns_hold_what_they_hold(ca, tmp_path):
    (tmp_path / "sub").mkdir()
    for name, issued in (("a.pem", ca.good), ("sub/b.crt", ca.other)):
        shutil.copy(issued.chain, tmp_path / name)
    shutil.copy(ca.good.key, tmp_path / "a.key")
    (tmp_path / "README").write_text("nothing")
    (tmp_path / "circle").symlink_to(tmp_path)
    result = check(file=tmp_path, warning="1d", critical="1h")
    assert (result.status, sorted(result.items)) == ("ok", [f"{tmp_path}/a.pem", f"{tmp_path}/sub/b.crt"])
    assert list(check(file=f"{tmp_path}/a.*").items) == [f"{tmp_path}/a.pem"]
    (tmp_path / "dangling.pem").symlink_to("nowhere")
    assert check(file=tmp_path, warning="1d", critical="1h").status == "critical"


def test_an_expired_issuer_in_a_file_is_found_and_its_chain_verified_on_request(ca, tmp_path):
    old = ca.issue("Old File CA", None, issuer=ca.root, ca=True, begin=-300, end=-2)
    leaf = ca.issue("file.test", issuer=old)
    assert "the issuer's certificate CN=Old File CA expired" in check(file=leaf.chain).summary
    verify = {"verify_files": "true", "ca": ca.root.certificate}
    assert check(file=ca.good.chain, **verify).status == "ok"
    assert "is not trusted here and is not in the file" in check(file=ca.good.certificate, **verify).summary
    assert "is not for other.test" in check(file=ca.good.chain, server_name="other.test", **verify).summary


def test_a_renewal_that_is_stuck_is_told_with_who_should_have_done_it(ca, tmp_path):
    live, archive = tmp_path / "live/www.test", tmp_path / "archive/www.test"
    live.mkdir(parents=True)
    archive.mkdir(parents=True)
    stuck = ca.issue("stuck.test", issuer=ca.middle, begin=-300, end=65)
    shutil.copy(stuck.chain, archive / "fullchain1.pem")
    (live / "fullchain.pem").symlink_to("../../archive/www.test/fullchain1.pem")
    result = check(file=live / "fullchain.pem", ca=ca.root.certificate)
    assert result.status == "warning"
    assert "renewal by certbot is stuck: two thirds of its life have been over for " in result.summary
    assert result.summary.endswith("then certbot renew")
    shutil.copy(ca.good.chain, archive / "fullchain2.pem")
    assert "fullchain2.pem, but the link does not lead to it" in check(file=live / "fullchain.pem").summary
    (live / "fullchain.pem").unlink()
    (live / "fullchain.pem").symlink_to("../../archive/www.test/fullchain2.pem")
    assert check(file=live / "fullchain.pem").status == "ok"
    assert check(file=stuck.chain).status == "ok"
    assert "renewal is stuck" in check(file=stuck.chain, renewal="always").summary


def test_a_renewal_is_an_event(ca, tmp_path, start_agent):
    site = tmp_path / "site.pem"
    shutil.copy(ca.other.chain, site)
    agent = start_agent({"cert.conf": f'cert: {{ every = "1s"; warning = "1d"; critical = "1h"; '
                                      f'checks = ( {{ name = "disk"; files = [ "{tmp_path}/*.pem" ]; }} ); }};'})
    wait_until("the first look", lambda: "valid until" in agent.cli("status", "cert/disk", check=False).stdout)
    replacement = tmp_path / "new"
    shutil.copy(ca.good.chain, replacement)
    replacement.rename(site)
    wait_until("the event", lambda: "certificate-renewed" in agent.cli("events", check=False).stdout)
    assert f"{site}: the certificate was renewed and is valid until " in agent.cli("events").stdout


@pytest.mark.parametrize("options, words", [
    ({}, "set endpoint, endpoints, file or files: there is nothing to check"),
    ({"endpoint": "www.test"}, 'endpoint: "www.test" has no port: write HOST:PORT'),
    ({"endpoint": "gopher://www.test"}, 'endpoint: "gopher://www.test": no such protocol; there are https, tls, '),
    ({"endpoint": "a:1", "warning": "soon"}, 'warning: "soon" is neither a time such as "30d" nor a part'),
    ({"endpoints": "a:1,a:1"}, "endpoints: a:1 stands there twice"),
    ({"file": "x.pem"}, 'file: "x.pem" must begin with /'),
    ({"file": "/etc/*.pem", "served_by": "a:1"}, "served_by: needs file, one single file, to compare with"),
    ({"endpoint": "127.0.0.1:1", "ca": "/nonexistent"}, "ca: /nonexistent: there is no such file"),
])
def test_bad_options_are_named(options, words):
    result = check(**options)
    assert (result.status, words in result.summary) == ("unknown", True), result.raw


def test_the_shipped_configuration_is_valid(tmp_path):
    (tmp_path / "conf.d").mkdir()
    shutil.copy(ROOT / "conf.d/cert.conf", tmp_path / "conf.d")
    done = subprocess.run([BUILD / "gavea", "config", "check", "--config", tmp_path], capture_output=True, text=True,
                          check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
