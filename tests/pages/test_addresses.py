"""What an address asks for: by an option's id or its shown name, and in vain."""

from __future__ import annotations

import ast
from itertools import chain

import pytest
from support.audit_file import LABELS, write_sample_audit
from support.decompression_file import write_sample_decompression
from support.experiment_file import write_sample_experiment
from support.pages import opened, words
from support.paths import ROOT
from support.titration_audit import write_sample_titration

from assay.cache.audits.read import read_facts
from assay.cache.store import Store
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, leading_strategy
from assay.pages.components.address import NAMES

IN_VAIN = "which its address asks for"
# What these hold is whatever one types: also a tag that nobody uses, which then leaves nothing.
_TEXT_INPUTS, _FREE = ("text_input",), {"tags"}
# Where those that read a parameter take its name.
_READS = {
    **{f"st.query_params.{name}": 0 for name in ("get", "get_all", "pop")},
    "asked_option": 0,
    "pick_record": 2,
}
# Read by functions that are told the name.
_TOLD = {"a", "b"}
UNKNOWN = "No page knows"


@pytest.fixture
def path(store):
    return write_sample_audit(store)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("selection", "strategy"),
        ("selection", "sources"),
        ("selection", "mark"),
        ("map", "beside"),
        ("map", "selected"),
        ("map", "sources"),
        ("map", "area"),
        ("map", "colour"),
        ("map", "true"),
        ("map", "words"),
        ("transport", "distance"),
        ("class_balance", "by"),
        ("selection", "page"),
        ("selection", "located"),
        ("report", "texts"),
    ],
)
@pytest.mark.usefixtures("path")
def test_a_page_says_what_its_address_asks_for_in_vain(page, name):
    """A value that a choice does not offer is named, as text, and the page is shown; an address
    without one says nothing."""
    said = words(opened(page, audit="sample", **{name: "**no such**"}))
    assert f"“\\*\\*no such\\*\\*”, {IN_VAIN}" in said
    assert IN_VAIN not in words(opened(page, audit="sample"))


@pytest.mark.usefixtures("path")
def test_the_value_that_a_page_offers_is_no_mistake():
    """A strategy that the audit has is chosen without a word."""
    app = opened("selection", audit="sample", strategy="top-k")
    assert IN_VAIN not in words(app)
    assert app.selectbox(key="strategy").value == Strategy.TOP_K


@pytest.mark.parametrize("page", ["selection", "map"])
def test_a_page_opens_with_the_strategy_fixed_beforehand(page, path):
    """The first of the kinds of evidence that ran, whatever came out; a link asks for another."""
    ran = read_facts(path).strategies
    app = opened(page, audit="sample")
    assert app.selectbox(key="strategy").value == leading_strategy(ran)
    other = opened(page, audit="sample", strategy="random")
    assert other.selectbox(key="strategy").value == Strategy.RANDOM


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("name", ["state", "sort", "page", "cells"])
def test_the_list_of_audits_says_it_too(name):
    """Where there is more than one audit, a state, an order, a page or a position of a switch that
    there is not is named."""
    write_sample_audit(Store.default(), "other", n_documents=80, budget=20)
    assert f"“no such”, {IN_VAIN}" in words(opened("audits", **{name: "no such"}))


@pytest.mark.parametrize("named", ["top-k-balanced", "top-k balanced"])
@pytest.mark.parametrize(
    ("page", "key"),
    [("selection", "strategy"), ("map", "strategy"), ("map", "beside"), ("map", "selected")],
)
@pytest.mark.usefixtures("path")
def test_an_option_answers_to_its_id_and_to_its_shown_name(page, key, named):
    """A strategy as the command line writes it is the one that pages write otherwise."""
    app = opened(page, audit="sample", **{key: named})
    assert app.selectbox(key=key).value == Strategy.TOP_K_BALANCED
    assert IN_VAIN not in words(app)


def test_several_options_answer_to_either_name(store):
    """Of several at once each does, beside one that there is not; so does a titled metric."""
    write_sample_titration(store)
    app = opened("membership", audit="titrated", rankings=["p-min", "text alone", "no such"])
    assert app.multiselect(key="rankings").value == ["p-min", "blind"]
    assert f"“no such”, {IN_VAIN}" in words(app)
    for named in (Metric.PRECISION, Metric.PRECISION.info.title):
        app = opened("titration", audit="titrated", metric=named, strategy="p-min")
        assert app.selectbox(key="metric").value == Metric.PRECISION
        assert app.selectbox(key="strategy").value == Strategy.P_MIN
        assert IN_VAIN not in words(app)


def test_an_experiment_and_a_kind_of_job_answer_to_either_name(store):
    """Choices that links keep by hand do it too, and say what there is not."""
    write_sample_experiment(store, "leakage-titration")
    write_sample_experiment(store, "main-sft")
    shown = opened("experiments", recipe="main-sft").selectbox[0].options
    titles = [one for one in shown if "SFT" in one or "fine-tun" in one.lower()]
    for named in ("main-sft", *titles[:1]):
        assert IN_VAIN not in words(opened("experiments", recipe=named))
    for key in ("recipe", "run"):
        assert f"“no such”, {IN_VAIN}" in words(opened("experiments", **{key: "no such"}))
    for named in ("suspect", "Suspect test"):
        app = opened("new_audit", kind=named)
        assert app.selectbox(key="kind").value == "suspect"
    assert f"“no such”, {IN_VAIN}" in words(opened("new_audit", kind="no such"))


