"""The paper's tables and figures: our values with their spread over seeds, next to the authors'."""

from __future__ import annotations

from functools import partial

import streamlit as st

from assay.cache.experiments.cells import delete_experiment, own_cells
from assay.cache.experiments.read import ExperimentSummary, list_experiments
from assay.cache.export import Origin, of_experiment
from assay.cache.store import Store
from assay.core.experiments.catalogue import paper_titles
from assay.core.experiments.recipes import NAMES, Recipe, load_recipe
from assay.core.findings.equal_scores import drawn_somewhere
from assay.core.findings.experiment import drawn_subjects, standing
from assay.core.findings.formatting import moment
from assay.core.findings.repeats import HOW_SPREADS_READ
from assay.pages.components.asked_for import asked_option
from assay.pages.components.charts import CONFIG
from assay.pages.components.deletion import deletable
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import export_line, exported_table
from assay.pages.components.job_offer import offer_job
from assay.pages.components.jobs import job_line
from assay.pages.components.labels import distinct_labels
from assay.pages.components.navigation import enter
from assay.pages.components.store import experiments
from assay.pages.components.store.experiment_chart import comparison_plot

enter()

_N_ROWS_SHOWN = 14
_SCROLLED_HEIGHT = 420
_WITH_AUDITS = "delete audits too"
store = Store.default()


def chosen_recipe() -> Recipe:
    """The recipe named in the address, or the one last run; its name there is the command's."""
    latest = next((one.meta.recipe for one in list_experiments(store)), NAMES[0])
    start = asked_option("recipe", "Experiment", NAMES, _titled) or latest
    picked = st.selectbox(
        "Experiment",
        NAMES,
        index=NAMES.index(start),
        format_func=_titled,
        key=f"recipe-{start}",
    )
    if picked != start:
        st.query_params.pop("run", None)  # another experiment's
    st.query_params["recipe"] = picked
    return load_recipe(picked)


def _titled(name: str) -> str:
    return f"{load_recipe(name).title} ({load_recipe(name).shows})"


def show_empty(recipe: Recipe) -> None:
    st.write("This experiment has not been run in this store. To run it offline on built-in text:")
    offer_job("experiment", "New experiment", f"assay experiment {recipe.name}")
    st.write(
        "On your own data sets, or at the paper's scale (needs a GPU, and the hub or local files):"
    )
    st.code(
        f"assay experiment {recipe.name} --data FOLDER\n"
        f"assay experiment {recipe.name} --scale paper\n"
        f"assay experiment {recipe.name} --scale paper --data FOLDER "
        f"--model {recipe.models[0]}=MODEL",
        language=None,
    )


def chosen_experiment(found: list[ExperimentSummary]) -> ExperimentSummary:
    """The run that the address names, or the newest."""
    by_id = {one.experiment_id: one for one in found}
    shown = distinct_labels(
        {
            name: f"{moment(one.meta.created_at)} · {one.meta.scale} scale"
            for name, one in by_id.items()
        }
    ).__getitem__
    asked = asked_option("run", "Run", by_id, shown) or found[0].experiment_id
    picked = st.selectbox(
        "Run", list(by_id), index=list(by_id).index(asked), format_func=shown, key=f"run-{asked}"
    )
    st.query_params["run"] = picked
    return by_id[picked]


def ask_for_audits(experiment: ExperimentSummary) -> None:
    cells = own_cells(store, experiment.experiment_id)
    st.checkbox(
        f"Also delete its audits that belong to no other experiment ({len(cells):,})",
        value=True,
        key=_WITH_AUDITS,
    )


def delete_as_chosen(experiment_id: str) -> None:
    delete_experiment(store, experiment_id, with_audits=st.session_state[_WITH_AUDITS])


