# SPDX-License-Identifier: Apache-2.0
"""A client of gavead's control socket."""
import socket


class Control:
    """One request a connection, as proto/control.proto says."""

    def __init__(self, pb, path, patience=20):
        self.pb, self.path, self.patience = pb, str(path), patience

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(self.patience)
        connection.connect(self.path)
        return connection

    def open(self, **body):
        """Sends a request; returns the connected socket."""
        connection = self.connect()
        connection.send(self.pb.Request(**body).SerializeToString())
        return connection

    def answers(self, connection):
        while True:
            data = connection.recv(1 << 18)
            if not data:
                return
            answer = self.pb.Answer()
            answer.ParseFromString(data)
            yield answer
            if answer.WhichOneof("body") == "end" and not answer.end.more:
                return

    def ask(self, **body):
        """All answers but the end, and the end."""
        with self.open(**body) as connection:
            got = list(self.answers(connection))
        return got[:-1], got[-1].end

    def status(self):
        """Checks and outputs by name, and the agent."""
        got, _ = self.ask(status=self.pb.GetStatus())
        checks = {a.check.name: a.check for a in got if a.WhichOneof("body") == "check"}
        outputs = {a.output.name: a.output for a in got if a.WhichOneof("body") == "output"}
        agent = next(a.agent for a in got if a.WhichOneof("body") == "agent")
        return checks, outputs, agent

    def check(self, name):
        """One check whole, its parts put together; None when there is none."""
        got, end = self.ask(status=self.pb.GetStatus(check=name))
        if end.error:
            return None
        whole = got[0].check
        for part in got[1:]:
            whole.result.items.extend(part.check.result.items)
            whole.samples.extend(part.check.samples)
        return whole

    def plugins(self):
        got, _ = self.ask(plugins=self.pb.GetPlugins())
        return {a.plugin.name: a.plugin for a in got}

    def events(self, last=0):
        got, _ = self.ask(events=self.pb.GetEvents(last=last))
        return [a.event for a in got]

    def reload(self):
        """"" or the error, and the lines of the configuration's errors."""
        _, end = self.ask(reload=self.pb.Reload())
        return end.error, list(end.messages)
