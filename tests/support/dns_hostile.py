#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server of bad character for the tests of the dns plugin.

usage: dns_hostile.py ADDRESS PORT

The first label of the question says how it shall behave; what it does not know it answers with an A record. Prints
"ready" once it listens on UDP and TCP, and ends on SIGTERM.
"""
import socket
import struct
import sys
import threading
import time

QR, AA, TC = 0x8000, 0x0400, 0x0200
A, NS, CNAME, OPT = 1, 2, 5, 41


def name_end(packet, at=12):
    while packet[at]:
        at += 1 + packet[at]
    return at + 1


def labels(packet):
    names, at = [], 12
    while packet[at]:
        names.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return names


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(owner, kind, data, ttl=60):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def answer(query, flags=AA, records=(), authority=(), additional=(), packet_id=None, question=None):
    number = struct.unpack("!H", query[:2])[0] if packet_id is None else packet_id
    asked = query[12:name_end(query) + 4] if question is None else question
    return (struct.pack("!HHHHHH", number, QR | flags, 1, len(records), len(authority), len(additional)) + asked +
            b"".join(records) + b"".join(authority) + b"".join(additional))


def has_opt(query):
    return struct.unpack("!H", query[10:12])[0] > 0


OWNER = b"\xc0\x0c"
ADDRESS = record(OWNER, A, bytes([192, 0, 2, 1]))


def chain(count):
    """alias.test -> n1.alias.test -> …, each with the next; the last one leads back to the first when count is 0."""
    if count == 0:
        other = wire("other.test")
        return [record(OWNER, CNAME, other), record(other, CNAME, b"\xc0\x0c")]
    records = [record(OWNER, CNAME, wire("n0.test"))]
    records += [record(wire(f"n{i}.test"), CNAME, wire(f"n{i + 1}.test")) for i in range(count)]
    return records


def udp_answers(query):
    """The messages that this query is worth."""
    kind = labels(query)[0] if labels(query) else ""
    end = name_end(query)
    number = struct.unpack("!H", query[:2])[0]
    if kind == "silent":
        return []
    if kind == "wrongid":
        return [answer(query, records=[ADDRESS], packet_id=number ^ 0x5555)]
    if kind == "wrongname":
        return [answer(query, records=[ADDRESS], question=wire("other.test") + query[end:end + 4])]
    if kind == "wrongtype":
        return [answer(query, records=[ADDRESS], question=query[12:end] + struct.pack("!HH", 28, 1))]
    if kind == "laterright":
        return [answer(query, packet_id=number ^ 1)] * 5 + [answer(query, records=[ADDRESS])]
    if kind == "loop":  # a name that points at itself
        at = end + 4
        return [answer(query, records=[struct.pack("!H", 0xc000 | at) + struct.pack("!HHIH", A, 1, 60, 4) + b"\1\2\3\4"])]
    if kind == "garbage":
        return [query[:2] + b"\x84\x00\x00\x01\x00\x09\x00\x00\x00\x00" + query[12:end + 4] + b"\xff" * 40]
    if kind == "circle":
        return [answer(query, records=chain(0))]
    if kind == "endless":
        return [answer(query, records=chain(40))]
    if kind in ("truncated", "trickle", "tcpflood", "tcpwrongid", "tcphangup", "tcpgood"):
        return [answer(query, AA | TC)]
    if kind == "noedns":
        return [] if has_opt(query) else [answer(query, records=[ADDRESS])]
    if kind == "formerr":
        return [query[:2] + b"\x80\x01" + b"\0" * 8] if has_opt(query) else [answer(query, records=[ADDRESS])]
    if kind == "upwards":
        return [answer(query, 0, authority=[record(b"\0", NS, wire("ns.root.test"))])]
    if kind == "servfail":
        return [answer(query, 2)]
    return [answer(query, records=[ADDRESS])]


def serve_udp(sock):
    while True:
        query, peer = sock.recvfrom(4096)
        if len(query) < 17:
            continue
        if labels(query)[:1] == ["flood"]:
            noise = answer(query, records=[ADDRESS], packet_id=struct.unpack("!H", query[:2])[0] ^ 0xffff)
            for _ in range(500):
                sock.sendto(noise, peer)
            continue
        for message in udp_answers(query):
            sock.sendto(message, peer)


def serve_connection(connection):
    with connection:
        connection.settimeout(30)
        try:
            size = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))[0]
            query = connection.recv(size, socket.MSG_WAITALL)
            kind = labels(query)[0]
            if kind == "tcphangup":
                return
            if kind == "tcpwrongid":
                message = answer(query, records=[ADDRESS], packet_id=1)
                connection.sendall(struct.pack("!H", len(message)) + message)
            elif kind == "trickle":
                for byte in struct.pack("!H", 60000) + b"\0" * 1000:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)
            elif kind == "tcpflood":
                while True:
                    connection.sendall(b"\xff" * 65536)
            else:
                message = answer(query, records=[ADDRESS])
                connection.sendall(struct.pack("!H", len(message)) + message)
        except (OSError, struct.error):
            pass


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, port))
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((address, port))
    tcp.listen(16)
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve_connection, args=(tcp.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
