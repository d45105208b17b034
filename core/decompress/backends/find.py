"""Finds the backend for a model's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.core.decompress.backends.base import Backend, ModelIdentity
from assay.core.errors import InputError
from assay.core.models.convert import is_gguf, what_was_not_read
from assay.core.models.digests import file_digest, weights_digest
from assay.core.models.gguf_header import read_gguf_header
from assay.core.models.locate import local_model
from assay.core.models.resolve import resolve_model
from assay.core.models.settings_digest import settings_digest
from assay.core.models.weight_files import n_parameters
from assay.core.runtime.device import Compute
from assay.core.specs.addresses import is_address, without_password
from assay.core.specs.decompression import Engine


@dataclass(frozen=True)
class FoundModel:
    """A model that was found, with its identity; ``open`` loads it, or connects to the server.

    ``caveats``: about the place where it was found.
    """

    identity: ModelIdentity
    open: Callable[[Compute], Backend]
    caveats: tuple[str, ...] = ()


def find_model(
    name: str,
    served_model: str | None,
    converted: Path,
    engine: Engine | None = None,
    also_at: Sequence[str] = (),
) -> FoundModel:
    """The model at an address, in a GGUF file or in a folder; InputError if there is none.

    ``also_at``: other servers of the same model, which answer with it.

    For transformers, a GGUF file is converted once, into a folder under ``converted``. InputError
    for an engine that cannot run the model.
    """
    if is_address(name):
        if engine:
            raise InputError(
                "a model on this machine, since --engine is given",
                repr(without_password(name)),
                "remove --engine",
            )
        from assay.core.decompress.backends.openai_server import ServerBackend
        from assay.core.decompress.backends.served import identify

        identity = identify(name, served_model)
        if not also_at:
            return FoundModel(identity, lambda compute: ServerBackend(name, identity))
        from assay.core.decompress.backends.several_servers import opened

        servers = {name: identity} | {one: identify(one, served_model) for one in also_at}
        return FoundModel(
            identity,
            lambda compute: opened(ServerBackend(*server) for server in servers.items()),
        )
    if served_model:
        raise InputError(
            "the address of a server, since --served-model is given",
            repr(name),
            "give an address, or remove --served-model",
        )
    path = local_model(name)
    if path and is_gguf(path) and engine is not Engine.TRANSFORMERS:
        from assay.core.decompress.backends.llama_cpp import LlamaBackend

        identity = _identity_of_gguf(name, path)
        return FoundModel(identity, lambda compute: LlamaBackend(path, identity, compute.n_threads))
    if engine is Engine.LLAMA:
        raise InputError(
            "a GGUF file, since the engine is llama.cpp", f"{name!r}", "use --engine transformers"
        )
    from assay.core.decompress.backends.hf_transformers import LocalBackend

    folder = resolve_model(name, converted)
    identity = ModelIdentity(
        name,
        weights_digest(folder),
        True,
        n_parameters(folder),
        Engine.TRANSFORMERS,
        settings_digest(folder),
    )
    return FoundModel(
        identity,
        lambda compute: LocalBackend(folder, identity, compute),
        what_was_not_read(folder),
    )


def _identity_of_gguf(name: str, file: Path) -> ModelIdentity:
    n_parameters = read_gguf_header(file).n_parameters
    return ModelIdentity(name, file_digest(file), True, n_parameters, Engine.LLAMA)
