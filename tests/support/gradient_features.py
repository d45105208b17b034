"""Small random gradient features."""

from __future__ import annotations

import numpy as np

from assay.core.gradients.features import FactoredGradients


def features(n=60, n_classes=3, width=8, n_checkpoints=1, seed=0, planted=()):
    """Random factored gradients; planted documents get noisy copies of the target's factors."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(n_checkpoints, n, n_classes)).astype(np.float32)
    hidden = rng.normal(size=(n_checkpoints, n, width)).astype(np.float32)
    target = rng.normal(size=(n_checkpoints, n_classes, width)).astype(np.float32)
    if len(planted):
        error, state = rng.normal(size=n_classes), rng.normal(size=width)
        target[:] = np.outer(error, state)
        errors[:, planted] = error + 0.3 * rng.normal(size=(len(planted), n_classes))
        hidden[:, planted] = state + 0.3 * rng.normal(size=(len(planted), width))
    return FactoredGradients(errors, hidden, target)


def dense(f):
    """Every gradient written out, (J × n × C·d)."""
    gradients = np.einsum("jnc,jnd->jncd", f.errors, f.hidden)
    return gradients.reshape(*gradients.shape[:2], -1), f.target.reshape(len(f.target), -1)
