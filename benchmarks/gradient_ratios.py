"""What per-example gradients cost beside forward passes of the same models on the same batches."""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from measuring import Measured, peak_mib, ratio, times
from torch.func import grad, vmap
from torch.nn import functional

from assay.core.data.sources import read_documents
from assay.core.gradients.all_tokens import TensorSketch, token_gradients
from assay.core.gradients.last_layer import logit_errors
from assay.core.models.classifier import Classifier
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.loading import ModelPair, load_language_model, new_classifier
from assay.core.models.locate import builtin_minilm
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.models.resolve import resolve_model
from assay.core.models.text_model import TextModel, batches_by_length
from assay.core.runtime.device import choose_compute
from assay.core.specs.data import DataRef

_LABELS = ("a", "b", "c", "d")


def gradient_ratios() -> Iterator[Measured]:
    yield from _classification()
    yield from _language()
    yield from _other_ways()
    yield from _memory()


def _classification() -> Iterator[Measured]:
    """256 texts of documentation, 48 tokens, MiniLM."""
    pair, documents = classifiers(), texts(256)
    ours = ClassifierGradients(pair)
    yield Measured(
        "Gradients, norms and alignments of a classifier (MiniLM), beside the two forward passes "
        "that they need",
        times(
            ratio(
                lambda: list(ours.of(documents)),
                lambda: _forward((pair.base, pair.final), documents),
            )
        ),
        "at most 1.15",
    )
    embedding = EmbeddingGradients(pair)
    yield Measured(
        "Gradients at a classifier's input embeddings, two labels, three checkpoints, beside three "
        "forward passes",
        times(
            ratio(
                lambda: list(embedding.of(documents)),
                lambda: _forward((pair.base, pair.base, pair.final), documents),
            )
        ),
        "at most 3.5",
    )


def _language() -> Iterator[Measured]:
    """24 texts of documentation, 32 tokens, SmolLM2-135M."""
    pair, documents = language_models(), texts(24)
    ours = LanguageGradients(pair, 1, 4096, 0)
    yield Measured(
        "A language model's gradients (SmolLM2-135M; exact norms and alignments, 4,096 projected "
        "dimensions), beside one forward pass with all logits",
        times(ratio(lambda: list(ours.of(documents)), lambda: _forward((pair.base,), documents))),
        "at most 1.35",
    )
    embedding = EmbeddingGradients(pair)
    yield Measured(
        "Gradients at its input embeddings, as input and as output, beside one forward pass",
        times(
            ratio(lambda: list(embedding.of(documents)), lambda: _forward((pair.base,), documents))
        ),
        "at most 3.5",
    )
    layers = LayerAgreement(pair, documents)
    layers.of(documents)  # prepares the layers, once
    yield Measured(
        "Agreement of its linear layers, beside one forward pass",
        times(ratio(lambda: layers.of(documents), lambda: _forward((pair.base,), documents))),
        "at most 3.5",
    )


