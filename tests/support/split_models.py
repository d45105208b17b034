"""Devices that hold a part of a model: a machine with as little memory as a test wants."""

from __future__ import annotations

from dataclasses import replace

from assay.core.models.pretrained import load_causal, load_classifier_model
from assay.core.runtime.rooms import CPU, Rooms


def n_bytes(module):
    """Of a module's weights."""
    return sum(one.nbytes for one in (*module.parameters(), *module.buffers()))


def short_of(compute, folder, is_language, first=CPU, others=()):
    """The same, where the first device has a little less room than the folder's model needs.

    ``others``: the room of other devices, with their names.
    """
    model = (load_causal if is_language else load_classifier_model)(folder)
    return replace(compute, rooms=Rooms(((first, n_bytes(model) - 200), *others)))
