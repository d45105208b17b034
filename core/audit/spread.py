"""On which engine an audit computes what it computes document by document."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch

from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.audit.stages.students import ModelPairSource
from assay.core.engines.engine import Engine, LocalEngine
from assay.core.engines.ray_engine import Device, RayEngine
from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.loading import ModelPair
from assay.core.runtime.progress import Progress
from assay.core.specs.compute import Spread, WorkEngine


@dataclass(frozen=True)
class SameModels:
    """Loads an audit's models on another machine, and makes sure that they are the same."""

    source: ModelPairSource
    base_sha256: str
    final_sha256: str

    @classmethod
    def of(cls, question: ResolvedAudit) -> SameModels:
        """A worker sees its own device only, by the name that this machine's first one has."""
        source = ModelPairSource.of(question)
        device = torch.device(source.compute.device).type
        return cls(
            replace(
                source,
                base=source.base.absolute(),
                final=source.final.absolute(),
                compute=replace(source.compute, device=device),
            ),
            question.base_sha256,
            question.final_sha256,
        )

    def __call__(self) -> ModelPair:
        # The last bits of a product may depend on the number of threads.
        torch.set_num_threads(self.source.compute.n_threads)
        for folder, sha256 in (
            (self.source.base, self.base_sha256),
            (self.source.final, self.final_sha256),
        ):
            if not folder.is_dir():
                raise InputError(
                    f"the model in {folder} on every machine of the cluster",
                    "a machine without it",
                    "put the models and the store on a file system that all machines share",
                )
            if weights_digest(folder) != sha256:
                raise InputError(
                    f"the same weights in {folder} on every machine of the cluster",
                    "other weights on one of them",
                    "copy the model again",
                )
        return self.source.load()


def opened_engine(
    spread: Spread, question: ResolvedAudit, progress: Progress
) -> AbstractContextManager[Engine]:
    """The engine that was asked for; InputError if it is not installed."""
    if spread.engine is WorkEngine.LOCAL:
        return nullcontext(LocalEngine())
    device = Device(
        torch.device(question.compute.device).type == "cuda", question.compute.n_threads
    )
    return RayEngine(SameModels.of(question), device, spread.address, progress.note)
