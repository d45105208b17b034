"""Fine-tunings of models of a few thousand parameters on random documents, of random settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from support.tiny_models import SIZES
from transformers import (
    Adafactor,
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
)

_OPTIMIZERS = ["adam", "adamw .01", "adamw .1", "sgd", "sgd .01", "adafactor"]

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Trained:
    """base, final (V × d, float32, rounded as stored); documents of token ids; is_read (V): tokens
    whose rows have a gradient; settings, for messages."""

    base: np.ndarray
    final: np.ndarray
    documents: list[list[int]]
    is_read: np.ndarray
    reads_last: bool
    settings: str


def random_settings(seed):
    """Settings as users choose them, and some that they had better not."""
    draw = np.random.default_rng(seed)
    stored = str(draw.choice(["fp32", "bf16", "fp16"]))
    return {
        "is_language_model": bool(draw.random() < 0.4),
        "is_tied": bool(draw.random() < 0.25),
        "n_vocabulary": int(draw.integers(150, 400)),
        "n_documents": int(draw.integers(20, 60)),
        "batch_size": int(draw.choice([4, 8, 16])),
        "n_epochs": int(draw.integers(1, 4)),
        "dropout": float(draw.choice([0, 0.1, 0.3])),
        "rate": float(draw.choice([1e-5, 2e-5, 1e-4, 1e-3])),
        "longest": int(draw.choice([6, 12, 40])),
        "optimizer": str(draw.choice(_OPTIMIZERS)),
        "schedule": str(draw.choice(["constant", "linear"])),
        "base_stored": str(draw.choice(["fp32", stored])),
        "final_stored": stored,
    }


def train(seed, trained_in="fp32", **chosen):
    """A random fine-tuning; ``chosen`` overrides what is drawn."""
    settings = {**random_settings(seed), **chosen}
    draw = np.random.default_rng(seed + 1_000_000)
    torch.manual_seed(seed)
    model = _model(settings)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(FORMATS[settings["base_stored"]]).float())
    base = model.get_input_embeddings().weight.detach().clone()
    documents = _documents(draw, settings)
    labels = draw.integers(0, 3, len(documents))
    model.to(FORMATS[trained_in]).train()
    optimizer = _optimizer(model, settings)
    n_steps = settings["n_epochs"] * -(-len(documents) // settings["batch_size"])
    step = 0
    for _ in range(settings["n_epochs"]):
        order = draw.permutation(len(documents))
        for start in range(0, len(order), settings["batch_size"]):
            chosen_ones = order[start : start + settings["batch_size"]]
            if settings["schedule"] == "linear":
                for group in optimizer.param_groups:
                    group["lr"] = group["initial"] * (1 - step / n_steps)
            loss = _loss(model, [documents[i] for i in chosen_ones], labels[chosen_ones])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
    final = model.get_input_embeddings().weight.detach().to(FORMATS[settings["final_stored"]])
    reads_last = not settings["is_language_model"]
    is_read = np.zeros(len(base), bool)
    for document in documents:
        is_read[document if reads_last else document[:-1]] = True
    return Trained(
        base.numpy(), final.float().numpy(), documents, is_read, reads_last, f"{seed}: {settings}"
    )


def _model(settings):
    if settings["is_language_model"]:
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=settings["n_vocabulary"],
                **SIZES,
                tie_word_embeddings=settings["is_tied"],
                pad_token_id=0,
                attention_dropout=settings["dropout"],
            )
        )
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=settings["n_vocabulary"],
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            num_labels=3,
            hidden_dropout_prob=settings["dropout"],
            attention_probs_dropout_prob=settings["dropout"],
        )
    )


def _documents(draw, settings):
    """Token ids between a beginning (2) and an end (3), common ones more often, as words are."""
    tokens = draw.permutation(np.arange(4, settings["n_vocabulary"]))
    shares = 1 / np.arange(1, len(tokens) + 1)
    shares /= shares.sum()
    return [
        [2, *draw.choice(tokens, int(draw.integers(3, settings["longest"])), p=shares).tolist(), 3]
        for _ in range(settings["n_documents"])
    ]


def _optimizer(model, settings):
    kind, _, decay = settings["optimizer"].partition(" ")
    rate, decay = settings["rate"], float(decay or 0)
    if kind == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
    elif kind == "adamw":
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    elif kind == "adafactor":
        optimizer = Adafactor(
            model.parameters(), lr=rate, relative_step=False, scale_parameter=False
        )
    else:
        rate *= 300
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=decay)
    for group in optimizer.param_groups:
        group["initial"] = rate
    return optimizer


def _loss(model, documents, labels):
    longest = max(map(len, documents))
    ids = torch.tensor([[*d, *[0] * (longest - len(d))] for d in documents])
    mask = torch.tensor([[1] * len(d) + [0] * (longest - len(d)) for d in documents])
    if isinstance(model, LlamaForCausalLM):
        return model(
            input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)
        ).loss
    return model(input_ids=ids, attention_mask=mask, labels=torch.tensor(labels)).loss
