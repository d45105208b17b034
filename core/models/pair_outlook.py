"""What headers say of a pair before a job: what would stop it, and what it can say at best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.core.models.stored_facts import StoredFacts
from assay.core.specs.audit import GradientLayers
from assay.core.specs.data import Task

_SAME = (("width", "width"), ("n_layers", "number of layers"))
# How adapters name the layers that predict, and the tables that tokens look up.
_LAST = ("lm_head", "score", "classifier", "embed_out", "head")
_TABLES = ("embed_tokens", "wte", "word_embeddings", "embed_in")


@dataclass(frozen=True)
class PairOutlook:
    """Sentences. ``problems`` stop the job; ``limits`` narrow what it can say; ``notes`` help."""

    problems: tuple[str, ...]
    limits: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What of a form bears on the pair."""

    task: Task
    layers: GradientLayers
    has_label_words: bool
    max_tokens: int | None
    is_one_model: bool


def pair_outlook(base: StoredFacts, final: StoredFacts, asked: Asked) -> PairOutlook:
    """What two models' files say of a job that compares them."""
    whole = base if final.is_adapter else final
    problems = (*_mismatches(base, final, asked), *_task_problems(whole, asked))
    limits = (*_limits(base, final, asked),)
    notes = []
    if final.training:
        notes.append("`assay finetune` recorded how the final model was trained.")
    if not problems:
        notes.append("Whether the weights moved is checked first when the job runs.")
    return PairOutlook(problems, limits, tuple(notes))


def _mismatches(base: StoredFacts, final: StoredFacts, asked: Asked) -> Iterator[str]:
    if asked.is_one_model:
        yield "Base and final model are the same: there is no difference to explain."
        return
    if base.is_adapter:
        yield "The base model is an adapter; give the full model that it was trained on."
        return
    for name, shown in _SAME:
        ours, theirs = getattr(base, name), getattr(final, name)
        if ours is not None and theirs is not None and ours != theirs:
            yield (
                f"The models differ in {shown} ({ours:,} and {theirs:,}); give the model that the "
                "final one was fine-tuned from."
            )
    if not final.has_tokenizer and not final.is_adapter:
        yield "The final model's folder has no tokenizer; put it there."


def _task_problems(model: StoredFacts, asked: Asked) -> Iterator[str]:
    if model.is_gguf or model.is_adapter:
        return
    if asked.task is Task.SFT and not model.gives_tokens:
        yield f"--task sft needs a language model, and this is a {model.kind}."
    if asked.task is Task.CLASSIFICATION:
        if model.gives_tokens and not asked.has_label_words:
            yield "A language model classifies by words: give --label-words, or --task sft."
        if model.has_head and asked.has_label_words:
            yield "This model has a classification head, so --label-words does not apply."
        if not model.gives_tokens and not model.has_head:
            yield "The final model has no classification head."
    if asked.max_tokens and model.max_positions and asked.max_tokens > model.max_positions:
        yield f"--max-tokens is more than the model's {model.max_positions:,} positions."


def _limits(base: StoredFacts, final: StoredFacts, asked: Asked) -> Iterator[str]:
    if final.is_adapter:
        changes = ", ".join(final.adapter_targets) or "nothing that it names"
        is_last = any(name.split(".")[-1] in _LAST for name in final.adapter_targets)
        if asked.layers is GradientLayers.LAST_LAYER and not is_last:
            yield (
                f"Not assessable by the last layer: the adapter changes {changes}. Set "
                "--gradient-layers to changed. This is not evidence of no leak."
            )
        if not any(name.split(".")[-1] in _TABLES for name in final.adapter_targets):
            yield "The adapter leaves the input embeddings alone, so they are no evidence."
        return
    if final.has_head and not base.has_head:
        yield (
            "Limited: the base model has no classification head, so the head's first values are "
            "unknown."
        )
    if final.is_tied:
        yield (
            "Input and output embeddings are tied: no row stays still, so documents are excluded "
            "by statistics, not by proof."
        )
    if base.n_rows and final.n_rows and base.n_rows != final.n_rows:
        yield (
            f"The vocabularies have {base.n_rows:,} and {final.n_rows:,} rows; where rows of new "
            "tokens began is unknown."
        )