def show_shelf(experiment: ExperimentSummary) -> None:
    """The run's audits, and the button that deletes it, unless the store is read-only."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/audits.py",
            label=f"Its audits ({len(experiment.audit_ids):,})",
            icon=":material/folder_open:",
            query_params={"cells": "true"},
        )
        deletable(
            "run",
            experiment.experiment_id,
            experiment.meta.title,
            "This deletes the file permanently. Final models and gradients stay in the cache, so "
            "the same run can be repeated quickly.",
            partial(delete_as_chosen, experiment.experiment_id),
            named_by="run",
            more=partial(ask_for_audits, experiment),
        )


def show_about(experiment: ExperimentSummary) -> None:
    """Where and on what it ran, and what it lacks."""
    meta = experiment.meta
    n_seeds = int(meta.n_seeds)
    about = [f"{meta.scale} scale", f"{n_seeds} seed{'s' * (n_seeds > 1)}"]
    about += [f"{meta.provenance['device']}, {meta.provenance['precision']}"]
    if meta.left_out:
        lacking = ", ".join(paper_titles()[name] for name in meta.left_out)
        about.append(f"left out because not available: {lacking}")
    st.caption(markdown_safe(" · ".join(about)))
    if meta.is_built_in:
        st.info(
            "Run on built-in text instead of the paper's data sets, with a smaller model: compare "
            "at most the order of strategies with the authors', never the values.",
            icon=":material/info:",
        )
        return
    instead = "; ".join(
        f"{meta.names[name]} instead of {title}"
        for name, title in paper_titles().items()
        if name in load_recipe(meta.recipe).models and meta.names.get(name, title) != title
    )
    if meta.scale == "small":
        st.caption(
            markdown_safe(
                "Smaller models, data sets and budgets than in the paper"
                + (f" ({instead})" if instead else "")
                + ": compare the order of strategies rather than the values."
            )
        )
    elif instead:
        st.caption(
            markdown_safe(
                f"At the paper's sizes, but with {instead}: compare the order of strategies "
                "rather than the values."
            )
        )


def show_standings(known: experiments.Compared) -> None:
    """Where SELECT is better than random selection and where it is not, metric by metric."""
    found = [standing(known.ours, metric) for metric in known.recipe.metrics]
    for one in filter(None, found):
        st.write(markdown_safe(one.sentence))
    drawn = drawn_somewhere(drawn_subjects(known.ours))
    if drawn:
        st.write(markdown_safe(drawn))


def show_panel(origin: Origin, known: experiments.Compared, panel: str) -> None:
    title = known.title(panel)
    heading = f"{known.recipe.panel.shown_as}: {title}"
    st.subheader(markdown_safe(heading[:1].upper() + heading[1:]), anchor=False)
    if known.recipe.x:
        metrics = known.metrics_of(panel)
        columns = st.columns(min(2, len(metrics)))
        for position, metric in enumerate(metrics):
            columns[position % len(columns)].plotly_chart(
                comparison_plot(known, panel, metric),
                config=CONFIG,
                key=f"{panel}-{metric}",
                alt=f"{metric.info.short} against {known.recipe.x.shown_as}",
            )
    table = experiments.comparison_table(known, panel)
    height = "content" if len(table) <= _N_ROWS_SHOWN else _SCROLLED_HEIGHT
    exported_table(
        origin,
        panel or "table",
        table,
        chosen={"panel": panel},
        height=height,
        key=f"table-{panel}",
    )


def show_measurements(
    origin: Origin, experiment: ExperimentSummary, known: experiments.Compared
) -> None:
    """Every measurement, with a link to its audit; exported as stored."""
    with st.expander("All measurements", icon=":material/database:"):
        rows = experiments.measurements(experiment.path)
        table = experiments.measurements_table(known, rows)
        links = table.assign(audit_id="/overview?audit=" + table["audit_id"])
        column = st.column_config.LinkColumn("audit", display_text=r"audit=(.*)")
        st.dataframe(links, hide_index=True, placeholder="—", column_config={"audit_id": column})
        export_line(origin, "measurements", rows)


st.title("Experiments")
st.caption(
    "Reproduces tables and figures of “Approximating Language Model Training Data from Weights” "
    "(2025). Our values stand next to the authors'; each column and legend says whose they are."
)
recipe = chosen_recipe()
for job in experiments.jobs_of(store, recipe.name):
    job_line(job)
    st.page_link("pages/jobs.py", label="Jobs", icon=":material/pending_actions:")
found = list_experiments(store, recipe.name)
experiment = chosen_experiment(found) if found else None
known = experiments.compared(recipe, experiment)
if experiment is None:
    show_empty(recipe)
    st.subheader("What the authors report", anchor=False)
else:
    show_about(experiment)
    show_shelf(experiment)
    show_standings(known)
st.caption(markdown_safe(recipe.note))
origin = (
    of_experiment(experiment.experiment_id, experiment.meta)
    if experiment
    else Origin(recipe.name, partial(dict, recipe=recipe.name, figures="authors' values only"))
)
for one in known.panels:
    show_panel(origin, known, one)
if experiment is not None:
    st.caption(
        f"Ours: mean over seeds; {HOW_SPREADS_READ}. In charts, the thick bar is that interval, "
        "and the thin bar reaches from the lowest to the highest value. Random: a selection that "
        "does not use the weights, the null. Paper and authors' notebook: the authors' values; "
        "from their notebook if the paper only shows a plot. They are means over three seeds, "
        "without a spread."
    )
    show_measurements(origin, experiment, known)
