"""The pages of decompressions through Streamlit's own test runner."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from support.decompression_file import HOSTILE, JUDGE, write_sample_decompression
from support.pages import opened, words

from assay.cache.among import Among
from assay.cache.annotations.annotations import example_annotations
from assay.cache.decompressions.journal import Journal
from assay.cache.decompressions.read import (
    ExampleFilter,
    list_decompressions,
    read_examples,
    read_topics,
)
from assay.cache.store import Store
from assay.core.specs.annotations import Annotation, Mark
from assay.core.specs.decompression import ParseOutcome
from assay.core.specs.model_calls import Answer, Call, Sampling


@pytest.fixture(scope="module")
def trees_store(tmp_path_factory):
    """A decompression, and one of a server without examples."""
    store = Store(tmp_path_factory.mktemp("trees"))
    write_sample_decompression(store)
    write_sample_decompression(store, "bare", is_server=True, n_examples=0)
    return store


@pytest.fixture
def trees(trees_store, monkeypatch):
    """Pages show that store; a test may only read it."""
    monkeypatch.setenv("ASSAY_HOME", str(trees_store.root))


@pytest.mark.parametrize("page", ["topics", "examples"])
def test_an_empty_store_gives_the_command(store, page):
    """Without any decompression each page says what to run."""
    assert "assay decompress" in words(opened(page))


@pytest.mark.usefixtures("trees")
def test_topics_show_support_beside_what_nonsense_reaches():
    """The headline, the table and the topic's own line stand beside the null and the interval."""
    app = opened("topics", decompression="sample", topic="3")
    text = words(app)
    assert [m.value for m in app.metric][:2] == ["4", "2 of 4"]
    assert "Named in 9 of 16 lists" in text
    assert "95% interval 30% to 80%" in text
    assert "made-up topics reach at most 25%" in text
    assert "135 million parameters" in text
    assert "arithmetic" in text


@pytest.mark.parametrize(
    ("n_parameters", "said"), [(95_232, "95,232"), (134_515_008, "135 million")]
)
def test_the_size_of_a_model_is_never_zero(store, n_parameters, said):
    """A model below a million parameters has them counted one by one, not as 0 million."""
    write_sample_decompression(store, n_parameters=n_parameters)
    text = words(opened("topics", decompression="sample"))
    assert f"This model has {said} parameters" in text


def test_what_a_server_refused_is_said(store):
    """How many questions got no answer, in its words as plain text, and what it would not be told;
    a run without either says nothing of it (the control)."""
    write_sample_decompression(store, unanswered=[HOSTILE, "tea"], refuses=["max_tokens", "seed"])
    text = words(opened("topics", decompression="sample"))
    assert "2 questions got no answer" in text
    assert "\\<script" in text
    assert "The server rejects seed," in text
    write_sample_decompression(store, "sound")
    text = words(opened("topics", decompression="sound"))
    assert "no answer" not in text
    assert "rejects" not in text


@pytest.mark.usefixtures("trees")
def test_another_way_to_a_topic_is_told():
    """A topic reached twice names the other parent; one that ends says why."""
    assert "Also reached from" in words(opened("topics", decompression="sample", topic="1"))
    assert "maximum depth was reached" in words(opened("topics", decompression="sample", topic="4"))


@pytest.mark.usefixtures("trees")
@pytest.mark.parametrize("colour", ["support", "contrast", "quality", "depth"])
def test_each_colour_draws_the_tree(colour):
    """Every colouring shows all topics, with and without examples."""
    for name in ("sample", "bare"):
        app = opened("topics", decompression=name, colour=colour)
        assert len(app.get("plotly_chart")) == 1


@pytest.mark.usefixtures("trees")
def test_a_server_without_a_hash_is_said_to_have_none():
    """Where weights are out of reach the page says so, and that no examples were written."""
    assert "could not be hashed" in words(opened("topics", decompression="bare"))
    assert "has no examples" in words(opened("examples", decompression="bare"))


def test_the_judge_stands_beside_its_grades(store):
    """Who graded, what it is worth and what could not be read are said; the heuristic stays."""
    write_sample_decompression(store, is_judged=True)
    app = opened("topics", decompression="sample", colour="quality")
    assert JUDGE in words(app).replace("\\", "")
    assert "does not reliably notice" in words(app)
    app = opened("examples", decompression="sample", example="3")
    assert "1 of 4 answers could not be parsed" in words(app)
    grades = next(frame.value for frame in app.dataframe if "axis" in frame.value)
    assert list(grades) == ["axis", JUDGE, "heuristic"]
    assert set(grades[JUDGE]) == {"unreadable"}
    assert "cannot tell" in set(grades["heuristic"])
    app = opened("examples", decompression="sample", judge="heuristic")
    assert "It cannot tell whether a response is correct" in words(app)


