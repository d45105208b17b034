"""Which of several sets explains a weight difference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.evidence import ranked_corpus
from support.tiny_models import documents, save_bert

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.cache.audits.read import read_facts
from assay.core.findings.corpus_ranking import corpus_ranking_finding
from assay.core.gradients.features import FactoredGradients, ProjectedGradients
from assay.core.gradients.group_mixture import (
    CosineInterval,
    cosine_intervals,
    fit_groups,
    redrawn,
    redrawn_shares,
)
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, load_classifier
from assay.core.models.per_example_gradients import ClassifierGradients
from assay.core.runtime.device import Compute
from assay.core.specs.results.audit import Projection
from assay.core.stats.intervals import random_band

pytestmark = pytest.mark.usefixtures("tiny_encoder")

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
GROUPS = np.repeat([0, 1, 2], 40)


def projected(seed=0, mixture=(0.7, 0.3, 0.0), noise=0.3):
    """Gradients around three directions, known exactly, and a target mixed of their means."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(3, 60))
    gradients = centres[GROUPS] + noise * generator.normal(size=(120, 60))
    target = np.array(mixture) @ centres
    return ProjectedGradients(
        gradients[None],
        (gradients @ target)[None],
        (gradients**2).sum(axis=1)[None],
        np.array([np.linalg.norm(target)]),
    )


def test_a_mixture_is_found_again():
    """Shares are those the target was mixed of; a guess by cosine alone is further off."""
    fit = fit_groups(projected(), GROUPS, np.ones(120))
    truth = np.array([0.7, 0.3, 0.0])
    np.testing.assert_allclose(fit.shares, truth, atol=0.05)
    assert fit.shares.sum() == pytest.approx(1)
    assert np.abs(fit.centroid_shares - truth).sum() > np.abs(fit.shares - truth).sum()


def test_a_target_that_no_group_points_to_has_no_mixture():
    """Opposite directions give no share at all instead of one that must sum to one."""
    fit = fit_groups(projected(mixture=(-1, -1, -1)), GROUPS, np.ones(120))
    assert fit.shares.tolist() == [0, 0, 0]
    assert (fit.cosines < 0).all()


def test_cosines_are_those_of_the_mean_gradients():
    """Factored and projected gradients give the cosine of the written-out mean with the target,
    each document counted as often as it was drawn."""
    generator = np.random.default_rng(1)
    errors, hidden = generator.normal(size=(1, 120, 3)), generator.normal(size=(1, 120, 7))
    target = generator.normal(size=(1, 3, 7))
    counts = redrawn(generator, GROUPS)
    assert counts.sum() == 120
    fit = fit_groups(FactoredGradients(errors, hidden, target), GROUPS, counts)
    gradients = np.einsum("nc,nd->ncd", errors[0], hidden[0]).reshape(120, -1)
    for group in range(3):
        mean = np.average(gradients[group == GROUPS], axis=0, weights=counts[group == GROUPS])
        cosine = mean @ target.ravel() / np.linalg.norm(mean) / np.linalg.norm(target)
        assert fit.cosines[group] == pytest.approx(cosine, abs=1e-5)
    with pytest.raises(ValueError, match="group 1"):
        fit_groups(FactoredGradients(errors, hidden, target), GROUPS, (GROUPS != 1).astype(float))


def test_the_cosine_of_a_sum_is_over_all_batches(tmp_path):
    """A sum streamed in batches has the cosine of the gradients put together."""
    texts = [TextDocument(text) for text in documents(20)[0]]
    base, final = (load_classifier(save_bert(tmp_path / f"{s}", s), 24, EXACT) for s in (0, 1))
    models = ClassifierGradients(ModelPair(base, final))
    rows = list(models.of(texts))
    together = sum(row.arrays["errors:0"].T @ row.arrays["hidden:0"] for row in rows)
    alignment = sum(row.alignment.sum() for row in rows)
    expected = alignment / np.linalg.norm(together) / models.target_norms[0]
    assert models.cosine_of_sum(texts) == pytest.approx(expected, rel=1e-5)
    assert models.cosine_of_sum(texts[:10]) != pytest.approx(expected, rel=1e-3)
    assert torch.is_grad_enabled()


