"""The dashboard as a real server, asked over its real protocol."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from support.paths import ROOT
from websockets.sync.client import connect


class Server:
    """`assay dashboard` on a free port, until closed."""

    def __init__(self, home, *options, command="dashboard", **environment):
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assay", command, *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "ASSAY_HOME": str(home), **environment},
        )
        line = next(line for line in self.process.stdout if line.startswith("Assay is at"))
        self.address = line.split()[-1]

    def visit(self, page, query=""):
        """What a browser that opens this address is shown, as one text."""
        return "\n".join(str(m.delta) for m in self.messages(page, query) if m.HasField("delta"))

    def messages(self, page, query=""):
        """Everything a browser that opens this address is sent."""
        url = self.address.replace("http", "ws") + "/_stcore/stream"
        origin = self.address
        seen = []
        with connect(url, subprotocols=["streamlit"], origin=origin, max_size=None) as socket:
            message = BackMsg()
            message.rerun_script.page_name = page
            message.rerun_script.query_string = query
            socket.send(message.SerializeToString())
            while True:
                forward = ForwardMsg()
                forward.ParseFromString(socket.recv(timeout=30))
                seen.append(forward)
                if forward.WhichOneof("type") == "script_finished":
                    return seen

    def close(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=20)
