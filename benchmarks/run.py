"""Ratios of our methods to the plain ones, measured side by side in one run: `make bench`.

Ratios, not seconds, so that a busy machine slows both sides. Each pair is run in turns and the
median of its ratios is printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits
from torch.func import grad, vmap
from transformers import AutoConfig, AutoModelForSequenceClassification

from assay.core.gradients.all_tokens import TensorSketch, token_gradients
from assay.core.gradients.features import FactoredGradients
from assay.core.gradients.last_layer import logit_errors
from assay.core.models.loading import new_classifier
from assay.core.models.locate import builtin_minilm
from assay.core.models.training import new_optimizer
from assay.core.runtime.device import choose_compute
from assay.core.selection.greedy import select
from assay.core.selection.matching_pursuit import select_plus
from assay.core.selection.titration import Corpus, titrate
from assay.core.specs.strategies import BY_OWN_SCORE, Strategy
from assay.core.specs.training import TrainingSpec

N_TURNS = 3


def ratio(plain: Callable[[], object], ours: Callable[[], object]) -> float:
    """How many times longer ``plain`` takes, the median over turns."""
    ratios = []
    for _ in range(N_TURNS):
        times = []
        for work in (plain, ours):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    return statistics.median(ratios)


def greedy_selection() -> float:
    """SELECT of 100 from 10,000 (4 classes × 385): one product a step, against every sum from
    scratch."""
    features, gradients, target = ten_thousand_gradients()
    budget = 100

    def renormalise_everything() -> None:
        total, taken = np.zeros_like(target), np.zeros(len(gradients), bool)
        for _ in range(budget // 10):  # a tenth of the steps; scaled below
            sums = total + gradients
            cosines = sums @ target / np.linalg.norm(sums, axis=1)
            best = int(np.where(taken, -np.inf, cosines).argmax())
            taken[best] = True
            total = total + gradients[best]

    return 10 * ratio(renormalise_everything, lambda: select(features, budget))


def weighted_selection() -> float:
    """SELECT+ of 300 from 10,000 (4 classes × 385): every fit from scratch at each step, against
    starting from the previous weights."""
    features, gradients, target = ten_thousand_gradients()
    lengths, budget = np.linalg.norm(gradients, axis=1), 300

    def from_nothing() -> None:
        chosen: list[int] = []
        residual = target
        for _ in range(budget):
            fit = gradients @ residual / lengths
            fit[chosen] = -np.inf
            chosen.append(int(fit.argmax()))
            lower = np.linalg.cholesky(gradients[chosen] @ gradients[chosen].T)
            weights = nnls(lower.T, np.linalg.solve(lower, gradients[chosen] @ target))[0]
            residual = target - weights.astype("f") @ gradients[chosen]

    return ratio(from_nothing, lambda: select_plus(features, budget))


def ten_thousand_gradients() -> tuple[FactoredGradients, NDArray, NDArray]:
    """As factors and written out, (10,000 × 4·385), with the target's unit vector."""
    rng = np.random.default_rng(0)
    n, n_classes, width = 10_000, 4, 385
    features = FactoredGradients(
        rng.normal(size=(1, n, n_classes)).astype("f"),
        rng.normal(size=(1, n, width)).astype("f"),
        rng.normal(size=(1, n_classes, width)).astype("f"),
    )
    gradients = np.einsum("nc,nd->ncd", features.errors[0], features.hidden[0]).reshape(n, -1)
    return features, gradients, features.target.reshape(-1) / np.linalg.norm(features.target)


