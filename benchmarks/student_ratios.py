"""Training of students beside a bare loop of torch over the same batches."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import torch
from measuring import Measured, peak_mib, ratio, seconds, times
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSequenceClassification

from assay.core.models.classifier import Classifier
from assay.core.models.examples import TextDocument
from assay.core.models.loading import new_classifier
from assay.core.models.locate import builtin_minilm
from assay.core.models.resolve import resolve_model
from assay.core.models.training import fine_tune, new_optimizer
from assay.core.runtime.device import choose_compute
from assay.core.specs.training import TrainingSpec

_N_DOCUMENTS, _N_TOKENS, _BATCH = 320, 48, 32


def student_ratios() -> Iterator[Measured]:
    yield _beside_a_bare_loop()
    yield _optimizer_steps()
    yield _side_by_side()
    yield _bf16_forward()
    yield from _lora()


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


_STUDENT = textwrap.dedent("""
    import sys, torch
    from contextlib import nullcontext
    from pathlib import Path
    torch.set_num_threads(1)
    from assay.core.runtime.device import Compute
    from assay.core.models.loading import load_language_model, new_classifier
    from assay.core.models.examples import TextDocument
    from assay.core.models.lora import with_lora
    from assay.core.models.training import fine_tune
    from assay.core.specs.training import TrainingSpec
    name, how, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    compute, n, new = Compute("cpu", False, 1), 320, ()
    if name == "builtin:minilm":
        model, new = new_classifier(folder, ("a", "b"), 48, 0, compute)
    else:
        model, n = load_language_model(folder, 64, compute), 12
    examples = model.examples([TextDocument("word " * 60, number % 2) for number in range(n)])
    spec = TrainingSpec(n_epochs=2, max_tokens=64, batch_size=n // 10)
    with with_lora(model, set(new), 0) if how == "lora" else nullcontext():
        fine_tune(model, examples, spec, validation=examples[:4])
""")


def _lora() -> Iterator[Measured]:
    """Each student in a process of its own."""
    with tempfile.TemporaryDirectory() as converted:
        for name, what in (
            ("builtin:minilm", "MiniLM, 32 documents of 48 tokens a step"),
            ("builtin:smollm2", "SmolLM2-135M, one document of 62 tokens a step"),
        ):
            folder = str(resolve_model(name, Path(converted)))
            full, adapted = (peak_mib(_STUDENT, name, how, folder) for how in ("full", "lora"))
            yield Measured(
                f"Peak memory of a student with all weights ({full:,.0f} MiB), beside LoRA "
                f"({adapted:,.0f} MiB): {what}",
                times(full / adapted),
            )

    def train(how: str) -> None:
        command = [sys.executable, "-c", _STUDENT, "builtin:minilm", how, str(builtin_minilm())]
        subprocess.run(command, check=True, capture_output=True)

    yield Measured(
        "Two epochs of a student of 320 documents (MiniLM, one thread), start included: all "
        "weights, beside LoRA",
        times(ratio(lambda: train("full"), lambda: train("lora"), turns=1)),
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
