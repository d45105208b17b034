"""Rows that moved are the tokens that occurred: real fine-tunings of tiny models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_training import train

from assay.core.gradients.embedding_movement import Movement, differences, row_movement
from assay.core.gradients.number_formats import BFLOAT16, FLOAT16, FLOAT32, coarsest, rounded
from assay.core.stats.training_vocabulary import unmoved_tokens


def judged(trained):
    movement = row_movement(trained.base, trained.final)
    found = unmoved_tokens(trained.documents, movement.is_moved, frozenset(), trained.reads_last)
    return movement, sum(len(tokens) > 0 for tokens in found)


# A hundred more, in parts that each end well within the time a test may take.
_MORE = [pytest.param(range(n, n + 20), marks=pytest.mark.slow) for n in range(24, 124, 20)]


@pytest.mark.parametrize("seeds", [range(24), *_MORE])
def test_no_training_document_is_ever_excluded(seeds):
    """Whatever the settings: where absence is said to be proven, moved rows are the tokens that
    occurred, exactly, so no document that was trained on is excluded."""
    n_proven = 0
    for seed in seeds:
        trained = train(seed)
        movement, n_excluded = judged(trained)
        if movement.proves_absence:
            n_proven += 1
            assert n_excluded == 0, trained.settings
            assert np.array_equal(movement.is_moved, trained.is_read), trained.settings
    assert n_proven > 0.3 * len(seeds)


@pytest.mark.parametrize("optimizer", ["adam", "adamw .01", "adamw .1", "sgd"])
@pytest.mark.parametrize("is_language_model", [False, True])
def test_usual_trainings_prove_absence(optimizer, is_language_model):
    """In float32, with rates that teach anything, the two groups are always found apart."""
    rate = 1e-3 if optimizer == "sgd" else 1e-4
    trained = train(
        7,
        optimizer=optimizer,
        is_language_model=is_language_model,
        rate=rate,
        base_stored="fp32",
        final_stored="fp32",
        n_epochs=2,
    )
    movement, _ = judged(trained)
    assert movement.proves_absence
    assert np.array_equal(movement.is_moved, trained.is_read)
    assert movement.moved_at_least > 3 * movement.still_at_most
    # An estimate that counts as none softens nothing; a larger one does.
    assert replace(movement, n_missable=0.01).chance_missed == 0
    assert 0 < replace(movement, n_missable=2.0).chance_missed < 1
    # A negative control: documents of tokens that were never read are all excluded.
    unread = np.flatnonzero(~trained.is_read)
    assert all(
        len(t) for t in unmoved_tokens([[n] for n in unread], movement.is_moved, frozenset(), True)
    )


def test_the_common_factor_is_that_of_decoupled_decay():
    """AdamW multiplies every weight by 1 − rate · decay a step, and so says the factor."""
    trained = train(
        3,
        optimizer="adamw .1",
        rate=1e-3,
        schedule="constant",
        is_language_model=False,
        base_stored="fp32",
        final_stored="fp32",
        n_documents=48,
        batch_size=8,
        n_epochs=3,
    )
    movement, _ = judged(trained)
    assert movement.common - 1 == pytest.approx((1 - 1e-3 * 0.1) ** 18 - 1, rel=1e-2)
    left = differences(trained.base, trained.final, movement)
    assert not left[~trained.is_read].any()
    assert left[trained.is_read].any(axis=1).all()


@pytest.mark.parametrize("units", [0.55, 1.7, 40.0])
def test_powers_of_two_that_decay_stand_still(units):
    """Decay by one to forty units in the last place, then rounding, moves no row, though numbers
    just below a power of two lie twice as dense as above it."""
    draw = np.random.default_rng(4)
    base = rounded(draw.normal(0, 0.02, (300, 16)).astype(np.float32), FLOAT16)
    base[:30:15, 0] = 2.0**-5
    final = base * np.float32(1 - units * 2.0**-FLOAT16.fraction_bits)
    is_read = np.arange(300) % 5 == 1
    final[is_read] += draw.normal(0, 0.01, (60, 16)).astype(np.float32)
    movement = row_movement(base, rounded(final, FLOAT16))
    assert movement.kind is Movement.PARTED
    assert np.array_equal(movement.is_moved, is_read)


def decayed(base, rate, decay, n_steps):
    """What AdamW makes of rows without gradients, at a rate that falls to zero in a line."""
    row = base.copy()
    for step in range(n_steps):
        row *= np.float32(1 - rate * (1 - step / n_steps) * decay)
    return row


@pytest.mark.parametrize("n_steps", [100, 1_000, 4_000])
def test_any_number_of_decaying_steps_leaves_rows_unmoved(n_steps):
    """Each step rounds anew, which adds up over thousands; rows that moved a hundred times farther
    are found exactly, and where no row moved none is."""
    draw = np.random.default_rng(n_steps)
    base = draw.normal(0, 0.05, (8_000, 128)).astype(np.float32)
    final = decayed(base, 2e-5, 0.01, n_steps)
    assert row_movement(base, final).n_moved in (0, len(base))  # no group, nothing claimed
    is_read = draw.random(len(base)) < 0.5
    final[is_read] += draw.normal(0, 2e-4, (is_read.sum(), 128)).astype(np.float32)
    movement = row_movement(base, final)
    assert movement.proves_absence
    assert np.array_equal(movement.is_moved, is_read)


def test_rows_hidden_by_rounding_cost_the_proof_and_not_the_evidence():
    """Where the last documents moved rows by less than rounding, no absence is proven; every row
    that counts as moved did move, and about as many may be missed as were. If every distance occurs
    alike, nothing is claimed."""
    draw = np.random.default_rng(0)
    base = draw.normal(0, 0.05, (8_000, 128)).astype(np.float32)
    still = decayed(base, 1e-5, 0.01, 125)
    is_read = draw.random(len(base)) < 0.4
    by = np.exp(draw.normal(np.log(5e-5), 0.3, len(base)))
    hidden = draw.choice(np.flatnonzero(is_read), 60, replace=False)
    by[hidden] = 10 ** draw.uniform(-8.5, -6.5, 60)
    directions = draw.normal(0, 1, base.shape)
    final = still + (is_read * by)[:, None].astype(np.float32) * directions.astype(np.float32)
    movement = row_movement(base, final)
    assert movement.kind is Movement.PARTED
    assert not movement.proves_absence
    assert not (movement.is_moved & ~is_read).any()
    n_missed = int((is_read & ~movement.is_moved).sum())
    assert 10 < n_missed <= 60
    assert 0.3 * n_missed < movement.n_missable < 3 * n_missed
    by = 10 ** draw.uniform(-8.5, -3, len(base))
    smeared = still + by[:, None].astype(np.float32) * directions.astype(np.float32)
    assert row_movement(base, smeared).kind is Movement.ALL_MOVED


def test_coupled_decay_is_recognised_and_claims_nothing():
    """L2 decay inside Adam moves every row against its sign: no absence is proven."""
    trained = train(
        5, optimizer="adam .1", rate=1e-3, n_epochs=3, base_stored="fp32", final_stored="fp32"
    )
    movement, n_excluded = judged(trained)
    assert movement.kind is Movement.ALL_MOVED
    assert movement.decays_coupled
    assert not movement.proves_absence
    assert n_excluded == 0


def test_a_tied_table_claims_nothing():
    """Through the softmax every row moves, whether its token occurred or not."""
    trained = train(
        2,
        is_tied=True,
        is_language_model=True,
        optimizer="adam",
        rate=1e-4,
        base_stored="fp32",
        final_stored="fp32",
    )
    movement, n_excluded = judged(trained)
    assert movement.kind is Movement.ALL_MOVED
    assert not movement.decays_coupled
    assert n_excluded == 0


def test_noise_on_every_row_claims_nothing():
    """Where something unknown touched all rows, no gap is made up."""
    trained = train(1, base_stored="fp32", final_stored="fp32")
    noise = np.random.default_rng(0).normal(0, 1e-4, trained.final.shape).astype(np.float32)
    movement = row_movement(trained.base, trained.final + noise)
    assert movement.kind is Movement.ALL_MOVED


@pytest.mark.parametrize("seed", range(4))
def test_training_in_bfloat16_alone_is_never_taken_for_proof_wrongly(seed):
    """Where updates vanish below bfloat16's steps, either rows are called missable or none is."""
    trained = train(
        seed,
        trained_in="bf16",
        rate=1e-5,
        optimizer="adamw .01",
        base_stored="bf16",
        final_stored="bf16",
    )
    movement, n_excluded = judged(trained)
    assert not movement.proves_absence or n_excluded == 0


def test_equal_tables_are_frozen():
    """Adapters that leave the table alone are told from training; so is mere rounding."""
    table = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    assert row_movement(table, table).kind is Movement.FROZEN
    assert row_movement(table, rounded(table, BFLOAT16)).kind is Movement.FROZEN


@pytest.mark.parametrize("kind", [FLOAT32, FLOAT16, BFLOAT16])
def test_formats_are_read_off_the_values(kind):
    """Rounding is to the nearest, as torch rounds, and is recognised."""
    import torch

    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    theirs = torch.from_numpy(values).to(getattr(torch, kind.name)).float().numpy()
    assert np.array_equal(rounded(values, kind), theirs)
    assert coarsest(theirs) is kind
