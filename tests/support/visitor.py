"""What a browser does with the dashboard's tables and downloads, over the server's protocol."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from websockets.sync.client import connect


@dataclass
class Exported:
    """A download's table and manifest, and the tables shown since the download before it."""

    name: str
    rows: pd.DataFrame
    manifest: dict
    shown: list[pd.DataFrame]


@dataclass
class Visitor:
    """One browser tab; ``server`` has its ``address``."""

    server: object
    elements: list = field(default_factory=list)
    # The last query string that a page put into the address.
    address: str = ""
    _n_asked: int = 0
    _session_id: str = ""

    def __enter__(self):
        url = self.server.address.replace("http", "ws") + "/_stcore/stream"
        self._socket = connect(
            url, subprotocols=["streamlit"], origin=self.server.address, max_size=None
        )
        return self

    def __exit__(self, *_):
        self._socket.close()

    def open(self, page, query="", **widgets):
        """Everything the page shows; ``widgets``: what is chosen in charts, or the gesture on the
        map, by their keys."""
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        for key, points in widgets.items():
            canvas = [e.bidi_component for e in self.elements if has_key(e.bidi_component.id, key)]
            if canvas:
                name = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{canvas[0].id}__events"
                gesture = message.rerun_script.widget_states.widgets.add(id=name)
                # A browser sends the component's own state, which holds nothing, beside it.
                message.rerun_script.widget_states.widgets.add(id=canvas[0].id, json_value="{}")
                gesture.json_trigger_value = json.dumps([{"event": "chosen", "value": points}])
                continue
            kinds = [(e.plotly_chart, "points") for e in self.elements]
            kinds += [(e.echarts_chart, "selected") for e in self.elements]
            ((chart, kind),) = [one for one in kinds if has_key(one[0].id, key)]
            state = message.rerun_script.widget_states.widgets.add(id=chart.id)
            state.string_value = json.dumps({"selection": {kind: points}})
        self._socket.send(message.SerializeToString())
        sent = self._until("script_finished")
        for one in sent:
            if one.HasField("new_session"):
                self._session_id = one.new_session.initialize.session_id
            if one.HasField("page_info_changed"):
                self.address = one.page_info_changed.query_string
        self.elements = [
            one.delta.new_element
            for one in sent
            if one.HasField("delta") and one.delta.HasField("new_element")
        ]
        wrong = [e.exception.message for e in self.elements if e.HasField("exception")]
        assert not wrong, (page, query, wrong)
        return self

    def canvas(self, key):
        """What ECharts draws."""
        (found,) = [e.echarts_chart for e in self.elements if has_key(e.echarts_chart.id, key)]
        return json.loads(found.spec)

    def chart(self, key):
        (found,) = [e.plotly_chart for e in self.elements if has_key(e.plotly_chart.id, key)]
        return json.loads(found.spec)

    def exports(self, kind="JSON Lines"):
        """Every download of that kind on the page, made and fetched as a click would."""
        found, shown = [], []
        for element in self.elements:
            if element.HasField("dataframe"):
                with pa.ipc.open_stream(element.dataframe.arrow_data.data) as stream:
                    shown.append(stream.read_pandas())
            button = element.download_button
            if button.label == kind and button.deferred_file_id:
                found.append(self._fetched(button.deferred_file_id, shown))
            if button.label == "Parquet":
                shown = []
        return found

    def _fetched(self, file_id, shown):
        self._n_asked += 1
        message = BackMsg()
        message.backend_operation_request.request_id = str(self._n_asked)
        message.backend_operation_request.session_id = self._session_id
        message.backend_operation_request.deferred_file.file_id = file_id
        self._socket.send(message.SerializeToString())
        answer = self._until("backend_operation_response")[-1].backend_operation_response
        assert not answer.error_msg, answer
        with urllib.request.urlopen(self.server.address + answer.deferred_file.url) as response:
            data = response.read()
        return unpacked(data, list(shown))

    def _until(self, kind):
        seen = []
        while True:
            forward = ForwardMsg()
            forward.ParseFromString(self._socket.recv(timeout=60))
            seen.append(forward)
            if forward.WhichOneof("type") == kind:
                return seen


def unpacked(data, shown=()):
    """A download's archive, opened."""
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        manifest = json.loads(files.read("manifest.json"))
        (name,) = set(files.namelist()) - {"manifest.json"}
        table = files.read(name)
    return Exported(name.rpartition(".")[0], _read(table, name), manifest, shown)


def has_key(widget_id, key):
    return widget_id.endswith(f"-{key}")


def _read(table, name):
    if name.endswith(".jsonl"):
        return pd.DataFrame([json.loads(line) for line in table.decode().split("\n") if line])
    if name.endswith(".parquet"):
        return pd.read_parquet(io.BytesIO(table))
    return pd.read_csv(io.BytesIO(table))
