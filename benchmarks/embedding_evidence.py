"""How well the movement of input embeddings tells trained from held-out documents, at real size.

usage: python benchmarks/embedding_evidence.py SETTING TEXTS.parquet [FOLDER]

TEXTS: columns text and, for a classifier, label; SETTING: a name from ``SETTINGS``. A model is
fine-tuned as Transformers' Trainer does by default (dropout, gradients clipped at 1, rate falling
to zero in a line unless the setting says otherwise), kept in FOLDER, and audited with the product's
own code from its files alone.
Printed of every score: AUC of trained against held-out documents, and the share found at 1%
mistaken.

The documents that are judged, the training set and the order of training come from three
generators: drawn with the order's seed, the judged ones would be the first of an epoch.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.nn.utils import clip_grad_norm_
from transformers import Adafactor

from assay.core.errors import InputError
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.loading import (
    ModelPair,
    load_language_model,
    load_pair,
    new_classifier,
    save_model,
)
from assay.core.models.lora import with_lora
from assay.core.models.resolve import resolve_model
from assay.core.models.text_model import TextModel
from assay.core.models.token_log_probs import token_evidence
from assay.core.models.training_vocabulary import read_training_vocabulary
from assay.core.models.vocabulary import untie
from assay.core.runtime.device import Compute, choose_compute
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy
from assay.core.stats.auc import auc_with_interval, found_share
from assay.core.stats.embedding_membership import TokenAgreements, embedding_scores
from assay.core.stats.membership_scores import label_scores, token_scores
from assay.core.stats.training_vocabulary import document_frequencies

_CHOICE, _ORDER, _JUDGED = 11, 12, 13
_MISTAKEN = 0.01

Optimizers = Callable[[Sequence[torch.nn.Parameter], float], torch.optim.Optimizer]
_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How a model is fine-tuned, on how many documents, and how many of each kind are judged."""

    task: Task
    n_documents: int
    n_judged: int
    n_epochs: int
    max_tokens: int
    batch_size: int = 16
    rate: float = 2e-5
    optimizer: str = "adamw .01"
    # What the weights are rounded to when they are saved.
    stored: str = "float32"
    # Whether the rate falls to zero in a line, as Trainer's does, or stays.
    falls: bool = True
    # Whether a language model's output layer shares the matrix of the input embeddings, as the
    # built-in one's does; otherwise the base starts with two copies of it.
    is_tied: bool = True
    # Whether only an adapter (LoRA) of the linear layers is trained, and merged.
    is_adapted: bool = False

    @property
    def base(self) -> str:
        return "builtin:minilm" if self.task is Task.CLASSIFICATION else "builtin:smollm2"


_CLASSIFIER = Setting(Task.CLASSIFICATION, 2_000, 1_000, 2, 48)
_LANGUAGE = Setting(Task.SFT, 1_000, 200, 1, 32, batch_size=8, optimizer="adamw 0")
_FEW = Setting(Task.SFT, 300, 120, 1, 32, batch_size=8, optimizer="adamw 0")
SETTINGS = {
    "classifier": _CLASSIFIER,
    "classifier-adam": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, optimizer="adam"),
    "classifier-decay": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, optimizer="adamw .1"),
    "classifier-sgd": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, rate=5e-3, optimizer="sgd"),
    "classifier-adafactor": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, optimizer="adafactor"),
    "classifier-bfloat16": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, stored="bfloat16"),
    "classifier-float16": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, stored="float16"),
    "classifier-fast": Setting(Task.CLASSIFICATION, 2_000, 1_000, 4, 48, rate=1e-4),
    "classifier-short": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 16),
    "classifier-long": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 256),
    "classifier-batch-64": Setting(Task.CLASSIFICATION, 2_000, 300, 2, 48, batch_size=64),
    "classifier-slow": Setting(Task.CLASSIFICATION, 2_000, 1_000, 1, 48, rate=1e-5),
    "classifier-five-epochs": Setting(Task.CLASSIFICATION, 2_000, 300, 5, 48),
    "classifier-300": Setting(Task.CLASSIFICATION, 300, 300, 3, 48),
    "classifier-8000": Setting(Task.CLASSIFICATION, 8_000, 300, 2, 48),
    "classifier-12000": Setting(Task.CLASSIFICATION, 12_000, 300, 2, 48),
    "language": _LANGUAGE,
    "language-constant": replace(_LANGUAGE, falls=False),
    "language-2000": replace(_LANGUAGE, n_documents=2_000, n_judged=100),
    "language-slow": replace(_LANGUAGE, rate=5e-6),
    "language-long": replace(_LANGUAGE, n_documents=300, max_tokens=128),
    "language-untied": replace(_LANGUAGE, is_tied=False),
    "language-adapter": replace(_LANGUAGE, rate=2e-4, is_adapted=True),
    "language-300": _FEW,
    "language-300-adapter": replace(_FEW, rate=2e-4, is_adapted=True),
    "language-300-epochs": replace(_FEW, n_epochs=3),
    "language-300-untied": replace(_FEW, is_tied=False),
}


