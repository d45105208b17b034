"""One audit as a presentation: what was asked, how it works, what was found, how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from assay.cache.audits.evidence import AuditEvidence, evidence_of
from assay.cache.export_files import write_folder
from assay.cache.files.database import kept_open
from assay.cache.files.manifest import check_seal, file_digest
from assay.cache.store import Store
from assay.core.findings import method_text
from assay.core.findings.answers.answer import Answer
from assay.core.findings.answers.audit_answers import answers_to_what_was_asked
from assay.core.findings.formatting import decimal, listed, possessive
from assay.core.findings.initial_head import insiders_view
from assay.core.findings.thresholds import THRESHOLDS
from assay.core.findings.vocabulary import ASSUMPTIONS
from assay.core.report.figures.audit_figures import AuditFigures, Drawings
from assay.core.report.figures.drawing import STORY, Drawing
from assay.core.report.render import MARK, question_of
from assay.core.report.template import filled, script_of
from assay.core.report.write import check_outs, write_pages
from assay.core.specs.audit import Assessability
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

_MOST_SENTENCES = 2
_MOST_LINES = 3
# Characters that fit on a slide in large letters, beside a figure and without one.
_MOST_BESIDE, _MOST_ALONE = 520, 1_000


@dataclass(frozen=True)
class Slide:
    """``about``: the small heading; ``small``: what is read only by who wants to know more."""

    about: str
    title: str
    lines: tuple[str, ...] = ()
    drawing: Drawing | None = None
    small: tuple[str, ...] = ()
    standing: str = ""

    @property
    def is_dense(self) -> bool:
        """Whether there is too much to read for large letters."""
        n = sum(map(len, (*self.lines, *self.small)))
        return n > (_MOST_BESIDE if self.drawing else _MOST_ALONE)


@kept_open()
def render_story(store: Store, path: Path) -> str:
    """A self-contained page, one screen a slide: its own script turns them, and nothing is loaded.

    No text of a document and no folder of this machine is in it; the seal is checked first.
    InputError, UnreadableFile or OSError if the file cannot be read.
    """
    check_seal(path)
    evidence = evidence_of(store, path)
    return filled(
        "story.html.j2",
        mark=MARK,
        title=evidence.facts.meta.title,
        slides=list(slides_of(path, evidence)),
        audit_id=path.stem,
        digest=file_digest(path),
        script=script_of("slides.js"),
    )


def write_story(
    store: Store,
    path: Path,
    outs: Sequence[Path],
    figures: Path | None = None,
    may_overwrite: bool = False,
) -> int:
    """Write the presentation in the format of each name, and its figures into a folder.

    Returns the number of figures. InputError for another ending, or if a file would be lost.
    """
    check_outs(outs, may_overwrite)
    if outs:
        write_pages(outs, render_story(store, path), may_overwrite)
    if figures is None:
        return 0
    drawn = {one.name: one for one in drawings_of(store, path)}
    names = [f"{name}.{kind}" for name in drawn for kind in ("svg", "png")]

    def contents(name: str) -> bytes:
        stem, _, kind = name.rpartition(".")
        return drawn[stem].svg if kind == "svg" else drawn[stem].png

    described = {"assay_version": metadata.version("assay-audit"), "audit": path.stem}
    write_folder(figures, names, contents, described, may_overwrite)
    return len(drawn)


@kept_open()
def drawings_of(store: Store, path: Path) -> Drawings:
    """Every figure of the audit, large; none if its weights are not assessable."""
    evidence = evidence_of(store, path)
    if evidence.facts.assessability is Assessability.NOT_ASSESSABLE:
        return []
    return AuditFigures(path, evidence, STORY).all


def slides_of(path: Path, evidence: AuditEvidence) -> Iterator[Slide]:
    """The story in the order in which it is told."""
    facts = evidence.facts
    yield _question(evidence)
    if facts.assessability is Assessability.NOT_ASSESSABLE:
        reasons = facts.meta.assessment.reasons
        yield Slide(
            "What was found",
            "These weights do not allow an answer, so nothing was scored.",
            reasons,
            small=("This does not show whether anything leaked.",),
        )
    else:
        yield from _results(AuditFigures(path, evidence, STORY), evidence)
    yield Slide("How sure is that?", "What counts as evidence, and what as chance", THRESHOLDS)
    yield Slide(
        "What this does not show",
        "The limits of this audit",
        method_text.WHAT_IT_CANNOT,
        small=_own_caveats(facts.meta.caveats),
    )
    yield Slide(
        "Where this comes from",
        "Everything here can be checked",
        (
            f"Audit {path.stem}, made on {facts.meta.created_at[:10]} with Assay "
            f"{facts.meta.assay_version}.",
            f"SHA-256 of its file: {file_digest(path)}.",
            "`assay verify` checks that the file is unchanged. The report has every "
            "number, and the command that repeats the audit.",
        ),
    )


def _own_caveats(caveats: Sequence[str]) -> tuple[str, ...]:
    """What the limits of every audit do not say already."""
    return tuple(one for one in caveats if not one.startswith("One random seed:"))


def _question(evidence: AuditEvidence) -> Slide:
    facts, asked = evidence.facts, question_of(evidence.facts)
    n = facts.meta.counts.n_documents
    corpora = listed(asked["corpora"]) if asked["corpora"] else "no documents"
    known = (
        f"The training documents are known ({asked['reference']}). They are used to evaluate the "
        "answers, never to make them."
        if asked["reference"]
        else "The training documents are not known."
    )
    beyond = insiders_view(facts.meta)
    return Slide(
        facts.meta.title,
        f"What was the model “{asked['final']}” fine-tuned on?",
        (
            f"This audit uses only the weights before ({asked['base']}) and after fine-tuning, and "
            f"public text: {n:,} documents of {corpora}.",
            known,
            *([beyond] if beyond else []),
        ),
    )


def _results(figures: AuditFigures, evidence: AuditEvidence) -> Iterator[Slide]:
    for about, drawing in zip(("How it works", "How far it got"), figures.steps, strict=False):
        is_first = about == "How it works"
        yield Slide(
            about,
            "Assay searches for documents that explain how the weights moved"
            if is_first
            else _approached(figures),
            method_text.IN_PLAIN_WORDS[:2] if is_first else (),
            drawing,
        )
    found = answers_to_what_was_asked(evidence)
    for one in found.answers:
        shown = _drawings(one, figures)
        yield Slide(
            str(one.question),
            one.headline,
            (one.certainty,),
            shown[0] if shown else None,
            one.sentences[:_MOST_SENTENCES],
            one.standing.shown_as,
        )
        for drawing in shown[1:]:
            yield Slide(str(one.question), drawing.title, (), drawing)
    vocabulary = evidence.facts.meta.vocabulary
    if vocabulary is not None and vocabulary.is_assessable:
        title = "Vocabulary: what “this token did not occur” assumes"
        yield Slide("How sure is that?", title, ASSUMPTIONS)
    if found.failed:
        rest = len(found.failed) - _MOST_LINES
        more = (f"{rest} more in the report.",) if rest > 0 else ()
        yield Slide(
            "Tried without success", "What did not work", found.failed[:_MOST_LINES], small=more
        )


def _approached(figures: AuditFigures) -> str:
    row = figures.rows.get(figures.main, Metric.COSINE)
    name = figures.main.shown_as
    if row is None or figures.main is Strategy.RANDOM:
        return "The selection approaches the weight difference"
    return (
        f"{possessive(name)} {row['n']:,} documents reach a cosine of {decimal(row['value'])} "
        "with the "
        f"weight difference; 95% of random selections reach {decimal(row['null_low'])} to "
        f"{decimal(row['null_high'])}"
    )


def _drawings(one: Answer, figures: AuditFigures) -> Drawings:
    """Of the answer's figures those to show: of several metrics the one that it is about."""
    found = figures.of(one.question)
    judged = {metric.name for metric in figures.metrics}
    measured = str(one.measured) if one.measured else next(iter(judged), "")
    return [drawing for drawing in found if drawing.name not in judged - {measured}]
