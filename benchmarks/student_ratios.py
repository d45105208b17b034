"""Training of students beside a bare loop of torch over the same batches."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator

import torch
from measuring import Measured, ratio, seconds, times
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSequenceClassification

from assay.core.models.classifier import Classifier
from assay.core.models.examples import TextDocument
from assay.core.models.loading import new_classifier
from assay.core.models.locate import builtin_minilm
from assay.core.models.training import fine_tune, new_optimizer
from assay.core.runtime.device import choose_compute
from assay.core.specs.training import TrainingSpec

_N_DOCUMENTS, _N_TOKENS, _BATCH = 320, 48, 32


def student_ratios() -> Iterator[Measured]:
    yield _beside_a_bare_loop()
    yield _optimizer_steps()
    yield _side_by_side()
    yield _bf16_forward()


def _beside_a_bare_loop() -> Measured:
    compute = choose_compute(precision="fp32")
    model, _ = new_classifier(builtin_minilm(), ("a", "b"), _N_TOKENS, 0, compute)
    assert isinstance(model, Classifier)
    documents = [TextDocument("word " * 44, number % 2) for number in range(_N_DOCUMENTS)]
    examples = model.examples(documents)
    training = TrainingSpec(n_epochs=1, max_tokens=_N_TOKENS, batch_size=_BATCH)
    n_tokens = sum(len(example.token_ids) for example in examples)
    ids, mask = model.pad([example.token_ids for example in examples])
    labels = torch.arange(len(examples)) % 2
    optimizer = torch.optim.Adam(model.model.parameters(), lr=2e-5, fused=True)

    def bare_loop() -> None:
        model.model.train()
        for start in range(0, len(ids), _BATCH):
            rows = slice(start, start + _BATCH)
            logits, _ = model.forward(ids[rows], mask[rows])
            optimizer.zero_grad()
            functional.cross_entropy(logits, labels[rows]).backward()
            optimizer.step()
        model.model.eval()

    took = seconds(lambda: fine_tune(model, examples, training))
    return Measured(
        f"A student's epoch ({_N_DOCUMENTS} documents of {_N_TOKENS} tokens, MiniLM; "
        f"{n_tokens / took:,.0f} tokens a second), beside a bare loop",
        times(ratio(lambda: fine_tune(model, examples, training), bare_loop)),
        "at most 1.05",
    )


def _optimizer_steps() -> Measured:
    model = AutoModelForSequenceClassification.from_config(
        AutoConfig.from_pretrained(builtin_minilm())
    )
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    plain = torch.optim.Adam(model.parameters(), lr=1e-5)
    ours = new_optimizer(model, TrainingSpec(learning_rate=1e-5))

    def steps(optimizer: torch.optim.Optimizer) -> None:
        for _ in range(10):
            optimizer.step()

    return Measured(
        "Ten steps of Adam over MiniLM's weights: torch's default, beside the fused kernel",
        times(ratio(lambda: steps(plain), lambda: steps(ours))),
    )


_TRAINING = textwrap.dedent("""
    import sys, torch
    torch.set_num_threads(int(sys.argv[1]))
    from assay.core.runtime.device import Compute
    from assay.core.models.loading import new_classifier
    from assay.core.models.examples import TextDocument
    from assay.core.models.locate import builtin_minilm
    from assay.core.models.training import fine_tune
    from assay.core.specs.training import TrainingSpec
    compute = Compute("cpu", False, int(sys.argv[1]))
    model, _ = new_classifier(builtin_minilm(), ("a", "b"), 48, 0, compute)
    documents = [TextDocument("word " * 44, number % 2) for number in range(960)]
    fine_tune(model, model.examples(documents), TrainingSpec(n_epochs=1, max_tokens=48))
""")


def _side_by_side() -> Measured:
    def start(n_threads: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _TRAINING, str(n_threads)])

    def one_after_the_other() -> None:
        for _ in range(2):
            start(2).wait()

    def side_by_side() -> None:
        for process in [start(1), start(1)]:
            process.wait()

    return Measured(
        "Two students of 960 documents on two cores: one after the other with two threads, beside "
        "both at once with one thread each",
        times(ratio(one_after_the_other, side_by_side, turns=1)),
    )


def _bf16_forward() -> Measured:
    """bfloat16 is slower where the processor only imitates it."""
    config = AutoConfig.from_pretrained(builtin_minilm(), num_labels=4)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.randint(1000, 20_000, (64, 48))

    def forward(is_bf16: bool) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            model(ids)

    has_bf16 = torch.cpu._is_avx512_bf16_supported()
    return Measured(
        "Forward passes of MiniLM, 64 × 48 tokens: float32, beside bfloat16 "
        f"({'in' if has_bf16 else 'not in'} this processor's hardware)",
        times(ratio(lambda: forward(False), lambda: forward(True))),
    )
