"""`assay decompress`: a model's knowledge as a topic tree, and examples for its topics.

`assay grade` has another model grade the examples afterwards.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.ending import Ending, end
from assay.core.cli.options import Running, as_job
from assay.core.cli.pair_commands import queue_this
from assay.core.runtime.outcome import Outcome
from assay.core.specs.commands import DECOMPRESS, GRADE
from assay.core.specs.decompression import DecompressionSpec, GradeSpec, title_of

app = typer.Typer(add_completion=False)


@declared_command(app, DECOMPRESS)
def decompress(
    spec: DecompressionSpec,
    how: Running,
) -> None:
    """Write out a model's knowledge as a topic tree with examples.

    If it is interrupted, the same command continues.
    """
    place = how.place
    from assay.core.decompress.durations import decompression_plan

    if how.queue:
        queue_this(place, title_of(spec), how.as_json)
        return
    from assay.core.decompress.run import decompress as run
    from assay.core.runtime.device import choose_compute

    with as_job(place, title_of(spec), decompression_plan(spec)) as progress:
        compute = choose_compute(how.device, how.precision)
        outcome = run(spec, place, compute, progress, progress.attach_result)
    _end(outcome, how.as_json)


@declared_command(app, GRADE)
def grade(
    spec: GradeSpec,
    how: Running,
) -> None:
    """Let a judge model grade a decompression's examples; the grades go into a new file."""
    from assay.cache.decompressions.read import decompression_path, read_decompression
    from assay.core.decompress.durations import grading_plan

    place = how.place
    meta = read_decompression(decompression_path(place, spec.decompression_id))
    title = spec.title(meta.title)
    if how.queue:
        queue_this(place, title, how.as_json)
        return
    from assay.core.decompress.examples.graded_copy import grade_sealed
    from assay.core.runtime.device import choose_compute

    with as_job(place, title, grading_plan(meta.counts.n_examples)) as progress:
        compute = choose_compute(how.device, how.precision)
        outcome = grade_sealed(spec, place, compute, progress, progress.attach_result)
    _end(outcome, how.as_json)


def _end(outcome: Outcome, as_json: bool) -> None:
    from assay.cache.decompressions.read import read_decompression
    from assay.core.findings.formatting import counted, listed

    meta = read_decompression(outcome.path)

    def ending() -> Ending:
        counts = meta.counts
        flagged = f", {counts.n_flagged:,} of them flagged" if counts.n_flagged else ""
        judges = f" Graded by {listed([one.name for one in meta.judges])}." if meta.judges else ""
        unanswered = (
            f" {counted(counts.n_unanswered, 'call')} had no answer." if counts.n_unanswered else ""
        )
        there = " Nothing was asked: this decompression was there." if outcome.was_there else ""
        return Ending(
            [
                f"The model named {counted(counts.n_topics, 'topic')} and gave "
                f"{counted(counts.n_examples, 'example')}{flagged}, in "
                f"{counted(counts.n_calls, 'call')} and {counted(counts.n_tokens, 'token')}."
                f"{unanswered}{judges}{there}"
            ],
            notes=[*meta.caveats, f"The decompression is in {outcome.path}"],
            page="topics",
            query={"decompression": outcome.id},
        )

    def figures() -> dict[str, Any]:
        said = asdict(meta)
        names = ("support_lines", "judges", "headline_judge", "model", "prompting")
        return {
            "decompression": outcome.id,
            "path": str(outcome.path),
            "was_there": outcome.was_there,
            **outcome.counts,
            **{name: said[name] for name in names},
        }

    end(as_json, ending, figures)
