"""Choices that several pages of an audit offer, under one name in their addresses."""

from __future__ import annotations

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from assay.cache.among import Among
from assay.core.specs.strategies import Strategy, leading_strategy, shown_as
from assay.pages.components.asked_for import accept_choice, say_not_offered
from assay.pages.components.evidence_links import DOCUMENTS, MOST_LINKED, Linked
from assay.pages.components.search_box import search_box


def choose_strategy(
    place: DeltaGenerator, strategies: Sequence[Strategy], first: Strategy | None = None
) -> Strategy:
    """One of the strategies, at first ``first`` or, without one, the leading one."""
    accept_choice("strategy", "Strategy", strategies, shown_as)
    chosen = place.selectbox(
        "Strategy",
        strategies,
        index=strategies.index(first or Strategy(leading_strategy(strategies))),
        format_func=shown_as,
        key="strategy",
        bind="query-params",
    )
    assert isinstance(chosen, Strategy)
    return chosen


def search_texts(place: DeltaGenerator) -> str:
    """What documents' texts must contain; "" for all."""
    return search_box(place, "Search texts", "word or phrase")


def choose_documents(place: DeltaGenerator, n_documents: int) -> Linked | None:
    """Documents by number, which a link can name; None for all."""
    typed = place.text_input(
        "Documents",
        key=DOCUMENTS,
        bind="query-params",
        max_chars=2_000,
        placeholder="numbers, such as 3, 17",
        help=f"only these, up to {MOST_LINKED}; the address keeps them",
    )
    return Linked.of(typed or "", n_documents)


def among_both(linked: Linked | None, among: Among | None) -> Among | None:
    """Documents that are named, if any are, and that another filter leaves."""
    return among if linked is None else Among(linked.numbers).also(among)


def choose_labels(place: DeltaGenerator, names: Sequence[str]) -> tuple[int, ...]:
    """Numbers of the pseudolabels that documents must have one of; none for all."""
    if not names:
        say_not_offered("labels", "Pseudolabel")
        return ()
    accept_choice("labels", "Pseudolabel", names)
    chosen = place.multiselect("Pseudolabel", names, key="labels", bind="query-params")
    return tuple(names.index(name) for name in chosen)


def choose_sources(place: DeltaGenerator, sources: Sequence[str]) -> tuple[str, ...]:
    """The sources that documents must come from one of; none for all."""
    accept_choice("sources", "Source", sources)
    return tuple(place.multiselect("Source", sources, key="sources", bind="query-params"))