def test_the_headline_says_when_it_is_none_of_them():
    """The nearest set is named only as far as what models trained on it reach bears it out."""
    near, far = ranked_corpus("one", 0.5, 0.45, 0.55), ranked_corpus("two", 0.2, 0.15, 0.25)
    bears_out = [{"source": "one", "cosine": value} for value in (0.5, 0.6)]
    denies = [{"source": "one", "cosine": value} for value in (0.8, 0.9)]
    assert corpus_ranking_finding([far, near], bears_out).headline.startswith(
        "Of these corpora, one is the most aligned"
    )
    assert corpus_ranking_finding([far, near], denies).headline.startswith(
        "None of these corpora explains"
    )
    assert corpus_ranking_finding([far, near], []).headline.startswith(
        "Of these corpora, one is the most aligned"
    )
    alike = ranked_corpus("three", 0.48, 0.43, 0.53)
    assert "one and three" in corpus_ranking_finding([near, alike], []).headline
    assert (
        "aligned" in corpus_ranking_finding([ranked_corpus("one", -0.2, -0.3, -0.1)], []).headline
    )


@pytest.mark.parametrize(
    ("sizes", "shares", "before"), [((200, 80, 30), (0.5, 0.3, 0.2), 0.9), ((60, 60), (1, 0), 1)]
)
def test_share_intervals_hold_the_true_share(sizes, shares, before):
    """In about 95% of simulated trainings a share's interval holds the true share, also where it is
    zero; redrawing documents alone, as before, held it less often in sets of different sizes."""
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    held, held_before = [], []
    for _ in range(100):
        centres = generator.normal(size=(len(sizes), 40)) + generator.normal(size=40)
        gradients = centres[groups] + 2 * generator.normal(size=(len(groups), 40))
        counts = generator.multinomial(400, shares)
        target = counts @ centres + 40 * generator.normal(size=40)
        known = features(gradients, target)
        fit = fit_groups(known, groups, np.ones(len(groups))).shares
        drawn = (redrawn(generator, groups) for _ in range(39))
        ours = list(redrawn_shares(known, groups, generator, 39))
        alone = [fit_groups(known, groups, counted).shares for counted in drawn]
        for draws, kept in ((ours, held), (alone, held_before)):
            # The lowest and highest of 39 draws leave out one in 40 on either side.
            low, high = np.min([*draws, fit], axis=0), np.max([*draws, fit], axis=0)
            kept.append((low - 1e-9 <= counts / 400) & (counts / 400 <= high + 1e-9))
    assert np.mean(held) >= 0.92
    assert np.mean(held, axis=0).min() >= 0.89
    assert np.mean(held_before) <= before


def test_of_many_corpora_chance_makes_one_aligned_in_one_audit_of_twenty():
    """Of ten corpora without any alignment the headline seldom names one, although one interval
    lies above zero in many audits; a corpus that is aligned is still named among them."""
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 30)
    n_named = n_above = n_found = 0
    for _ in range(150):
        gradients = generator.normal(size=(300, 60))
        target = generator.normal(size=60)
        n_named += named(gradients, target, groups)
        low = cosine_intervals(features(gradients, target), groups, generator)[0]
        n_above += (low > 0).any()
        gradients[groups == 4] += target / 2
        n_found += named(gradients, target, groups)
    assert n_named / 150 <= 0.08
    assert n_above / 150 > 0.13
    assert n_found / 150 > 0.95


def features(gradients, target):
    return ProjectedGradients(
        gradients[None],
        (gradients @ target)[None],
        (gradients**2).sum(axis=1)[None],
        np.array([np.linalg.norm(target)]),
    )


def named(gradients, target, groups):
    """Whether the headline calls a corpus aligned."""
    known = features(gradients, target)
    cosines = fit_groups(known, groups, np.ones(len(groups))).cosines
    ends = cosine_intervals(known, groups, np.random.default_rng(0))
    rows = [
        {**ranked_corpus(str(number), cosine, low, high), "n_documents": 30}
        for number, (cosine, low, high) in enumerate(zip(cosines, *ends, strict=True))
    ]
    return "was found to be aligned" not in corpus_ranking_finding(rows, []).headline


def test_estimated_cosines_state_their_error():
    """Cosines known by a projection come with its error; exact ones with none. The error stated is
    that of a dense projection worth as many dimensions."""
    rows = [ranked_corpus("one", 0.5, 0.45, 0.55), ranked_corpus("two", 0.2, 0.15, 0.25)]
    said = corpus_ranking_finding(rows, [], Projection(4096, 800.0, {})).sentences
    assert any("off by about 2.5% of itself" in sentence for sentence in said)
    assert not any("estimates" in one for one in corpus_ranking_finding(rows, []).sentences)
    generator = np.random.default_rng(0)
    vector = generator.normal(size=100)
    lengths = [
        np.linalg.norm(vector @ generator.choice([-1.0, 1.0], (100, 800)) / 800**0.5)
        for _ in range(200)
    ]
    assert np.std(lengths) / np.linalg.norm(vector) == pytest.approx(0.025, rel=0.15)


