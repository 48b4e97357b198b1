# SPDX-License-Identifier: Apache-2.0
"""A real gavea-worker, driven over its protocol (proto/worker.proto) in place of the manager."""
import array
import os
import signal
import socket
import time

from tests.support import protos

SILENCE = 30  # seconds without a message that mean that the worker hangs


def canonical(value):
    """An option's values, as the manager hands them over."""
    if isinstance(value, bool):
        return [b"true" if value else b"false"]
    if isinstance(value, (list, tuple)):
        return [str(v).encode() for v in value]
    return [str(value).encode()]


class Worker:
    """worker = Worker(folder, "fleet"); worker.open(1, "fleet/main", url=...); worker.deliver(...)"""

    def __init__(self, folder, plugin, state_directory=""):
        self.report, self.proto = protos.load(folder / "protos")
        self.folder = folder
        self.plugin = plugin
        self.path = protos.build() / "plugins" / f"{plugin}.so"
        self.job = 0
        self.logs = []
        self.pid = None
        self.socket = None
        self.description = self._describe()
        self._spawn()
        self._send(start=self.proto.Start(protocol=1, plugin=plugin, path=str(self.path),
                                          rights=self._rights(), state_directory=str(state_directory)))
        self.hello = self.receive("hello")

    def _rights(self):
        rights = self.proto.Rights()
        rights.CopyFrom(self.description.needs)
        del rights.read_paths[:]
        rights.read_paths.append(str(self.folder))
        rights.concurrency = rights.concurrency or 1
        rights.memory = rights.memory or 64 << 20
        rights.open_files = rights.open_files or 256
        return rights

    def _spawn(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 19)
        ours.settimeout(SILENCE)
        program = str(protos.build() / "gavea-worker")
        self.stderr = self.folder / "worker.err"
        # The sandbox forbids ptrace(), which the search for leaks needs.
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:exitcode=99")
        self.pid = os.posix_spawn(program, [program, self.plugin], environment, file_actions=[
            (os.POSIX_SPAWN_OPEN, 2, str(self.stderr), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
        ])
        theirs.close()
        self.socket = ours

    def _describe(self):
        self._spawn()
        self._send(start=self.proto.Start(protocol=1, plugin=self.plugin, path=str(self.path), describe=True))
        hello = self.receive("hello")
        self.close()
        return hello

    def _send(self, fd=None, **body):
        data = self.proto.ToWorker(**body).SerializeToString()
        control = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.socket.sendmsg([data], control)

    def receive(self, kind):
        """The next message of that kind. Log lines are kept; anything else is an error."""
        while True:
            data = self.socket.recv(1 << 18)
            assert data, f"the worker has gone: {self.stderr.read_text()}"
            message = self.proto.FromWorker.FromString(data)
            body = message.WhichOneof("body")
            if body == "log":
                self.logs.append(message.log.text)
            elif body == kind:
                return getattr(message, body)
            elif body == "output":
                self.events += message.output.events
            elif body != "progress":
                raise AssertionError(f"got {message} instead of {kind}")

    def open(self, check, name, **options):
        """Opens a check with the description's defaults and these options; the Opened that comes back."""
        values = []
        for option in self.description.options:
            value = options.pop(option.key, None)
            if value is None and option.default_value:
                value = DEFAULTS.get(option.default_value, option.default_value)
            if value is not None:
                values.append(self.proto.OptionValue(key=option.key, type=option.type,
                                                     values=canonical(value)))
        assert not options, f"no such options: {options}"
        self._send(open=self.proto.Open(check=check, name=name, options=values, stateless=True))
        return self.receive("opened")

    def deliver(self, check, segment, offset, first_seq, facts, length=None, seconds=SILENCE):
        """One batch: from offset to the end of the segment unless length says otherwise. Returns Done; the
        events that came with it are in worker.events."""
        self.job += 1
        self.events = []
        deadline = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + int(seconds * 1e9)
        with open(segment.path, "rb") as file:
            self._send(file.fileno(), deliver=self.proto.Deliver(
                check=check, job=self.job, deadline_ns=deadline, stream=segment.stream, offset=offset,
                length=segment.size - offset if length is None else length, first_seq=first_seq,
                facts=[self.proto.Fact(key=k, value=v) for k, v in facts.items()]))
        done = self.receive("done")
        assert done.job == self.job
        self.events += done.output.events
        return done

    def cancel(self):
        self._send(cancel=self.proto.Cancel(job=self.job))

    def close(self):
        """Lets the worker go; its wait status."""
        if self.pid is None:
            return None
        self.socket.close()
        deadline = time.monotonic() + SILENCE
        pid = self.pid
        self.pid = None
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError("the worker did not end")


# Durations as the manager would hand them over, for the defaults that our plugins have.
DEFAULTS = {"10s": 10_000_000_000, "30s": 30_000_000_000}
