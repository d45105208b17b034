"""`assay.select`: a selection from your own gradients, NumPy's or torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj

from assay.core.errors import InputError
from assay.core.gradients.features import Array, GradientFeatures, ProjectedGradients
from assay.core.selection import greedy
from assay.core.selection.greedy import Selection
from assay.core.selection.matching_pursuit import select_plus
from assay.core.specs.strategies import Strategy

# The strategies that need only gradients.
_STRATEGIES: dict[Strategy, Callable[..., Selection]] = {
    Strategy.SELECT: greedy.select,
    Strategy.SELECT_PLUS: select_plus,
    Strategy.TOP_K: greedy.top_k,
}


def select(
    gradients: GradientFeatures | Array,
    budget: int,
    target: Array | None = None,
    *,
    strategy: Strategy | str = Strategy.SELECT,
    seed: int = 0,
) -> Selection:
    """Choose documents whose summed gradient points along ``target``.

    gradients: (n × d), one row per document, NumPy or torch (torch's stay on their device); or the
        ``gradients`` of an audit, which include their target.
    budget: how many documents to choose; fewer are returned if no other document helps.
    target: (d). A step of training goes against the gradient, so this is base − final, the
        weights before minus the weights after.
    strategy: ``select`` (greedy), ``select-plus`` (weighted) or ``top-k``.
    seed: decides between equally good documents.

    InputError for shapes that do not fit, values that are not finite, or a target of zero.
    """
    if str(strategy) not in set(_STRATEGIES):
        raise InputError(
            f"a strategy among {', '.join(_STRATEGIES)}", repr(strategy), "choose one of them"
        )
    if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1:
        raise InputError("a budget of at least 1", repr(budget), "give a positive whole number")
    choose = _STRATEGIES[Strategy(strategy)]
    if _are_features(gradients):
        if target is not None:
            raise InputError(
                "no target, since an audit's gradients contain theirs",
                "one",
                "remove the argument",
            )
        return choose(gradients, int(budget), seed=seed)
    return choose(_features(gradients, target), int(budget), seed=seed)


def _are_features(gradients: Any) -> bool:
    return hasattr(gradients, "inner_products_with")


def _features(gradients: Any, target: Any) -> ProjectedGradients:
    """The rows as exactly known gradients, with the identity as their projection."""
    if target is None:
        raise InputError("a target for your own gradients", "none", "give base − final, shape (d)")
    rows = _floating(gradients, "gradients")
    xp = array_namespace(rows)
    if rows.ndim != 2 or 0 in rows.shape:
        raise _misshapen("gradients of shape (documents, dimensions)", rows)
    along = target if is_array_api_obj(target) else np.asarray(target)
    if tuple(along.shape) != (rows.shape[1],):
        raise _misshapen(f"a target of shape ({rows.shape[1]},)", along)
    along = xp.asarray(_on_host_unless(along, xp), dtype=rows.dtype, device=device(rows))
    for name, values in (("gradients", rows), ("target", along)):
        if not bool(xp.all(xp.isfinite(values))):
            raise InputError(
                f"finite numbers in {name}", "NaN or infinity", "remove those documents"
            )
    length = xp.sqrt(xp.vecdot(along, along))
    if float(length) == 0:
        raise InputError("a target that is not zero", "zeros only", "use weights that changed")
    return ProjectedGradients(
        projected=rows[None, ...],
        alignment=(rows @ along)[None, :],
        squared_norms=xp.vecdot(rows, rows)[None, :],
        target_norms=xp.reshape(length, (1,)),
    )


def _floating(values: Any, name: str) -> Array:
    """As single precision or finer, detached from its computation graph."""
    array = values.detach() if hasattr(values, "detach") else values
    if not is_array_api_obj(array):
        array = np.asarray(array)
    xp = array_namespace(array)
    if not xp.isdtype(array.dtype, "numeric") or xp.isdtype(array.dtype, "complex floating"):
        raise InputError(f"real numbers in {name}", str(array.dtype), "give an array of floats")
    is_fine = xp.isdtype(array.dtype, "real floating") and xp.finfo(array.dtype).bits >= 32
    return array if is_fine else xp.astype(array, xp.float32)


def _on_host_unless(values: Any, xp: Any) -> Any:
    """The values themselves for the same library, otherwise as NumPy's."""
    values = values.detach() if hasattr(values, "detach") else values
    if array_namespace(values) is xp:
        return values
    return np.asarray(array_namespace(values).asarray(values, device="cpu"))


def _misshapen(expected: str, array: Array) -> InputError:
    shape = ", ".join(str(side) for side in array.shape)
    return InputError(expected, f"({shape})", "check the order of the axes")