def test_a_choice_that_a_page_does_not_have_now_is_said(store):
    """An audit without labels or reference documents offers no choice of them."""
    write_sample_audit(store, "blind", has_truth=False)
    assert f"“true”, {IN_VAIN}" in words(opened("selection", audit="blind", located="true"))
    assert f"“true”, {IN_VAIN}" in words(opened("map", audit="blind", true="true"))


def test_pages_that_there_are_not_are_said_only_to_who_asks(store):
    """A page beyond the last is named with the last; the page of before a search is not."""
    write_sample_audit(store, n_documents=900, budget=700)
    said = words(opened("selection", audit="sample", page="9"))
    assert f"“9”, {IN_VAIN}, and ignores it. It takes 1 to 4." in said.replace("\\", "")
    app = opened("selection", audit="sample", page="4")
    assert app.number_input(key="page").value == 4
    app.text_input(key="search").set_value("item 7.").run()
    assert IN_VAIN not in words(app)


def test_an_example_that_there_is_not_is_said(store):
    """A number that no example has is named; one that a filter leaves out is said to be; others
    are shown without a word."""
    write_sample_decompression(store)
    about = {"decompression": "sample"}
    for wrong in ("999", "x", "-1"):
        said = words(opened("examples", **about, example=wrong)).replace("\\", "")
        assert f"“{wrong}”, {IN_VAIN}" in said
    assert "is not among the rows" in words(
        opened("examples", **about, example="3", flagged="language")
    )
    assert IN_VAIN not in words(opened("examples", **about, example="3"))


@pytest.mark.usefixtures("path")
def test_the_filter_button_counts_no_filter_that_is_ignored():
    """Only what keeps documents out counts, under either name."""

    def button(**query):
        app = opened("map", audit="sample", **query)
        (found,) = [
            one.proto.popover.label
            for one in app.get("popover")
            if "Filter" in one.proto.popover.label
        ]
        return found

    assert (
        button(labels="no such", sources="no such", mark="no such", selected="no such") == "Filter"
    )
    assert button(selected="any or none") == "Filter"
    assert button(labels=["no such", LABELS[0]], selected="no such") == "Filter (1)"
    assert button(selected="select-plus") == "Filter (1)"


def _bound(tree, others=_TEXT_INPUTS):
    """The keys of choices that are part of the address, as they are written where one is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = {one.arg: one.value for one in node.keywords}
            if "bind" in given and node.func.attr not in others:
                yield given["key"]


def _read(tree):
    """The names of parameters that pages read or write themselves, as they are written there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "st.query_params":
            yield node.slice
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called in _READS:
                yield node.args[_READS[called]]


def _text(node, constants):
    """The name that is written there, also as a constant; None if another function gives it."""
    return node.value if isinstance(node, ast.Constant) else constants.get(ast.unparse(node))


def _constants(tree):
    """The module's own texts, by their names; of pairs, too."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            (target,), value = node.targets, node.value
            pairs = zip(
                getattr(target, "elts", [target]), getattr(value, "elts", [value]), strict=False
            )
            for name, given in pairs:
                if isinstance(name, ast.Name) and isinstance(given, ast.Constant):
                    yield name.id, given.value


def _accepted(tree):
    """The keys whose values are checked."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id.startswith("accept_")
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.args[0].value


def test_every_choice_of_an_address_is_checked():
    """No choice that an address holds is left to Streamlit, which drops what it does not know."""
    trees = [ast.parse(one.read_text()) for one in (ROOT / "pages").rglob("*.py")]
    bound = {key.value for key in chain.from_iterable(map(_bound, trees))}
    assert len(bound) > 20
    assert bound - _FREE <= set(chain.from_iterable(map(_accepted, trees)))


def test_every_name_of_an_address_is_declared():
    """What choices are called in the address and what pages read of it is what addresses may hold,
    and nothing else."""
    trees = [ast.parse(one.read_text()) for one in (ROOT / "pages").rglob("*.py")]
    constants = dict(chain.from_iterable(map(_constants, trees)))
    written = [key for tree in trees for key in chain(_bound(tree, ()), _read(tree))]
    found = {_text(key, constants) for key in written} - {None}
    assert found | _TOLD == NAMES


def test_a_name_that_no_page_knows_is_said(path):
    """A mistyped name is given as text with the one that is nearest; one that is unlike any is
    said alone; of names that some page knows nothing is said."""
    asked = {"documnet": "7", "docment": "8", "**x**": "1"}
    said = words(opened("evidence", audit="sample", **asked)).replace("\\", "")
    assert f"{UNKNOWN} “documnet”, “docment” and “**x**”, which this address asks for." in said
    assert "Did you mean “document”?" in said
    said = words(opened("jobs", zzzzzz="1"))
    assert UNKNOWN in said
    assert "Did you mean" not in said
    assert UNKNOWN not in words(opened("evidence", audit="sample", document="7", strategy="random"))
