# SPDX-License-Identifier: Apache-2.0
"""plugins/fleet/proto_json.c against Google's own mapping, on random messages (always the same ones)."""
import json
import math
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support import protos  # noqa: E402

TOOL = protos.build() / "unit" / "plugins" / "fleet" / "test_proto_json"
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="the unit tests are not built: make unit-build")


@pytest.fixture(scope="module")
def report_pb2(tmp_path_factory):
    return protos.load(tmp_path_factory.mktemp("protos"))[0]


def integer(rng, bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return rng.choice([0, 1, low, high, rng.randint(low, high), rng.randint(0, 1000)])


def text(rng):
    alphabet = "ab\"\\/<>&\n\t\r\x01\x1f\x7f\u00e9\u2028\u6f22\U0001f9ed'=_ "
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 12)))


def double(rng):
    raw = struct.unpack("<d", rng.randbytes(8))[0]
    return rng.choice([0.0, 0.1, 1e300, 5e-324, -1.5, 12345678901234567.0, math.inf, -math.inf, math.nan,
                       raw])


def scalar(rng, field):
    if field.type in (F.TYPE_STRING,):
        return text(rng)
    if field.type == F.TYPE_BYTES:
        return rng.randbytes(rng.randint(0, 20))
    if field.type == F.TYPE_DOUBLE:
        return double(rng)
    if field.type == F.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type == F.TYPE_ENUM:
        return rng.choice([v.number for v in field.enum_type.values] + [99])
    bits = 64 if field.type in (F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_SINT64) else 32
    return integer(rng, bits, field.type not in (F.TYPE_UINT32, F.TYPE_UINT64))


def fill(rng, message):
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.3:
            continue
        count = rng.randint(0, 3) if field.label == F.LABEL_REPEATED else 1
        target = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            for _ in range(count):
                target[text(rng)] = text(rng)
        elif field.label == F.LABEL_REPEATED and field.message_type:
            for _ in range(count):
                fill(rng, target.add())
        elif field.label == F.LABEL_REPEATED:
            target.extend(scalar(rng, field) for _ in range(count))
        elif field.message_type:
            target.SetInParent()
            fill(rng, target)
        else:
            setattr(message, field.name, scalar(rng, field))


def to_json(message, name):
    return subprocess.run([TOOL, name], input=message.SerializeToString(), stdout=subprocess.PIPE,
                          check=True).stdout.decode()


def same(ours, message):
    theirs = json.loads(json_format.MessageToJson(message))
    return json.dumps(json.loads(ours), sort_keys=True) == json.dumps(theirs, sort_keys=True)


@pytest.mark.parametrize("seed", range(60))
def test_random_reports_map_as_googles_library_maps_them(report_pb2, seed):
    message = report_pb2.Report()
    fill(random.Random(seed), message)
    ours = to_json(message, "report")
    assert same(ours, message)
    back = json_format.Parse(ours, report_pb2.Report())
    assert back.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True) \
        or "NaN" in ours


def test_an_acknowledgement_maps_as_googles_library_maps_it(report_pb2):
    message = report_pb2.ReportAck(acked_seq=2**64 - 1, need_declarations=True, retry_after_ms=7, error="no",
                                   server_time_ms=-1)
    assert same(to_json(message, "ack"), message)