def test_one_corpus_is_judged_by_its_own_interval():
    """With nothing to correct for, aligned is what lies above zero, as the interval shows it."""
    for low, is_aligned in ((0.001, True), (-0.001, False)):
        centre, reach = np.arctanh(0.2), np.arctanh(0.2) - np.arctanh(low)
        row = ranked_corpus("one", 0.2, low, float(np.tanh(centre + reach)))
        headline = corpus_ranking_finding([row], []).headline
        assert ("was found to be aligned" not in headline) == is_aligned
        own = CosineInterval(0.2, low, row["high"], 200)
        assert own.at(0.95) == pytest.approx((low, row["high"]))
        assert own.at(0.99)[0] < low


def arguments(tiny, *corpora):
    return [
        *("rank-corpora", "--base", str(tiny / "base"), "--final", str(tiny / "final")),
        *("--documents", "50", "--budget", "10", "--precision", "fp32", "--students", "1"),
        *("--reference", str(tiny / "train.jsonl"), "--json"),
        *(word for corpus in corpora for word in ("--corpus", str(tiny / f"{corpus}.jsonl"))),
    ]


def test_every_set_and_class_is_ranked(tiny, assay):
    """Each set has as many documents as asked for, its cosine within its interval, and a model
    trained on half of it; classes stand beside their true shares; asking again finds the answer."""
    asked = arguments(tiny, "leaked", "noise")
    first = assay(*asked)
    assert first.status == 0, first.err
    said = json.loads(first.out)
    assert "in the last layer" in " ".join(said["says"])
    groups = read_groups(Path(said["path"]))
    sources = groups[groups["kind"] == "source"].set_index("name")
    assert sources["n_documents"].to_dict() == {"leaked": 50, "noise": 50}
    assert ((groups["low"] <= groups["cosine"]) & (groups["cosine"] <= groups["high"])).all()
    assert groups[groups["kind"] == "class"]["true_share"].sum() == pytest.approx(1)
    students = read_source_students(Path(said["path"])).set_index("source")
    assert students["n_documents"].to_dict() == {"leaked": 25, "noise": 25}
    assert students["cosine"].between(-1, 1).all()
    assert students["cosine"].nunique() == 2
    facts = read_facts(Path(said["path"]))
    assert facts.meta.command.startswith("assay rank-corpora --base")
    assert json.loads(assay(*asked).out) == {**said, "was_there": True}


def test_inner_layers_rank_sets_without_models_to_compare_with(tiny, assay):
    """Gradients of inner layers rank the sets too; what the true one would reach is of the last
    layer alone, so that none is trained, that is said, and asking for it is refused."""
    asked = arguments(tiny, "leaked", "noise")
    del asked[asked.index("--students") : asked.index("--students") + 2]
    done = assay(*asked, "--gradient-layers", "changed")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    sources = read_groups(Path(said["path"])).query("kind == 'source'")
    found = corpus_ranking_finding(sources.to_dict("records"), [])
    assert said["says"][0] == found.headline
    assert found.sentences[0] in said["says"][1]
    assert "The cosine that the true training set would have was not measured." in said["says"]
    assert read_source_students(Path(said["path"])).empty
    assert "--gradient-layers changed" in read_facts(Path(said["path"])).meta.command
    refused = assay(*asked, "--gradient-layers", "changed", "--students", "1")
    assert refused.status == 2
    assert "last-layer only" in refused.err


def test_one_corpus_is_nothing_to_rank(tiny, assay):
    """A single candidate is refused before any work."""
    refused = assay(*arguments(tiny, "leaked"))
    assert refused.status == 2
    assert "at least two corpora" in refused.err


def one_distribution(sizes, rng, noise=0.5, width=60):
    """Unit gradients around one direction, in sets of those sizes, and a target near it."""
    target = rng.normal(size=width) / width**0.5
    gradients = target + 0.5 / width**0.5 + noise * rng.normal(size=(sum(sizes), width))
    gradients /= np.linalg.norm(gradients, axis=1, keepdims=True)
    features = ProjectedGradients(
        gradients[None],
        (gradients @ target)[None],
        (gradients**2).sum(axis=1)[None],
        np.array([np.linalg.norm(target)]),
    )
    return features, gradients, target


