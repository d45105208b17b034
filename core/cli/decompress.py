"""`assay decompress`: a model's knowledge as a topic tree, and examples from its nodes.

`assay grade` has another model grade the examples afterwards.
"""

from __future__ import annotations

from typing import Annotated

import typer

from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    StoreOption,
    as_job,
    open_store,
    say,
)
from assay.core.cli.pair_commands import queue_this
from assay.core.decompress.tokens import BYTES_A_TOKEN
from assay.core.runtime.outcome import Outcome
from assay.core.specs.addresses import without_password
from assay.core.specs.decompression import (
    EMBEDDED_MODEL,
    EXAMPLE_TEMPERATURE,
    DecompressionSpec,
    Difficulty,
    Engine,
    GradeSpec,
    Prompting,
    Style,
    title_of,
)

app = typer.Typer()
_DEFAULT = DecompressionSpec()
JudgeServedModelOption = Annotated[
    str | None, typer.Option(help="Where the judge is a server: which of its models.")
]
PromptingOption = Annotated[
    Prompting | None,
    typer.Option(help="lines for small models, json for others [default: by the model]."),
]
BudgetCallsOption = Annotated[int | None, typer.Option(help="At most this many questions.")]
BudgetTokensOption = Annotated[
    int | None,
    typer.Option(
        help="Stop asking after this many tokens, read and written; where a server reports none, "
        f"{BYTES_A_TOKEN} bytes count as one."
    ),
]


@app.command()
def decompress(
    model: Annotated[
        str,
        typer.Option(
            help="Folder, GGUF file, hub name, builtin, or an OpenAI-compatible server's address "
            "(its key, if it wants one, in the variable ASSAY_API_KEY)."
        ),
    ] = EMBEDDED_MODEL,
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="What runs it here; both models of a comparison need the same [default: by the "
            "model]."
        ),
    ] = None,
    served_model: Annotated[
        str | None, typer.Option(help="On a server: which model [default: the first].")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="A model that grades every example, named as --model is [default: a heuristic]."
        ),
    ] = None,
    judge_served_model: JudgeServedModelOption = None,
    prompting: PromptingOption = None,
    depth: Annotated[int, typer.Option(help="Levels of topics.")] = _DEFAULT.depth,
    expansion: Annotated[
        list[int] | None,
        typer.Option(help="Subtopics kept of each topic; repeat for deeper levels [default: 8 4]."),
    ] = None,
    samples: Annotated[
        int, typer.Option(help="Lists drawn of each topic; support counts in how many a name is.")
    ] = _DEFAULT.n_samples,
    min_votes: Annotated[
        int, typer.Option(help="A name in fewer lists is no topic.")
    ] = _DEFAULT.min_votes,
    branch_quota: Annotated[
        int | None, typer.Option(help="Expansions under each broad category [default: no limit].")
    ] = None,
    min_new_share: Annotated[
        float, typer.Option(help="Go no deeper where fewer subtopics are new.")
    ] = _DEFAULT.min_new_share,
    merge_cosine: Annotated[
        float, typer.Option(help="Names closer than this in embedding are one topic.")
    ] = _DEFAULT.merge_cosine,
    examples: Annotated[
        int, typer.Option(help="Tasks with reasoning and response, of each topic.")
    ] = _DEFAULT.n_examples,
    style: Annotated[
        list[Style] | None, typer.Option(help="Kinds of task; repeat for several [default: all].")
    ] = None,
    difficulty: Annotated[
        list[Difficulty] | None, typer.Option(help="Asked for; repeat [default: all].")
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(
            help=f"Of the lists of subtopics; examples are written at {EXAMPLE_TEMPERATURE}, and a "
            "judge grades at 0."
        ),
    ] = _DEFAULT.temperature,
    budget_calls: BudgetCallsOption = None,
    budget_tokens: BudgetTokensOption = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    title: Annotated[str, typer.Option(help="Shown in the dashboard.")] = "",
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: Annotated[bool, typer.Option("--queue", help="Run in the background.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a model into a topic tree with examples. Killed, the same command goes on."""
    spec = DecompressionSpec(
        model=model,
        engine=engine,
        served_model=served_model,
        judge=judge,
        judge_served_model=judge_served_model,
        prompting=prompting,
        depth=depth,
        expansion=tuple(expansion or _DEFAULT.expansion),
        n_samples=samples,
        min_votes=min_votes,
        branch_quota=branch_quota,
        min_new_share=min_new_share,
        merge_cosine=merge_cosine,
        temperature=temperature,
        budget_calls=budget_calls,
        budget_tokens=budget_tokens,
        seed=seed,
        title=title,
        n_examples=examples,
        styles=tuple(style or Style),
        difficulties=tuple(difficulty or Difficulty),
    )
    place = open_store(store)
    from assay.core.decompress.durations import decompression_plan
    from assay.core.decompress.validation import check

    check(spec)
    if queue:
        queue_this(place, title_of(spec), as_json)
        return
    from assay.core.decompress.run import decompress as run
    from assay.core.runtime.device import choose_compute

    with as_job(place, title_of(spec), decompression_plan(spec)) as progress:
        compute = choose_compute(device, precision)
        outcome = run(spec, place, compute, progress, progress.attach_result)
    _say(outcome, as_json)


@app.command()
def grade(
    decompression: Annotated[str, typer.Argument(help="As the Topics page and its file name it.")],
    judge: Annotated[
        str,
        typer.Option(help="Folder, GGUF file, hub name, builtin, or a server's address."),
    ],
    judge_served_model: JudgeServedModelOption = None,
    prompting: PromptingOption = None,
    budget_calls: BudgetCallsOption = None,
    budget_tokens: BudgetTokensOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: Annotated[bool, typer.Option("--queue", help="Run in the background.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a model grade a finished decompression's examples, into a file of its own."""
    from assay.cache.decompressions.read import decompression_path, read_meta
    from assay.core.decompress.durations import grading_plan
    from assay.core.decompress.validation import check_address, check_budget

    place = open_store(store)
    spec = GradeSpec(
        decompression, judge, judge_served_model, prompting, budget_calls, budget_tokens
    )
    check_address(judge)
    check_budget(budget_calls, budget_tokens)
    meta = read_meta(decompression_path(place, decompression))
    title = f"{meta['title']}, graded by {judge_served_model or without_password(judge)}"
    if queue:
        queue_this(place, title, as_json)
        return
    from assay.core.decompress.examples.graded_copy import grade_sealed
    from assay.core.runtime.device import choose_compute

    with as_job(place, title, grading_plan(meta["counts"]["n_examples"])) as progress:
        compute = choose_compute(device, precision)
        outcome = grade_sealed(spec, place, compute, progress, progress.attach_result)
    _say(outcome, as_json)


def _say(outcome: Outcome, as_json: bool) -> None:
    say(
        {
            "decompression": outcome.id,
            "path": str(outcome.path),
            "was_there": outcome.was_there,
            **outcome.counts,
        },
        as_json,
    )
