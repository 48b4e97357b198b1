# SPDX-License-Identifier: Apache-2.0
"""Agents that come back at once after an outage, each with a backlog, and do as docs/protocol.md says: one report at a
time, the connection kept, away for as long as they are told, with jitter."""
import asyncio
import collections
import random
import time

import zstandard

RESULTS = 20


class Backlog:
    """What every agent sends: reports of so many cycles each. Agents differ in their ids only, so the records are encoded
    once: a message whose encoding follows another's is merged into it."""

    def __init__(self, pb, reports, cycles, ago_s=3600):
        self.pb, self.reports = pb, reports
        begin = int((time.time() - ago_s) * 1000)
        step = ago_s * 1000 // (reports * cycles)
        self.seqs, self.tails = [], []
        seq = 0
        for index in range(reports):
            part = pb.Report()
            if index == 0:
                seq = self.declare(part, begin, seq)
            for cycle in range(cycles):
                seq = self.cycle(part, begin + (index * cycles + cycle) * step, seq)
            seq += 1
            event = part.records.add(seq=seq, time_ms=begin).event
            event.kind, event.summary = "storm", f"part {index}"
            self.tails.append(part.SerializeToString())
            self.seqs.append(seq)

    def declare(self, part, now_ms, seq):
        for number in range(1, RESULTS + 1):
            seq += 1
            check = part.records.add(seq=seq, time_ms=now_ms).check
            check.number, check.name, check.every_ms, check.timeout_ms = number, f"host/check-{number:02}", 15000, 10000
        return seq

    def cycle(self, part, now_ms, seq):
        for number in range(1, RESULTS + 1):
            seq += 1
            result = part.records.add(seq=seq, time_ms=now_ms).result
            result.check, result.status, result.state = number, self.pb.OK, self.pb.OK
            result.summary = f"load {now_ms % 97}.{number}, {seq * 13 % 997} processes, all within their limits"
            result.started_at_ms, result.duration_us, result.state_since_ms = now_ms, 1000 + seq, now_ms - 1000
        return seq

    def body(self, number, index, packer):
        head = self.pb.Report(protocol=1, agent_id=f"{number + 1:032x}", spool_id=f"{number + 1:032x}", stream=1,
                              sent_at_ms=int(time.time() * 1000), next_within_ms=60000)
        head.agent.name, head.agent.version = f"app-{number:04}", "1.0"
        return packer.compress(head.SerializeToString() + self.tails[index])


class Storm:
    """Runs the storm. After run(): statuses (how often each), done (agents), seconds, worst (seconds of one answer),
    spread (how many came in the busiest second)."""

    def __init__(self, pb, backlog, agents, port, patience=300, seed=1, context=None):
        self.pb, self.backlog, self.agents, self.port = pb, backlog, agents, port
        self.patience, self.context = patience, context
        self.random = random.Random(seed)
        self.packer = zstandard.ZstdCompressor(level=1)
        self.statuses = collections.Counter()
        self.by_second = collections.Counter()
        self.finished = []
        self.worst = 0.0
        self.acked = {}

    def run(self):
        asyncio.run(asyncio.wait_for(self.all(), self.patience))
        return self

    async def all(self):
        self.began = time.monotonic()
        await asyncio.gather(*(self.agent(number) for number in range(self.agents)))
        self.seconds = time.monotonic() - self.began

    async def agent(self, number):
        index, pause, streams = 0, 1.0, None
        while index < self.backlog.reports:
            try:
                if not streams:
                    streams = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context)
                status, wait, acked = await self.post(streams, self.backlog.body(number, index, self.packer))
            except (OSError, asyncio.IncompleteReadError, ValueError):
                # Connections are refused beyond a bound, too: full jitter, as the agent does.
                self.statuses["no answer"] += 1
                self.hang_up(streams)
                streams = None
                await asyncio.sleep(self.random.random() * pause)
                pause = min(pause * 2, 30)
                continue
            self.statuses[status] += 1
            pause = 1.0
            if status == 200:
                assert acked == self.backlog.seqs[index], (number, index, acked)
                self.acked[number] = acked
                index += 1
            else:
                assert status in (429, 503), status
                assert wait > 0, "refused without being told when to come back"
                await asyncio.sleep(wait)
        self.hang_up(streams)
        self.finished.append(time.monotonic() - self.began)

    @staticmethod
    def hang_up(streams):
        if streams:
            streams[1].close()

    async def post(self, streams, body):
        """(status, seconds to wait, acked seq)"""
        reader, writer = streams
        began = time.monotonic()
        self.by_second[int(began - self.began)] += 1
        writer.write(b"POST /v1/report HTTP/1.1\r\nHost: fleet\r\nContent-Type: application/x-protobuf\r\n"
                     b"Content-Encoding: zstd\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        content = await reader.readexactly(int(headers["content-length"]))
        self.worst = max(self.worst, time.monotonic() - began)
        wait, acked = float(headers.get("retry-after", 0)), 0
        if headers.get("content-type") == "application/x-protobuf":
            ack = self.pb.ReportAck.FromString(content)
            wait, acked = ack.retry_after_ms / 1000 or wait, ack.acked_seq
        return int(head[0].split()[1]), wait, acked
