"""What is certain, or as good as certain, of documents and tokens."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.findings.answers.answer import Answer, Question, Standing
from assay.core.findings.formatting import percent
from assay.core.findings.suspect_test import is_evidence, n_judged, suspect_finding
from assay.core.findings.vocabulary import ASSUMPTIONS, vocabulary_finding
from assay.core.specs.results.suspect_test import SuspectResult
from assay.core.specs.vocabulary import VocabularyFacts

_NEVER_PRESENT = (
    "Weights never prove that a single document was trained on. The question “Can training "
    "documents be distinguished from others?” says how well statistics can tell."
)
_NO_TEST = "No particular documents were tested; `assay suspect` tests them."


def proven(
    vocabulary: VocabularyFacts | None, tests: Sequence[SuspectResult], n_deleted: int
) -> Answer:
    """``tests``: the suspect tests of the same models, whichever they were given to; ``n_deleted``:
    those that were deleted, which count in the correction."""
    n_tests = n_judged(tests) + n_deleted
    found = [one for one in tests if is_evidence(one, n_tests)]
    said = [suspect_finding(one, n_tests) for one in found]
    failed = tuple(
        f"Suspect test “{one.title}”: {suspect_finding(one, n_tests).headline}"
        for one in tests
        if one not in found
    )
    present = tuple(
        f"Suspect test “{one.title}”: {finding.headline}"
        for one, finding in zip(found, said, strict=True)
    )
    headline, certainty, standing, share = _absent(vocabulary)
    if present and standing < Standing.GROUP:
        headline, certainty, standing = present[0], said[0].sentences[0], Standing.GROUP
        present = present[1:]
    more = (*present, _NEVER_PRESENT) if standing > Standing.NOT_FOUND else present
    if not tests:
        more = (*more, _deleted(n_deleted) if n_deleted else _NO_TEST)
    return Answer(
        Question.PROVEN, headline, certainty, standing, share, sentences=more, failed=failed
    )


def _deleted(n: int) -> str:
    return (
        "The suspect test of these models was deleted."
        if n == 1
        else f"The {n:,} suspect tests of these models were deleted."
    )


def _absent(facts: VocabularyFacts | None) -> tuple[str, str, Standing, float]:
    if facts is None:
        return (
            "Not tested: the input embeddings of the two models were not compared.",
            "Earlier versions of Assay did not compare them. Run the audit again to do so.",
            Standing.UNKNOWN,
            0.0,
        )
    if not facts.is_assessable:
        found = vocabulary_finding(facts)
        why = " ".join(found.sentences[:1])
        return found.headline, why, Standing.UNKNOWN, 0.0
    n_still = facts.n_tokens - facts.n_moved
    n_out = (facts.n_documents or 0) - (facts.n_possible or 0)
    share = n_out / facts.n_documents if facts.n_documents else 0.0
    if facts.proves_absence:
        certain = (
            f"Certain under the {_number(len(ASSUMPTIONS))} assumptions listed under “Vocabulary”."
        )
        if n_out:
            return (
                f"{n_out:,} of the {facts.n_documents:,} documents of the seed corpus "
                f"{'was' if n_out == 1 else 'were'} not trained on.",
                f"{certain} {'It' if n_out == 1 else 'Each'} contains a token that did not occur "
                "in fine-tuning, because its row of the input embeddings did not move; "
                f"{n_still:,} of {facts.n_tokens:,} rows did not.",
                Standing.SINGLE,
                share,
            )
        return (
            f"{n_still:,} of {facts.n_tokens:,} tokens did not occur in training, but that rules "
            "out no document of the seed corpus.",
            f"{certain} The rows of these tokens in the input embeddings did not move.",
            Standing.GROUP if n_still else Standing.NOT_FOUND,
            0.0,
        )
    if not n_out:
        return (
            "Nothing: no document of the seed corpus contains a token whose row did not move.",
            _coarse(facts),
            Standing.NOT_FOUND,
            0.0,
        )
    return (
        f"Nothing is proven, but {n_out:,} of the {facts.n_documents:,} documents of the seed "
        "corpus are unlikely to have been trained on.",
        f"Each contains a token whose row of the input embeddings did not move. {_coarse(facts)}",
        Standing.GROUP,
        share,
    )


def _coarse(facts: VocabularyFacts) -> str:
    return (
        f"Rounding hides about {percent(facts.chance_missed)} of the tokens that occurred, so an "
        "unmoved row is evidence, not proof."
    )


def _number(n: int) -> str:
    return {2: "two", 3: "three", 4: "four", 5: "five"}.get(n, str(n))
