"""A transformers model in this process, for folders of safetensors."""

from __future__ import annotations

import importlib.util
import json
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from transformers import (
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from assay.core.data.chat_template import as_chat
from assay.core.decompress.backends.base import ModelIdentity, Scoring, Traits
from assay.core.decompress.backends.seeded_sampling import SeededSampling
from assay.core.models.folder_files import called
from assay.core.models.pretrained import load_causal, load_tokenizer
from assay.core.models.text_model import set_padding
from assay.core.models.validation import check_finite
from assay.core.runtime.device import Compute
from assay.core.specs.model_calls import Answer, Call, Refusal

_ROWS_AT_ONCE = 16


class LocalBackend:
    """One folder, decoded in batches; xgrammar, if installed, constrains the output."""

    batch_size = 4 * _ROWS_AT_ONCE

    def __init__(self, folder: Path, identity: ModelIdentity, compute: Compute) -> None:
        self.identity = identity
        self._compute = compute
        self._model = load_causal(folder)
        check_finite(self._model, called(folder))
        self._model.to(compute.device).eval()
        self._tokenizer = load_tokenizer(folder)
        self._tokenizer.padding_side = "left"
        # It does not matter which token pads a batch, but there must be one.
        padding = set_padding(self._model, self._tokenizer)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.convert_ids_to_tokens(padding)
        self._grammars: dict[str, Any] = {}
        self.traits = Traits(
            has_raw_prompts=True,
            has_chat=self._tokenizer.chat_template is not None,
            honours_schema=importlib.util.find_spec("xgrammar") is not None,
            honours_seed=True,
            honours_n=True,
            honours_logprobs=True,
            scoring=Scoring.EXACT,
            honours_top_k=True,
        )

    def answer(self, calls: Sequence[Call]) -> Iterator[list[tuple[Call, Answer | Refusal]]]:
        scored = [call for call in calls if call.continuation is not None]
        for call in scored:
            yield [(call, self._score(call))]
        drawn = [call for call in calls if call.continuation is None]
        # Prompts of similar length go together, because padding costs time.
        drawn.sort(key=lambda call: (_form(call), len(call.prompt)))
        for _, alike in groupby(drawn, key=_form):
            waiting = list(alike)
            for start in range(0, len(waiting), _ROWS_AT_ONCE):
                batch = waiting[start : start + _ROWS_AT_ONCE]
                yield list(zip(batch, self._draw(batch), strict=True))

    def close(self) -> None:
        del self._model

    def _text_of(self, call: Call) -> str:
        if not call.is_chat or not self.traits.has_chat:
            return call.prompt
        turns = [{"role": "user", "content": call.prompt}]
        return as_chat(self._tokenizer, turns, add_generation_prompt=True)

    def _draw(self, batch: Sequence[Call]) -> list[Answer | Refusal]:
        start = time.monotonic()
        encoded = self._tokenizer(
            [self._text_of(call) for call in batch],
            return_tensors="pt",
            padding=True,
            add_special_tokens=not batch[0].is_chat,
        ).to(self._compute.device)
        n_prompt = encoded["input_ids"].shape[1]
        limit = getattr(self._model.config, "max_position_embeddings", None)
        if limit and n_prompt >= limit:
            words = f"a prompt of {n_prompt} tokens; the model reads {limit}"
            return [Refusal(words)] * len(batch)
        longest = batch[0].sampling.max_tokens
        n_most = min(longest, limit - n_prompt) if limit else longest
        sampling = SeededSampling(batch, self._model.config.vocab_size)
        with torch.inference_mode(), self._compute.autocast():
            output = self._model.generate(
                **encoded,
                do_sample=False,
                max_new_tokens=n_most,
                pad_token_id=self._tokenizer.pad_token_id,
                logits_processor=LogitsProcessorList([*self._constraint(batch[0]), sampling]),
                stopping_criteria=StoppingCriteriaList(
                    [_StopStrings(self._tokenizer, batch, n_prompt)]
                ),
            )
        duration_s = (time.monotonic() - start) / len(batch)
        masks = encoded["attention_mask"].sum(dim=1).tolist()
        return [
            self._answer(call, row[n_prompt:].tolist(), logprobs, n_read, duration_s)
            for call, row, logprobs, n_read in zip(
                batch, output, sampling.logprobs, masks, strict=True
            )
        ]

    def _answer(
        self, call: Call, tokens: list[int], logprobs: list[float], n_read: int, duration_s: float
    ) -> Answer | Refusal:
        ends = {self._tokenizer.eos_token_id, *_as_list(self._model.generation_config.eos_token_id)}
        n = next((at for at, token in enumerate(tokens) if token in ends), len(tokens))
        # Text after a stop string only fills the batch, and its tokens may be anything.
        n = min(n, self._n_until_stop(tokens, call.sampling.stop), call.sampling.max_tokens)
        has_ended = n < len(tokens) and n < call.sampling.max_tokens
        text = self._tokenizer.decode(tokens[:n], skip_special_tokens=True)
        cuts = [text.index(stop) for stop in call.sampling.stop if stop in text]
        if cuts:
            text, has_ended = text[: min(cuts)], True
        if not text.strip():
            return Refusal(f"an answer without text, after {n} tokens")
        finish = "stop" if has_ended else "length"
        return Answer(text, finish, n_read, n, duration_s, sum(logprobs[:n]))

    def _n_until_stop(self, tokens: list[int], stops: Sequence[str]) -> int:
        """The number of tokens up to and including the one that completes a stop string."""

        def is_there(n: int) -> bool:
            said = self._tokenizer.decode(tokens[:n])
            return any(stop in said for stop in stops)

        return bisect_left(range(len(tokens)), True, key=is_there)

    def _score(self, call: Call) -> Answer:
        start = time.monotonic()
        assert call.continuation is not None
        prompt = self._tokenizer(call.prompt)["input_ids"]
        whole = self._tokenizer(call.prompt + call.continuation)["input_ids"]
        # A token that spans both belongs to the continuation.
        n_same = next(
            (at for at, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b),
            min(len(prompt), len(whole)),
        )
        ids = torch.tensor([whole], device=self._compute.device)
        with torch.inference_mode(), self._compute.autocast():
            logits = self._model(input_ids=ids).logits[0, n_same - 1 : -1].float()
        targets = ids[0, n_same:]
        logprob = logits.log_softmax(-1).gather(1, targets[:, None]).sum()
        duration_s = time.monotonic() - start
        return Answer("", "stop", n_same, len(targets), duration_s, float(logprob))

    def _constraint(self, call: Call) -> list[Any]:
        if call.schema is None or not self.traits.honours_schema:
            return []
        import xgrammar

        key = _schema_key(call)
        if key not in self._grammars:
            info = xgrammar.TokenizerInfo.from_huggingface(
                self._tokenizer, vocab_size=self._model.config.vocab_size
            )
            # If unlimited spaces were allowed between parts, some models would write nothing else.
            self._grammars[key] = xgrammar.GrammarCompiler(info).compile_json_schema(
                key, any_whitespace=False
            )
        return [xgrammar.contrib.hf.LogitsProcessor(self._grammars[key])]


class _StopStrings(StoppingCriteria):
    """A row is done when it contains one of its call's stop strings."""

    def __init__(self, tokenizer: Any, calls: Sequence[Call], n_prompt: int) -> None:
        self._tokenizer, self._calls, self._n_prompt = tokenizer, calls, n_prompt

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        said = [row[self._n_prompt :] for row in input_ids]
        done = [
            any(stop in self._tokenizer.decode(tokens) for stop in call.sampling.stop)
            for tokens, call in zip(said, self._calls, strict=True)
        ]
        return torch.tensor(done, device=input_ids.device)


def _form(call: Call) -> tuple[str, int, bool]:
    """What all calls of one batch must have in common."""
    return _schema_key(call), call.sampling.max_tokens, call.is_chat


def _schema_key(call: Call) -> str:
    return "" if call.schema is None else json.dumps(call.schema)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
