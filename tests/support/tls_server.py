# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback for tests: TLS with a certificate for each name, what comes before it, and bad manners."""
import socket
import ssl
import threading


class Server:
    """Calls talk(server, connection) on a thread of its own for each connection, until stop()."""

    def __init__(self, talk, address="127.0.0.1", port=0):
        self.talk, self.seen, self.ends = talk, [], []
        self.socket = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                                           backlog=512)
        self.port = self.socket.getsockname()[1]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        with connection:
            connection.settimeout(30)
            try:
                self.talk(self, connection)
            except (OSError, ssl.SSLError) as problem:
                self.ends.append(str(problem))

    def stop(self):
        self.stopping.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def context(issued, chain=None):
    """A server's context that takes weak keys too. chain: a file that is sent instead of the certificate alone."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    made.load_cert_chain(chain or issued.chain, issued.key)
    return made


def rest(server, tls):
    """All that the client still says, and how it ended: "" is a proper end."""
    said = b""
    while True:
        part = tls.recv(4096)
        if not part:
            break
        said += part
    server.seen.append(said)
    server.ends.append("")
    return said


def by_name(contexts):
    """Shows the certificate that belongs to the name (SNI); the first one without a name."""
    first = next(iter(contexts.values()))
    chooser = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(tls, name, _):
        tls.context = contexts.get(name, first)
    chooser.sni_callback = choose

    def talk(server, connection):
        with chooser.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
            rest(server, tls)
    return talk


def after(plain, made, farewell=None):
    """plain(connection) until TLS begins; farewell(tls) instead of reading to the end."""
    def talk(server, connection):
        plain(connection)
        with made.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
            if farewell:
                farewell(tls)
            rest(server, tls)
    return talk


def expect(connection, wanted):
    """Reads until the client has said this, and nothing behind it: that may be TLS."""
    said = b""
    while wanted not in said:
        part = connection.recv(1)
        assert part, said
        said += part
    return said


def lines(*steps):
    """Pairs of what the server says and what it then waits for; the last has None."""
    def plain(connection):
        for says, waits in steps:
            connection.sendall(says)
            if waits:
                expect(connection, waits)
    return plain


def mysql_greeting(flags=0x0008aa00):
    low, high = flags & 0xffff, flags >> 16
    body = (b"\x0a8.0.36\0" + b"\1\0\0\0" + b"12345678\0" + low.to_bytes(2, "little") + b"\x2d\2\0" +
            high.to_bytes(2, "little") + b"\x15" + bytes(10) + b"123456789012\0" + b"caching_sha2_password\0")
    return len(body).to_bytes(3, "little") + b"\0" + body


def mysql_refuse(tls):
    """The end of a login that is refused, by way of another method first."""
    expect(tls, b"mysql_native_password\0")
    switch = b"\xfecaching_sha2_password\0" + b"12345678901234567890\0"
    tls.sendall(len(switch).to_bytes(3, "little") + b"\3" + switch)
    got = tls.recv(4096)
    assert got == b"\0\0\0\4", got
    denied = b"\xff\x15\x04#28000Access denied"
    tls.sendall(len(denied).to_bytes(3, "little") + b"\5" + denied)


DIALOGUES = {
    "smtp": (lines((b"220-mx.test ESMTP\r\n220 ready\r\n", b"EHLO gavea.invalid\r\n"),
                   (b"250-mx.test\r\n250-SIZE 1\r\n250-STARTTLS\r\n250 HELP\r\n", b"STARTTLS\r\n"), (b"220 go\r\n", None)),
             None, b"QUIT\r\n"),
    "imap": (lines((b"* OK ready\r\n", b"a STARTTLS\r\n"), (b"* CAPABILITY IMAP4\r\na OK begin\r\n", None)), None,
             b"b LOGOUT\r\n"),
    "pop3": (lines((b"+OK ready\r\n", b"STLS\r\n"), (b"+OK begin\r\n", None)), None, b"QUIT\r\n"),
    "ftp": (lines((b"220-hello\r\n 221 inside\r\n220 ready\r\n", b"AUTH TLS\r\n"), (b"234 go\r\n", None)), None, b"QUIT\r\n"),
    "ldap": (lines((b"", b"1.3.6.1.4.1.1466.20037"),
                   (b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", None)), None,
             b"\x30\x05\x02\x01\x02\x42\x00"),
    "postgres": (lines((b"", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"), (b"S", None)), None, b""),
    "mysql": (lines((mysql_greeting(), bytes(23)),), mysql_refuse, b""),
    "xmpp": (lines((b"", b"version='1.0'>"),
                   (b"<?xml version='1.0'?><stream:stream id='1' version='1.0'><stream:features><starttls "
                    b"xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>", b"xmpp-tls'/>"),
                   (b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", None)), None, b""),
    "sieve": (lines((b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK "ready"\r\n', b"STARTTLS\r\n"), (b'OK "begin"\r\n', None)),
              None, b"LOGOUT\r\n"),
}