def test_a_larger_set_of_one_distribution_is_not_more_aligned():
    """Of 60 and 600 documents of one distribution at most 5% are called apart, and both intervals
    hold the cosine that so many documents have on average; percentiles of redrawn cosines of the
    sets as they are call more than a third apart and may leave the estimate out."""
    rng = np.random.default_rng(0)
    sizes, found, n_before = (60, 600), [], 0
    groups = np.repeat([0, 1], sizes)
    for trial in range(150):
        features, gradients, target = one_distribution(sizes, np.random.default_rng([1, trial]))
        low, high = cosine_intervals(features, groups, rng)
        found.append((fit_groups(features, groups, np.ones(660)).cosines, low, high))
        if trial < 40:
            draws = []
            for _ in range(60):
                counts = redrawn(rng, groups)
                sums = np.stack([(counts * (groups == k)) @ gradients for k in (0, 1)])
                draws.append(sums @ target / np.linalg.norm(sums, axis=1))
            ends = np.quantile(draws, [0.025, 0.975], axis=0)
            n_before += ends[0].max() > ends[1].min()
    cosines, lows, highs = (np.array([one[place] for one in found]) for place in range(3))
    assert ((lows <= cosines) & (cosines <= highs)).all()
    assert (lows.max(axis=1) > highs.min(axis=1)).mean() <= 0.05
    assert abs((cosines[:, 0] - cosines[:, 1]).mean()) < 0.02
    assert n_before > 40 / 3


def test_intervals_of_cosines_cover():
    """Of fresh sets of 30 documents 95% intervals hold the average cosine of such sets."""
    world = np.random.default_rng(5)
    target = world.normal(size=60) / 60**0.5
    groups, found = np.zeros(30, int), []
    for _ in range(300):
        gradients = target + 0.4 * world.normal(size=(30, 60))
        features = ProjectedGradients(
            gradients[None],
            (gradients @ target)[None],
            (gradients**2).sum(axis=1)[None],
            np.array([np.linalg.norm(target)]),
        )
        low, high = cosine_intervals(features, groups, world)
        found.append((fit_groups(features, groups, np.ones(30)).cosines[0], low[0], high[0]))
    cosines, lows, highs = np.array(found).T
    assert ((lows <= cosines.mean()) & (cosines.mean() <= highs)).mean() >= 0.92
    one = features.subset([0])
    assert [own.tolist() for own in cosine_intervals(one, np.zeros(1, int), world)] == [[-1], [1]]


def test_intervals_and_their_null_hold_where_sizes_and_lengths_differ():
    """Sets of 60, 20 and 60 of a known population, whose gradients have very different lengths:
    every interval holds its estimate and 95% hold the truth at the size of the smallest set; of
    sets that are drawn from all together one in twenty leaves the band of chance."""
    world = np.random.default_rng(7)
    target = world.normal(size=40) / 40**0.5
    lengths = world.lognormal(0, 0.7, size=(3, 400, 1))
    shift = np.array([0.5, 0.2, 0.0])[:, None, None] * target
    population = lengths * (shift + 0.5 * world.normal(size=(3, 400, 40)))
    sizes = np.array([60, 20, 60])
    groups = np.repeat(np.arange(3), sizes)

    def features(gradients):
        return ProjectedGradients(
            gradients[None],
            (gradients @ target)[None],
            (gradients**2).sum(axis=1)[None],
            np.array([np.linalg.norm(target)]),
        )

    means = population.mean(axis=1)
    variances = (population**2).sum(axis=2).mean(axis=1) - (means**2).sum(axis=1)
    squared = (means**2).sum(axis=1) + variances / sizes.min()
    truth = means @ target / np.sqrt(squared) / np.linalg.norm(target)
    found = []
    for _ in range(200):
        drawn = [own[world.integers(400, size=n)] for own, n in zip(population, sizes, strict=True)]
        known = features(np.concatenate(drawn))
        ends = cosine_intervals(known, groups, world)
        found.append((*ends, fit_groups(known, groups, np.ones(140)).cosines))
    lows, highs, cosines = np.array(found).transpose(1, 0, 2)
    assert ((lows <= cosines) & (cosines <= highs)).all()
    held = ((lows <= truth) & (truth <= highs)).mean(axis=0)
    assert (held >= 0.9).all()
    assert held.mean() >= 0.93
    outside = []
    for _ in range(80):
        known = features(population.reshape(-1, 40)[world.integers(1200, size=140)])
        own, *chance = (
            fit_groups(known, order, np.ones(140)).cosines
            for order in (groups, *(world.permutation(groups) for _ in range(99)))
        )
        bands = [random_band(one) for one in np.array(chance).T]
        outside += [not band.low <= one <= band.high for one, band in zip(own, bands, strict=True)]
    assert np.mean(outside) <= 0.09