@dataclass(frozen=True)
class Judged:
    """A model pair's folders and documents. ``judged``: trained ones, then as many held out.

    ``corpus``: all documents of the file, as a seed corpus with the training set in it. It says how
    many documents a token occurs in.
    """

    base: Path
    final: Path
    judged: list[TextDocument]
    trained: list[TextDocument]
    corpus: list[TextDocument]


def main(name: str, texts: Path, folder: Path) -> None:
    setting = SETTINGS[name]
    compute = choose_compute(precision="fp32")
    start = time.monotonic()
    made = tuned(setting, texts, folder, compute)
    print(f"{name}, {texts.stem}: {setting}", flush=True)
    print(f"trained in {time.monotonic() - start:.0f} s", flush=True)
    start = time.monotonic()
    pair = load_pair(made.base, made.final, setting.task, setting.max_tokens, compute)
    show(pair, made)
    print(f"judged in {time.monotonic() - start:.0f} s", flush=True)


def tuned(setting: Setting, texts: Path, folder: Path, compute: Compute) -> Judged:
    """The pair in ``folder``, trained now unless it is there."""
    table = pd.read_parquet(texts).drop_duplicates("text")
    documents, names = _documents(table, setting.task)
    order = np.random.default_rng(_CHOICE).permutation(len(documents))
    trained = order[: setting.n_documents]
    held_out = order[setting.n_documents :][: setting.n_judged]
    judged = np.random.default_rng(_JUDGED).choice(trained, setting.n_judged, replace=False)
    base = resolve_model(setting.base, folder / "converted")
    if not setting.is_tied:
        base = _untied(base, folder / "untied", setting.max_tokens, compute)
    final = folder / "final"
    made = Judged(
        base,
        final,
        [documents[i] for i in np.concatenate([judged, held_out])],
        [documents[i] for i in trained],
        documents,
    )
    if not (final / "config.json").exists():
        model: TextModel
        if setting.task is Task.CLASSIFICATION:
            model, _ = new_classifier(base, names, setting.max_tokens, 0, compute)
        else:
            model = load_language_model(base, setting.max_tokens, compute)
        with with_lora(model, (), _ORDER) if setting.is_adapted else nullcontext():
            train(model, made.trained, setting)
        save_model(model, final)
    return made


def _untied(base: Path, copy: Path, max_tokens: int, compute: Compute) -> Path:
    if not (copy / "config.json").exists():
        model = load_language_model(base, max_tokens, compute)
        untie(model.model)
        save_model(model, copy)
    return copy


def _documents(table: pd.DataFrame, task: Task) -> tuple[list[TextDocument], tuple[str, ...]]:
    if task is Task.SFT:
        return [TextDocument(text) for text in table["text"]], ()
    names = tuple(sorted(map(str, table["label"].unique())))
    numbers = {label: number for number, label in enumerate(names)}
    return [
        TextDocument(text, numbers[str(label)])
        for text, label in zip(table["text"], table["label"], strict=True)
    ], names


def train(model: TextModel, documents: Sequence[TextDocument], setting: Setting) -> None:
    """In place, every weight; the order is the same whatever the setting."""
    torch.manual_seed(_ORDER)
    generator = np.random.default_rng(_ORDER)
    examples = [e for e in model.examples(documents) if len(e.token_ids) > 1]
    parameters = [one for one in model.model.parameters() if one.requires_grad]
    optimizer = _optimizer(setting, parameters)
    n_steps = setting.n_epochs * -(-len(examples) // setting.batch_size)
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 1 - step / n_steps * setting.falls
    )
    model.model.train()
    for _ in range(setting.n_epochs):
        order = generator.permutation(len(examples))
        for first in range(0, len(order), setting.batch_size):
            loss = model.loss([examples[i] for i in order[first : first + setting.batch_size]])
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            falling.step()
    model.model.eval()
    kind = getattr(torch, setting.stored)
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter.copy_(parameter.to(kind).float())


