"""What the headers of a model on the hub say, before anything of its weights is fetched.

A process of its own makes a folder with the model's configuration and, in place of each file of
weights, its header and nothing behind it: a file with holes, as long as the true one. What reads
headers of models on this machine reads this one too.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from assay.core.errors import InputError
from assay.core.hub.own_process import LIMIT_S, NoAnswer, answer, ask
from assay.core.models.hub_models import HubModel, explained
from assay.core.models.model_config import CONFIG
from assay.core.models.stored_facts import StoredFacts, stored_facts
from assay.core.models.training_record import RECORD_FILE
from assay.core.models.weight_files import ADAPTER_CONFIG, INDEX
from assay.core.specs.plain import from_plain, to_plain

# Enough for most headers, and more than any real model has; a file with holes takes no room.
_USUAL_HEADER_BYTES, _MOST_HEADER_BYTES, _MOST_FILE_BYTES = 100_000, 25_000_000, 1 << 44
_CHUNK = 1 << 16
# What is looked into; of the other files only whether they are there.
_READ = (CONFIG, INDEX, ADAPTER_CONFIG, RECORD_FILE)


def hub_facts(name: str, limit_s: float = LIMIT_S) -> StoredFacts:
    """What is known of a model on the hub; InputError for one that no job could load."""
    try:
        return from_plain(StoredFacts, ask(__name__, {"name": name}, limit_s))
    except NoAnswer as why:
        got = f"{name!r}, whose check {why}"
        raise InputError("a model on the hub", got, "try again, or start the job") from why


def _facts(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        # Named as in the client's cache, so that sentences call it by its name.
        outline = Path(folder, f"models--{name.replace('/', '--')}", "snapshots", "outline")
        explained(name, lambda: _outline(HubModel.of(name).checked(), outline))
        return to_plain(stored_facts(outline))


def _outline(model: HubModel, into: Path) -> None:
    read = model.described(_READ)
    for name in model.describing:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in _READ:
            shutil.copyfile(read / name, target)
        else:
            target.touch()  # only whether it is there is looked at
    for name in model.weights(read):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        with (into / name).open("wb") as weights:
            weights.write(_header(model, name))
            weights.truncate(model.sizes[name])


def _header(model: HubModel, name: str) -> bytes:
    """The beginning of a file of weights, up to the end of its header."""
    held = _beginning(model, name, _USUAL_HEADER_BYTES)
    wanted = 8 + min(int.from_bytes(held[:8], "little"), _MOST_HEADER_BYTES)
    return (held if len(held) >= wanted else _beginning(model, name, wanted))[:wanted]


def _beginning(model: HubModel, name: str, n_bytes: int) -> bytes:
    """No more than that, also if a server gives the whole file where a part was asked for."""
    address = huggingface_hub.hf_hub_url(model.name, name, revision=model.revision.resolved)
    asked = {**build_hf_headers(), "Range": f"bytes=0-{n_bytes - 1}", "Accept-Encoding": "identity"}
    held = b""
    with get_session().stream("GET", address, headers=asked) as response:
        hf_raise_for_status(response)
        for part in response.iter_bytes(_CHUNK):
            held += part
            if len(held) >= n_bytes:
                break
    return held[:n_bytes]


if __name__ == "__main__":
    answer(_facts, _MOST_FILE_BYTES)