def _other_ways() -> Iterator[Measured]:
    generator = torch.Generator().manual_seed(0)
    head = torch.randn(14, 768, generator=generator)
    hidden = torch.randn(512, 768, generator=generator)
    labels = torch.randint(14, (512,), generator=generator)
    signs = torch.randint(2, (14 * 768, 1024), generator=generator).float() * 2 - 1

    def loss(weight: torch.Tensor, state: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy((weight @ state)[None], label[None])

    per_example = vmap(grad(loss), in_dims=(None, 0, 0))
    yield Measured(
        "Last-layer gradients of 512 states, 14 classes × 768: vmap over a loss of one example, "
        "beside errors ⊗ states kept as a pair",
        times(
            ratio(
                lambda: [per_example(head, hidden, labels) for _ in range(5)],
                lambda: [logit_errors(hidden @ head.T, labels) for _ in range(5)],
            )
        ),
    )
    yield Measured(
        "The same with a dense Rademacher projection to 1,024, as the paper's code does",
        times(
            ratio(
                lambda: per_example(head, hidden, labels).flatten(1) @ signs,
                lambda: logit_errors(hidden @ head.T, labels),
            )
        ),
    )
    yield _one_backward_pass_each()
    yield _all_tokens()


def _one_backward_pass_each() -> Measured:
    model, documents = classifiers().base, texts(64)
    assert isinstance(model, Classifier)
    examples = model.examples(documents)
    labels = torch.arange(len(examples)) % len(_LABELS)

    def one_by_one() -> None:
        for row, example in enumerate(examples):
            logits, _ = model.forward(*model.pad([example.token_ids]))
            functional.cross_entropy(logits, labels[row : row + 1]).backward()
            model.model.zero_grad()

    def closed_form() -> None:
        with torch.inference_mode():
            for indices in batches_by_length(examples):
                batch = model.pad([examples[index].token_ids for index in indices])
                logit_errors(model.forward(*batch)[0], labels[indices])

    return Measured(
        "Gradients of 64 documents through MiniLM: one backward pass each, beside batched forward "
        "passes and the closed form",
        times(ratio(one_by_one, closed_form)),
    )


def _all_tokens() -> Measured:
    generator = torch.Generator().manual_seed(0)
    head, target = torch.randn(2, 8192, 256, generator=generator) * 0.05
    hidden = torch.randn(16, 32, 256, generator=generator)
    wanted = torch.randint(8192, (16, 32), generator=generator)
    sketch = TensorSketch.draw(0, 4096, (8192, 256), "cpu")

    def loss(weight: torch.Tensor, states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(states @ weight.T, labels, reduction="sum")

    per_example = vmap(grad(loss), in_dims=(None, 0, 0))

    def dense() -> None:
        gradients = per_example(head, hidden, wanted)
        (gradients * target).sum((1, 2))
        (gradients**2).sum((1, 2))

    flat, next_tokens, lengths = hidden.flatten(0, 1), wanted.flatten(), [32] * 16
    return Measured(
        "Last-layer gradients over all tokens of 16 documents of 32, vocabulary 8,192 × 256: vmap "
        "with dense gradients, beside exact norms, alignments and a sketch of 4,096 without them",
        times(
            ratio(
                dense,
                lambda: token_gradients(flat, next_tokens, lengths, head, target, sketch, 1 << 26),
            )
        ),
    )


_GRADIENTS_OF = textwrap.dedent("""
    import sys, torch
    from transformers import BertConfig, BertForSequenceClassification, AutoTokenizer
    from assay.core.models.classifier import SequenceClassifier
    from assay.core.models.examples import TextDocument
    from assay.core.models.loading import ModelPair
    from assay.core.models.locate import builtin_minilm
    from assay.core.models.per_example_gradients import ClassifierGradients
    from assay.core.runtime.device import choose_compute
    compute = choose_compute(precision="fp32")
    tokenizer = AutoTokenizer.from_pretrained(builtin_minilm())
    def model(seed):
        torch.manual_seed(seed)
        config = BertConfig(vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=1,
                            num_attention_heads=2, intermediate_size=64, num_labels=4)
        return SequenceClassifier(BertForSequenceClassification(config), tokenizer, "abcd", 16,
                                  compute)
    models = ClassifierGradients(ModelPair(model(0), model(1)))
    for first in range(0, int(sys.argv[1]), 4096):
        texts = [TextDocument(f"document number {i} of this corpus") for i in range(4096)]
        for rows in models.of(texts):
            pass
""")


def _memory() -> Iterator[Measured]:
    few, many = (peak_mib(_GRADIENTS_OF, str(n)) for n in (8_192, 65_536))
    yield Measured(
        f"Peak memory of the gradients of 65,536 documents ({many:,.0f} MiB), beside 8,192",
        times(many / few),
        "1.0 (does not grow)",
    )


def texts(n: int) -> list[TextDocument]:
    documents = (TextDocument(d.text) for d in read_documents(DataRef("builtin:docs"), 0))
    return [next(documents) for _ in range(n)]


def classifiers() -> ModelPair:
    compute = choose_compute(precision="fp32")
    base, final = (
        new_classifier(builtin_minilm(), _LABELS, 48, seed, compute)[0] for seed in (0, 1)
    )
    _train_a_little(final)
    return ModelPair(base, final)


def language_models() -> ModelPair:
    compute = choose_compute(precision="fp32")
    with tempfile.TemporaryDirectory() as converted:
        folder = resolve_model("builtin:smollm2", Path(converted))
        base, final = (load_language_model(folder, 32, compute) for _ in "ab")
    _train_a_little(final)
    return ModelPair(base, final)


def _train_a_little(model: TextModel) -> None:
    """Move every weight, so that there is something to align with."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter += 1e-4 * torch.randn(parameter.shape, generator=generator)


def _forward(models: Sequence[TextModel], documents: Sequence[TextDocument]) -> None:
    """The models' own forward passes on the batches that gradients are taken of."""
    examples = models[0].examples(documents)
    with torch.inference_mode():
        for indices in batches_by_length(examples):
            ids, mask = models[0].pad([examples[index].token_ids for index in indices])
            for model in models:
                model.model(input_ids=ids, attention_mask=mask)