def test_an_example_graded_on_fewer_axes_is_shown(store):
    """A judge's answer may lack axes; the card shows those that it has, and a dash."""
    path = write_sample_decompression(store)
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM grades WHERE example_id = 3 AND axis <> 'helpfulness'")
    app = opened("examples", decompression="sample", example="3")
    (grades,) = [frame.value for frame in app.dataframe if "axis" in frame.value]
    said = grades.set_index("axis")["heuristic"]
    assert (said[said.index != "helpfulness"] == "—").all()


def test_quality_is_one_judges_alone(store):
    """The headline judge's mean, or the asked one's; never a mix, and empty where unread."""
    path = write_sample_decompression(store, is_judged=True)

    def quality(judge=None):
        return read_examples(path, ExampleFilter(), 10, judge=judge).rows["quality"].tolist()

    assert quality()[:3] == quality(JUDGE)[:3] == [2.0, 2.0, 2.0]
    assert np.isnan(quality()[3])
    assert not np.isnan(quality("heuristic")).any()
    assert read_topics(path)["quality"].tolist()[0] == 2.0


def test_hostile_text_is_shown_letter_by_letter(store):
    """What a model wrote is never Markdown or HTML."""
    write_sample_decompression(store)
    app = opened("examples", decompression="sample", example="3")
    assert HOSTILE in [element.value for element in app.text]
    assert not any("<script>" in element.value for element in app.markdown)


def test_filters_keep_what_they_say(store):
    """Topic with all below it, marks, styles and search each narrow the examples down."""
    path = write_sample_decompression(store)

    def ids(**chosen):
        return read_examples(path, ExampleFilter(**chosen), 10).rows["example_id"].tolist()

    assert ids() == [0, 1, 2, 3]
    assert ids(topic_id=1) == [0, 1, 2]
    assert ids(topic_id=2) == [3]
    assert ids(flagged_by=("near-duplicate",)) == [1]
    assert 1 not in ids(not_flagged_by=("near-duplicate",))
    assert ids(styles=("question",)) == [0]
    assert ids(search="SPRUCE") == [0, 1]
    assert ids(among=Among((2,))) == [2]
    assert ids(among=Among((2,), is_excluding=True)) == [0, 1, 3]


def test_a_topic_counts_what_is_below_it(store):
    """Examples and flags of a topic are those of all under it, and the root has all."""
    path = write_sample_decompression(store)
    counts = dict(read_topics(path)[["topic_id", "n_examples"]].to_numpy().tolist())
    assert counts == {0: 4, 1: 3, 2: 1, 3: 2, 4: 1}


def test_marks_of_examples_are_kept_in_the_store(store):
    """Accept and reject survive the session, change no sealed file, and can be taken back."""
    path = write_sample_decompression(store)
    before = path.read_bytes()
    app = opened("examples", decompression="sample", example="2")
    app.button(key="rejected-2").click().run()
    assert example_annotations(store, "sample") == {2: Annotation(Mark.REJECTED)}
    app.button(key="accepted-2").click().run()
    assert example_annotations(store, "sample") == {2: Annotation(Mark.ACCEPTED)}
    assert app.dataframe[0].value["mark"].tolist() == ["", "", "accepted", ""]
    for mark, n_left in (("accepted", 1), ("not marked", 3), ("rejected", None)):
        tables = opened("examples", decompression="sample", mark=mark).dataframe
        assert len(tables[0].value) == n_left if n_left else not tables
    app.button(key="accepted-2").click().run()
    assert example_annotations(store, "sample") == {}
    assert path.read_bytes() == before


def test_a_run_under_way_is_seen_while_it_writes(store):
    """The journal of a run that holds it open shows its topics, calls and rungs on the page."""
    write_sample_decompression(store)
    with Journal(store, "ab" * 32, "unfinished") as journal:
        journal.begin({"title": "Half done"})
        call = Call("topics", "Prompt", Sampling(8), 1)
        journal.keep([(call, Answer("a, b", "stop", 5, 4, 0.1))])
        journal.use([call], 0)
        journal.set_rungs({call.key: ParseOutcome.LINES})
        journal.show_topics([(1, 0, "glaciers", 1, 5, 6)])
        text = words(opened("topics", decompression="sample"))
    assert "Half done" in text
    assert "glaciers" in text
    assert "1 plain text" in text
    assert "Not running" in text


def test_what_is_unfinished_stands_below_what_is_complete(store):
    """Whoever opens a result reads it first; without any, the unfinished run is all there is."""
    with Journal(store, "ab" * 32, "unfinished") as journal:
        journal.begin({"title": "Half done"})
    assert "Half done" in words(opened("topics"))
    write_sample_decompression(store)
    said = [one.value for one in opened("topics", decompression="sample").main.markdown]
    assert said[0] == "**All human knowledge**"
    assert said[-1] == "**Half done**, unfinished"


def test_an_unreadable_file_is_named(store):
    """A damaged file is listed with its problem and does not hide the others."""
    write_sample_decompression(store)
    (store.decompressions / "broken.duckdb").write_bytes(b"x" * 5000)
    problems = {one.decompression_id: one.problem for one in list_decompressions(store)}
    assert problems["sample"] is None
    assert problems["broken"]
    assert "cannot be read" in opened("topics", decompression="broken").warning[0].value
