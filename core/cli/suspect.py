"""`assay suspect`: were these documents used?"""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cache.audits.model_pair import suspect_tests_of
from assay.cache.audits.read import weights_of
from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    LabelWordsOption,
    PrecisionOption,
    PromptColumnOption,
    ResponseTemplateOption,
    StoreOption,
    TaskOption,
    TextColumnOption,
    as_job,
    open_store,
    say,
    split_words,
)
from assay.core.data.place import data_ref
from assay.core.errors import InputError
from assay.core.specs.audit import SuspectSpec
from assay.core.specs.data import DataRef, Task

app = typer.Typer()


@app.command()
def suspect(
    base: Annotated[str, typer.Option(help="Model before fine-tuning: folder, hub or builtin.")],
    final: Annotated[str, typer.Option(help="Model after fine-tuning, or its LoRA adapter.")],
    suspects: Annotated[str, typer.Option(help="Documents that you believe were used.")],
    controls: Annotated[
        str, typer.Option(help="Documents drawn like the suspects that were certainly not used.")
    ],
    task: TaskOption = Task.CLASSIFICATION,
    text_column: TextColumnOption = "text",
    prompt_column: PromptColumnOption = None,
    response_template: ResponseTemplateOption = None,
    label_words: LabelWordsOption = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Read this many of each [default: as recorded].")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    title: Annotated[str, typer.Option(help="Shown in the dashboard.")] = "",
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test whether documents were used, against others like them that were not."""
    from assay.core.audit.durations import suspect_plan
    from assay.core.audit.suspect_test import run_suspect_test
    from assay.core.findings.suspect_test import ASSUMPTIONS, n_judged, suspect_finding
    from assay.core.runtime.device import choose_compute

    def of(location: str) -> DataRef:
        return data_ref(location, text_column, prompt_column=prompt_column)

    spec = SuspectSpec(
        base,
        final,
        of(suspects),
        of(controls),
        task,
        split_words(label_words),
        response_template,
        max_tokens,
        seed,
        title,
    )
    place = open_store(store)
    with as_job(place, title or f"Suspects {suspects}", suspect_plan(task)) as progress:
        record = run_suspect_test(spec, place, choose_compute(device, precision), progress)
    of_pair = suspect_tests_of(place, weights_of(record["provenance"]))
    said = suspect_finding(record, n_judged(of_pair))
    shown = ("test_id", "is_refused", "p_value", "auc", "n_suspects", "n_controls", "n_dropped")
    result = {
        **{name: record[name] for name in shown},
        "checks": record["checks"],
        "says": [said.headline, *said.sentences],
        "assumes": list(ASSUMPTIONS),
    }
    say(result, as_json)
    if record["is_refused"]:
        raise InputError(
            "suspects and controls that cannot be told apart without any model",
            " ".join(said.sentences),
            "draw the controls as the suspects were drawn, and give them again",
        )
