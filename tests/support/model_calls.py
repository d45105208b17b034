"""Calls to a local backend."""

from __future__ import annotations

from assay.core.runtime.device import Compute
from assay.core.specs.model_calls import Call, Sampling

COMPUTE = Compute("cpu", False, 1)


def answered(backend, calls):
    found = {call.key: answer for part in backend.answer(calls) for call, answer in part}
    return [found[call.key] for call in calls]


def call(prompt="Topic: weather\nSubtopics:", seed=3, n_tokens=12, stop=("\n",), **more):
    sampling = Sampling(n_tokens, 2.0, stop=stop, top_k=0, min_p=0.0)
    return Call("topics", prompt, sampling, seed, **more)
