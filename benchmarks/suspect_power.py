"""How often a suspect test finds that a part of the suspects was trained on, at real size.

usage: python benchmarks/suspect_power.py SETTING TEXTS.parquet FOLDER

The models and documents of ``embedding_evidence.py``, trained now unless FOLDER holds them. The
product's own scores of all judged documents are computed once and kept in FOLDER (delete
suspect_scores.npz there to compute them again); suspects and
controls are then drawn from them again and again. Printed for every leaked share: the share of
draws with p at most 5% and 1%, by the means alone (the product's test up to November 2026) and by
the product's test; and how many suspects it says were trained on at least: the mean, and the share
of draws where it says too many.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from embedding_evidence import SETTINGS, Setting, tuned
from numpy.typing import NDArray

from assay.core.audit.suspect_scores import score_suspects
from assay.core.models.loading import load_pair
from assay.core.runtime.device import choose_compute
from assay.core.runtime.progress import SilentProgress
from assay.core.stats.suspect_test import UsedTest, used_test

_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# Suspects and controls; sizes for which there are too few documents are left out.
_SIZES = ((100, 100), (30, 30), (50, 150), (100, 300))
_N_DRAWS, _N_SHUFFLES = 1_000, 499
_RULED_OUT = "ruled out"

_Scores = dict[str, NDArray[np.float64]]


def main(name: str, texts: Path, folder: Path) -> None:
    scores = _scores(SETTINGS[name], texts, folder)
    half = len(next(iter(scores.values()))) // 2
    print(f"scores: {', '.join(scores)}", flush=True)
    print("suspects controls share | p<=.05 mean test | p<=.01 mean test | at least, too many")
    for n_suspects, n_controls in _SIZES:
        if n_suspects + n_controls > half:
            continue
        for share in _SHARES:
            n_trained = round(share * n_suspects)
            rng = np.random.default_rng([n_suspects, n_controls, n_trained])
            found = [
                _drawn(scores, n_trained, n_suspects, n_controls, rng) for _ in range(_N_DRAWS)
            ]
            powers = [
                np.mean([value <= level for value in values])
                for level in (0.05, 0.01)
                for values in ([one.by_mean for one in found], [one.p_value for one in found])
            ]
            bounds = np.array([one.n_at_least for one in found])
            print(
                f"{n_suspects:8d} {n_controls:8d} {share:5.2f} |      {powers[0]:.3f} "
                f"{powers[1]:.3f} |      {powers[2]:.3f} {powers[3]:.3f} | {bounds.mean():6.1f} "
                f"{np.mean(bounds > n_trained):.3f}",
                flush=True,
            )


def _scores(setting: Setting, texts: Path, folder: Path) -> _Scores:
    """The scores of the judged documents, and 1 for those that are ruled out."""
    kept = folder / "suspect_scores.npz"
    if kept.exists():
        return dict(np.load(kept))
    compute = choose_compute(precision="fp32")
    made = tuned(setting, texts, folder, compute)
    pair = load_pair(made.base, made.final, setting.task, setting.max_tokens, compute)
    found = score_suspects(
        setting.task, pair, (made.base, made.final), made.judged, SilentProgress()
    )
    scores = dict(found.declared)
    if found.is_ruled_out is not None:
        scores[_RULED_OUT] = found.is_ruled_out.astype(np.float64)
    np.savez(kept, **scores)
    return scores


def _drawn(
    scores: _Scores, n_trained: int, n_suspects: int, n_controls: int, rng: np.random.Generator
) -> UsedTest:
    """The test of ``n_trained`` trained and other held-out suspects against held-out controls."""
    half = len(next(iter(scores.values()))) // 2
    others = half + rng.permutation(half)[: n_suspects - n_trained + n_controls]
    chosen = np.concatenate([rng.choice(half, n_trained, replace=False), others])
    own = {name: values[chosen] for name, values in scores.items()}
    ruled_out = own.pop(_RULED_OUT, None)
    is_suspect = np.arange(n_suspects + n_controls) < n_suspects
    is_ruled_out = None if ruled_out is None else ruled_out > 0
    seed = int(rng.integers(2**31))
    return used_test(own, is_suspect, seed, _N_SHUFFLES, is_ruled_out)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