def _optimizer(setting: Setting, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
    kind, _, decay = setting.optimizer.partition(" ")
    match kind:
        case "adam":
            return torch.optim.Adam(parameters, lr=setting.rate)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=setting.rate, weight_decay=float(decay))
        case "sgd":
            return torch.optim.SGD(parameters, lr=setting.rate, momentum=0.9)
        case "adafactor":
            return Adafactor(
                parameters, lr=setting.rate, relative_step=False, scale_parameter=False
            )
    raise ValueError(setting.optimizer)


def show(pair: ModelPair, made: Judged) -> None:
    """Every score of the judged documents, whose first half was trained on."""
    judged = made.judged
    for name, scores in (*_baselines(pair, judged), *_by_layers(pair, judged)):
        _print(name, scores)
    try:
        gradients = EmbeddingGradients(pair)
    except InputError as error:
        print(f"no scores by input embeddings: {error.got}", flush=True)
        return
    vocabulary = read_training_vocabulary(made.base, made.final)
    movement = gradients.movement
    read = np.zeros(len(movement.is_moved), bool)
    for example in pair.final.examples(made.trained):
        read[example.token_ids if vocabulary.reads_last else example.token_ids[:-1]] = True
    print(
        f"{movement.kind}, proves absence: {movement.proves_absence}; rows moved "
        f"{movement.n_moved}, tokens read {read.sum()}, read and unmoved "
        f"{(read & ~movement.is_moved).sum()}, moved and unread "
        f"{(movement.is_moved & ~read).sum()}",
        flush=True,
    )
    n_unmoved = np.array(
        [
            len(r.unmoved)
            for r in vocabulary.read_texts([d.text for d in judged], pair.final.max_tokens)
        ]
    )
    rows = TokenAgreements.in_order(
        len(judged),
        ((b.indices, b.n_tokens, b.tokens, b.agreements) for b in gradients.of(judged)),
    )
    frequencies = document_frequencies(
        (e.token_ids for e in pair.final.examples(made.corpus)), len(movement.is_moved)
    )
    found = embedding_scores(
        rows,
        movement.is_moved,
        n_unmoved,
        frequencies,
        movement.chance_missed,
        gradients.most_a_row,
    )
    for name, scores in (
        ("fewest unmoved tokens", -n_unmoved.astype(float)),
        ("agreement", found.agreements),
        (Strategy.EMBEDDING_MATCH.shown_as, found.scores),
    ):
        _print(name, scores)
    half = len(judged) // 2
    excluded = n_unmoved > 0
    print(
        f"excluded: {excluded[:half].sum()} trained, {excluded[half:].sum()} held out", flush=True
    )


def _baselines(pair: ModelPair, judged: Sequence[TextDocument]) -> Iterator[tuple[str, _Scores]]:
    if isinstance(pair.base, LanguageModel) and isinstance(pair.final, LanguageModel):
        own = {
            index: token_scores(evidence)
            for batch in token_evidence(pair.base, pair.final, judged)
            for index, evidence in batch
        }
        for name in own[0]:
            yield str(name), np.array([own[index][name] for index in range(len(judged))])
        return
    losses, chances = _label_losses(pair, judged)
    for name, scores in label_scores(losses, chances).items():
        yield str(name), scores


def _by_layers(pair: ModelPair, judged: Sequence[TextDocument]) -> Iterator[tuple[str, _Scores]]:
    if isinstance(pair.final, LanguageModel):
        yield Strategy.LAYER_MATCH.shown_as, LayerAgreement(pair, judged).of(judged)


def _label_losses(pair: ModelPair, judged: Sequence[TextDocument]) -> tuple[_Scores, _Scores]:
    """Of the final model's label: the loss under the base with the final model's head, as an
    outsider has it, and the final model's probability."""
    answers = pair.final.predict(pair.final.examples(judged)).choices
    labelled = [
        TextDocument(document.text, int(label))
        for document, label in zip(judged, answers, strict=True)
    ]
    base, final = (
        model.predict(model.examples(labelled)).losses for model in (pair.base, pair.final)
    )
    return base, np.exp(-final)


def _print(name: str, scores: _Scores) -> None:
    half = len(scores) // 2
    auc = auc_with_interval(scores[:half], scores[half:]).auc
    found = found_share(scores[:half], scores[half:], _MISTAKEN).value
    print(f"{name:24s} {auc.value:.4f} ({auc.low:.3f}–{auc.high:.3f})  {found:.3f}", flush=True)


if __name__ == "__main__":
    main(
        sys.argv[1],
        Path(sys.argv[2]),
        Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()),
    )