def live_selection() -> float:
    """Moving a slider, pool of 10,000 (4 classes × 385), budget 500, all metrics, one thread: one
    second, against the slowest selector's time."""
    features, _, _ = ten_thousand_gradients()
    rng, number = np.random.default_rng(1), np.arange(features.n_documents)
    corpus = Corpus(
        features,
        rng.integers(0, 4, len(number)),
        rng.random(len(number)),
        number < 3000,
        (number >= 3000) & (number < 6000),
        rng.random((len(number), 2)) / 2,
        rng.normal(size=(len(number), 384)).astype("f"),
        rng.normal(size=(2000, 384)).astype("f"),
        32,
        {strategy: rng.normal(size=len(number)) for strategy in BY_OWN_SCORE},
        features,
    )

    def move(selector: str) -> float:
        start = time.perf_counter()
        titrate(corpus, 1.0, 500, selector, 0)
        return time.perf_counter() - start

    with threadpool_limits(1):
        move(Strategy.RANDOM)  # imports
        took = {name: min(move(name) for _ in range(N_TURNS)) for name in corpus.selectors}
    slowest = max(took, key=lambda name: took[name])
    print(f"          {', '.join(f'{name} {own:.2f} s' for name, own in took.items())}")
    return 1 / took[slowest]


def last_layer_gradients() -> float:
    """Last-layer gradients of 512 hidden states, 14 classes × 768: δ ⊗ h kept as a pair against
    vmap over a per-example loss."""
    generator = torch.Generator().manual_seed(0)
    head = torch.randn(14, 768, generator=generator)
    hidden = torch.randn(512, 768, generator=generator)
    labels = torch.randint(14, (512,), generator=generator)

    def loss(weight: torch.Tensor, state: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy((weight @ state)[None], label[None])

    per_example = vmap(grad(loss), in_dims=(None, 0, 0))
    return ratio(
        lambda: [per_example(head, hidden, labels) for _ in range(5)],
        lambda: [logit_errors(hidden @ head.T, labels) for _ in range(5)],
    )


def whole_gradients_one_by_one() -> float:
    """Gradients of 64 documents of 48 tokens through MiniLM: one backward pass a document against
    batched forward passes and the closed form."""
    compute = choose_compute(precision="fp32")
    folder = builtin_minilm()
    classifier, _ = new_classifier(folder, ("a", "b", "c", "d"), 48, 0, compute)
    ids = torch.randint(1000, 20_000, (64, 48))
    mask, labels = torch.ones_like(ids), torch.arange(64) % 4

    def one_by_one() -> None:
        for row in range(64):
            logits, _ = classifier.forward(ids[row : row + 1], mask[row : row + 1])
            torch.nn.functional.cross_entropy(logits, labels[row : row + 1]).backward()
            classifier.model.zero_grad()

    def closed_form() -> None:
        with torch.inference_mode():
            logits, _ = classifier.forward(ids, mask)
            logit_errors(logits, labels)

    return ratio(one_by_one, closed_form)


def language_gradients() -> float:
    """Gradients of 16 documents of 32 tokens, vocabulary 8,192 × 256: vmap with dense gradients
    against exact norms, alignments and a sketch of 4,096 without them."""
    generator = torch.Generator().manual_seed(0)
    head, target = torch.randn(2, 8192, 256, generator=generator) * 0.05
    hidden = torch.randn(16, 32, 256, generator=generator)
    wanted = torch.randint(8192, (16, 32), generator=generator)
    sketch = TensorSketch.draw(0, 4096, (8192, 256), "cpu")

    def loss(weight: torch.Tensor, states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(states @ weight.T, labels, reduction="sum")

    per_example = vmap(grad(loss), in_dims=(None, 0, 0))

    def dense() -> None:
        gradients = per_example(head, hidden, wanted)
        (gradients * target).sum((1, 2))
        (gradients**2).sum((1, 2))

    def factored() -> None:
        token_gradients(
            hidden.flatten(0, 1), wanted.flatten(), [32] * 16, head, target, sketch, 1 << 26
        )

    return ratio(dense, factored)


def bf16_forward() -> float:
    """Forward passes of MiniLM, 128 × 48 tokens, one thread: float32 against bfloat16."""
    torch.set_num_threads(1)
    config = AutoConfig.from_pretrained(builtin_minilm(), num_labels=4)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.randint(1000, 20_000, (128, 48))

    def forward(is_bf16: bool) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            model(ids)

    return ratio(lambda: forward(False), lambda: forward(True))


TRAINING = textwrap.dedent("""
    import sys, torch
    torch.set_num_threads(int(sys.argv[1]))
    from assay.core.runtime.device import Compute
    from assay.core.models.loading import new_classifier
    from assay.core.models.examples import TextDocument
    from assay.core.models.locate import builtin_minilm
    from assay.core.models.training import fine_tune
    from assay.core.specs.training import TrainingSpec
    compute = Compute("cpu", torch.cpu._is_avx512_bf16_supported(), int(sys.argv[1]))
    model, _ = new_classifier(builtin_minilm(), ("a", "b"), 48, 0, compute)
    documents = [TextDocument("word " * 44, number % 2) for number in range(int(sys.argv[2]))]
    fine_tune(model, model.examples(documents), TrainingSpec(n_epochs=1, max_tokens=48))
""")


def optimizer_steps() -> float:
    """Ten steps of Adam over MiniLM's weights: torch's default against the fused kernel."""
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

    return ratio(lambda: steps(plain), lambda: steps(ours))


def students_side_by_side() -> float:
    """Two students of 960 documents on two cores: one after the other with two threads against
    both at once with one thread each."""

    def start(n_threads: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", TRAINING, str(n_threads), "960"])

    def one_after_the_other() -> None:
        for _ in range(2):
            start(2).wait()

    def side_by_side() -> None:
        for process in [start(1), start(1)]:
            process.wait()

    return ratio(one_after_the_other, side_by_side)


GRADIENTS = textwrap.dedent("""
    import resource, sys, tempfile
    from pathlib import Path
    import torch
    from transformers import BertConfig, BertForSequenceClassification, AutoTokenizer
    from assay.cache.store import Store
    from assay.cache.audits.writer import AuditBuilder
    from assay.core.audit.stages.gradients import GradientRequest, compute_gradients
    from assay.core.runtime.device import choose_compute
    from assay.core.models.classifier import SequenceClassifier
    from assay.core.models.per_example_gradients import ClassifierGradients
    from assay.core.models.loading import ModelPair
    from assay.core.models.locate import builtin_minilm
    from assay.core.runtime.progress import SilentProgress
    n = int(sys.argv[1])
    compute = choose_compute(precision="fp32")
    tokenizer = AutoTokenizer.from_pretrained(builtin_minilm())
    def model(seed):
        torch.manual_seed(seed)
        config = BertConfig(vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=1,
                            num_attention_heads=2, intermediate_size=64, num_labels=4)
        return SequenceClassifier(BertForSequenceClassification(config), tokenizer, "abcd", 16,
                                  compute)
    store = Store(Path(tempfile.mkdtemp()))
    builder = AuditBuilder(store, "memory")
    with builder.stage("documents"):
        for first in range(0, n, 4096):
            ids = range(first, min(n, first + 4096))
            builder.write("documents", {
                "document_id": ids, "text_hash": [f"{i}" for i in ids],
                "text": [f"document number {i} of this corpus" for i in ids],
                "source": ["x"] * len(ids), "n_tokens": [8] * len(ids),
                "in_reference": [False] * len(ids)})
    models = ClassifierGradients(ModelPair(model(0), model(1)))
    request = GradientRequest("memory", None, None)
    with builder.stage("gradients"):
        compute_gradients(builder, store, request, models, SilentProgress())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
""")


def memory_of_gradients() -> float:
    """Peak memory of the gradient stage over 64,000 documents against 8,000 (1 is constant)."""

    def peak(n_documents: int) -> int:
        command = [sys.executable, "-c", GRADIENTS, str(n_documents)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return peak(64_000) / peak(8_000)


def main() -> None:
    for benchmark in (
        greedy_selection,
        weighted_selection,
        live_selection,
        last_layer_gradients,
        whole_gradients_one_by_one,
        language_gradients,
        bf16_forward,
        optimizer_steps,
        students_side_by_side,
        memory_of_gradients,
    ):
        print(f"{benchmark():7.1f} ×  {' '.join(str(benchmark.__doc__).split())}", flush=True)


if __name__ == "__main__":
    main()
