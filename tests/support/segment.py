# SPDX-License-Identifier: Apache-2.0
"""Writes segments of the spool (lib/wire/segment.h)."""
import struct


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def header(stream, spool_id, first_seq):
    head = b"gavea-spool\n" + struct.pack("<IQ16sQ", 1, stream, bytes.fromhex(spool_id), first_seq)
    return head + struct.pack("<I", crc32c(head))


def record(seq, payload):
    head = struct.pack("<Q", seq)
    return struct.pack("<II", len(payload), crc32c(head + payload)) + head + payload


class Segment:
    """A segment file that records are appended to."""

    def __init__(self, path, stream, spool_id, first_seq=1):
        self.path = path
        self.stream = stream
        self.size = 0
        self.file = open(path, "wb")
        self._write(header(stream, spool_id, first_seq))

    def _write(self, data):
        self.file.write(data)
        self.file.flush()
        self.size += len(data)

    def append(self, seq, message):
        """Appends a gavea.v1.Record (its seq field must be unset) or bytes."""
        payload = message if isinstance(message, bytes) else message.SerializeToString()
        self._write(record(seq, payload))

    def close(self):
        self.file.close()
