"""Per-example gradients at the input embeddings, against autograd one document at a time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from support.tiny_models import (
    LABELS,
    SIZES,
    documents,
    save_bert,
    save_gpt2,
    save_llama,
    save_llama_classifier,
    save_mean_pooled,
    tokenizer,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    PreTrainedTokenizerFast,
)

from assay.cache.files.precomputed import open_agreements
from assay.cache.store import Store
from assay.core.audit.cached_agreements import _as_kept
from assay.core.errors import InputError
from assay.core.gradients.embedding_movement import differences
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.input_layer import input_table
from assay.core.models.loading import ModelPair, load_classifier, load_language_model
from assay.core.models.text_model import TextModel
from assay.core.models.training import fine_tune
from assay.core.runtime.device import Compute
from assay.core.specs.training import TrainingSpec
from assay.core.stats.embedding_membership import TokenAgreements, embedding_scores
from assay.core.stats.training_vocabulary import document_frequencies, unmoved_tokens

COMPUTE = Compute("cpu", is_bf16=False, n_threads=1)
TEXTS, NAMES = documents(60, seed=5)


def trained_pair(load, save, folder, labelled, n_epochs=3, rate=3e-3):
    """A base and its fine-tune on the first 30 tiny documents."""
    base, final = (load(save(folder / name), 24, COMPUTE) for name in ("base", "final"))
    docs = [
        TextDocument(text, LABELS.index(name) if labelled else None)
        for text, name in zip(TEXTS[:30], NAMES[:30], strict=True)
    ]
    fine_tune(final, final.examples(docs), TrainingSpec(learning_rate=rate, n_epochs=n_epochs))
    return ModelPair(base, final)


def save_capped(folder):
    """A Gemma 2, tied, whose logits are capped softly far below what they would be."""
    torch.manual_seed(0)
    words = tokenizer(is_causal=True)
    config = Gemma2Config(
        vocab_size=len(words),
        **SIZES,
        head_dim=8,
        final_logit_softcapping=2.0,
        initializer_range=0.5,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=0,
    )
    Gemma2ForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


CASES = {
    "bert": (load_classifier, save_bert, True),
    "mean-pooled": (load_classifier, save_mean_pooled, True),
    "llama classifier": (load_classifier, save_llama_classifier, True),
    "gpt2, tied": (load_language_model, save_gpt2, False),
    "llama, untied": (load_language_model, save_llama, False),
    "gemma2, tied and capped": (load_language_model, save_capped, False),
}


def alone(model: TextModel, example, label):
    """The gradient of one document's summed loss at the whole table, by autograd alone."""
    model = copy.deepcopy(model)
    table = next(p for p in model.model.parameters() if p.shape == input_table(model).shape)
    if label is not None:
        logits, _ = model.forward(*model.pad([example.token_ids]))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([label]), reduction="sum")
    else:
        ids = torch.tensor([example.token_ids])
        logits = model.model(input_ids=ids).logits[0, :-1]
        loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
    (gradient,) = torch.autograd.grad(loss, table)
    return gradient


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_a_batch_are_those_of_its_documents_alone(case, tmp_path):
    """Each document's rows equal a backward pass of its own, output part included where tied."""
    pair = trained_pair(*CASES[case][:2], tmp_path, CASES[case][2])
    gradients = EmbeddingGradients(pair)
    examples = pair.final.examples([TextDocument(text) for text in TEXTS[:9]])
    labels = None
    if CASES[case][2]:
        labels = torch.stack([torch.arange(9) % 3, (torch.arange(9) + 1) % 3], dim=1)
    of_document, tokens, found = gradients.gradients(pair.base, examples, labels)
    for number, example in enumerate(examples):
        assert tokens[of_document == number].tolist() == sorted(set(example.token_ids))
        for column, rows in enumerate(found):
            label = None if labels is None else int(labels[number, column])
            wanted = alone(pair.base, example, label)
            own = rows[of_document == number]
            assert torch.allclose(own, wanted[tokens[of_document == number]], atol=1e-6, rtol=1e-4)
            assert own.abs().max() > 1e-4


def test_of_two_labels_the_gradients_are_opposite(tmp_path):
    """A second backward pass would give the first one's direction turned round, so none is made."""

    def save_two(folder):
        return save_bert(folder, n_labels=2, labels=LABELS[:2])

    base, final = (load_classifier(save_two(tmp_path / n), 24, COMPUTE) for n in ("base", "final"))
    pair_texts = [t for t, name in zip(TEXTS, NAMES, strict=True) if name in LABELS[:2]]
    docs = [TextDocument(text, number % 2) for number, text in enumerate(pair_texts[:12])]
    fine_tune(final, final.examples(docs), TrainingSpec(learning_rate=3e-3, n_epochs=3))
    gradients = EmbeddingGradients(ModelPair(base, final))
    (example,) = final.examples(docs[:1])
    for labels in ([0, 1], [1, 0]):
        _, tokens, found = gradients.gradients(base, [example], torch.tensor([labels]))
        for label, rows in zip(labels, found, strict=True):
            wanted = alone(base, example, label)[tokens]
            cosines = torch.cosine_similarity(rows, wanted, dim=1)
            assert torch.allclose(cosines, torch.ones(len(tokens)), atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_rows_do_not_depend_on_the_batch(case, tmp_path, monkeypatch):
    """Two documents a batch give what all at once give, and every document comes once."""
    pair = trained_pair(*CASES[case][:2], tmp_path, CASES[case][2])
    gradients = EmbeddingGradients(pair)
    docs = [TextDocument(text) for text in TEXTS[:11]]

    def collected():
        found = {}
        for rows in gradients.of(docs):
            parts = np.split(rows.agreements, np.cumsum(rows.n_tokens)[:-1])
            kept = zip(rows.squared_norms, rows.alignment, rows.projected, strict=True)
            for index, part, (length, along, small) in zip(rows.indices, parts, kept, strict=True):
                found[int(index)] = np.concatenate([part.ravel(), [length, along], small])
        return found

    at_once = collected()
    monkeypatch.setattr("assay.core.models.embedding_gradients._TOKENS_PER_BATCH", 24)
    monkeypatch.setattr("assay.core.models.output_gradients._LOGITS_AT_A_TIME", 1)
    in_pairs = collected()
    assert sorted(at_once) == sorted(in_pairs) == list(range(11))
    for number in range(11):
        assert np.allclose(at_once[number], in_pairs[number], atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_what_selection_needs_is_exact(case, tmp_path):
    """Length and alignment are those of the rows of the document's own tokens at the middle
    checkpoint, at the likeliest label, by autograd alone; unmoved rows count nothing."""
    pair = trained_pair(*CASES[case][:2], tmp_path, CASES[case][2])
    gradients = EmbeddingGradients(pair)
    (rows,) = gradients.of([TextDocument(TEXTS[0])])
    (example,) = pair.final.examples([TextDocument(TEXTS[0])])
    middle = gradients._checkpoints[len(gradients._checkpoints) // 2]
    label = None if rows.pseudolabel is None else int(rows.pseudolabel[0])
    tokens = sorted(set(example.token_ids))
    wanted = alone(middle, example, label)[tokens].numpy()
    before, after = (input_table(model).numpy() for model in (pair.base, pair.final))
    moved = differences(before, after, gradients.movement)[tokens]
    assert rows.squared_norms[0] == pytest.approx((wanted**2).sum(), rel=1e-3)
    assert rows.alignment[0] == pytest.approx(-(wanted * moved).sum(), rel=1e-3)
    assert rows.alignment[0] > 0


def test_a_batch_of_many_short_documents_is_kept(tmp_path):
    """More documents than a block of the cache holds come in one batch, and all are kept."""
    pair = trained_pair(load_language_model, save_llama, tmp_path, False)
    docs = [TextDocument(" ".join(TEXTS[number % 60].split()[:3])) for number in range(300)]
    keys = [str(number) for number in range(300)]
    gradients = EmbeddingGradients(pair)
    ((indices, batch),) = gradients.batches(docs)
    assert len(batch) == 300
    rows = _as_kept(gradients.of_batch(batch))
    store = Store(tmp_path / "home")
    with open_agreements(store, "key", lambda: None, lambda _: None) as kept:
        kept.append([keys[index] for index in indices], rows.values, rows.arrays)
        assert kept.missing(keys) == []
        found = kept.matrix("projected", kept.find(keys))
    assert np.allclose(found[:60], found[60:120], atol=1e-3 * np.abs(found).max())
    assert np.abs(found).max(axis=1).min() > 0


def test_documents_without_tokens_say_nothing(tmp_path):
    """An empty text beside others changes them not, and alone it gives no rows and no error."""
    pair = trained_pair(load_language_model, save_llama, tmp_path, False)
    gradients = EmbeddingGradients(pair)
    (alone_rows,) = gradients.of([TextDocument("")])
    assert alone_rows.n_tokens.tolist() == [0]
    assert alone_rows.agreements.shape == (0, 1)
    (one,) = gradients.of([TextDocument(TEXTS[0])])
    (both,) = gradients.of([TextDocument(""), TextDocument(TEXTS[0])])
    assert both.n_tokens.tolist() == [len(one.tokens), 0]
    assert np.allclose(both.agreements, one.agreements, atol=1e-5)


def test_no_head_of_the_base_is_looked_at(tmp_path):
    """Another beginning of the head, which no outsider knows, changes nothing."""
    pair = trained_pair(load_classifier, save_bert, tmp_path, True)
    docs = [TextDocument(text) for text in TEXTS[:5]]
    (before,) = EmbeddingGradients(pair).of(docs)
    with torch.no_grad():
        pair.base.last_layer().weight.normal_()
    (after,) = EmbeddingGradients(pair).of(docs)
    assert np.array_equal(before.agreements, after.agreements)


def test_a_frozen_table_is_refused(tmp_path):
    """Nothing is said of models whose embeddings training left alone."""
    pair = trained_pair(load_classifier, save_bert, tmp_path, True)
    with torch.no_grad():
        for (_, ours), (_, theirs) in zip(
            pair.base.model.named_parameters(), pair.final.model.named_parameters(), strict=True
        ):
            if ours.shape == input_table(pair.base).shape:
                theirs.copy_(ours)
    with pytest.raises(InputError, match="embeddings were trained"):
        EmbeddingGradients(pair)


N_WORDS = 400


def sentences(n, seed):
    """Texts of words that are as unequally common as real ones."""
    draw = np.random.default_rng(seed)
    shares = 1 / np.arange(1, N_WORDS + 1)
    shares /= shares.sum()
    return [" ".join(f"w{word}" for word in draw.choice(N_WORDS, 8, p=shares)) for _ in range(n)]


def save_wide_bert(folder):
    """A classifier over hundreds of words, so that some are rare."""
    inner = Tokenizer(
        models.WordLevel(
            {"[PAD]": 0, "[UNK]": 1} | {f"w{word}": word + 2 for word in range(N_WORDS)},
            unk_token="[UNK]",
        )
    )
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=N_WORDS + 2,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        num_labels=2,
        initializer_range=0.1,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def wide_pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wide")
    base = load_classifier(save_wide_bert(folder / "base"), 24, COMPUTE)
    final = load_classifier(folder / "base", 24, COMPUTE)
    draw = np.random.default_rng(9)
    docs = [TextDocument(text, int(draw.integers(2))) for text in sentences(200, seed=1)]
    # The order of training is drawn from this seed, that of judging from none.
    training = TrainingSpec(learning_rate=5e-4, n_epochs=6, batch_size=8, seed=4)
    fine_tune(final, final.examples(docs), training)
    return ModelPair(base, final)


def scored(pair, texts):
    """Scores of texts by agreement alone, and with exclusion."""
    gradients = EmbeddingGradients(pair)
    rows = TokenAgreements.in_order(
        len(texts),
        (
            (part.indices, part.n_tokens, part.tokens, part.agreements)
            for part in gradients.of([TextDocument(text) for text in texts])
        ),
    )
    token_ids = pair.final.tokenize(texts)
    movement = gradients.movement
    unmoved = unmoved_tokens(token_ids, movement.is_moved, frozenset(), is_last_read=True)
    frequencies = document_frequencies(token_ids, len(movement.is_moved))
    counts = np.array([len(tokens) for tokens in unmoved])
    return embedding_scores(
        rows,
        movement.is_moved,
        counts,
        frequencies,
        movement.chance_missed,
        gradients.most_a_row,
    )


def test_members_are_told_and_never_excluded(wide_pair):
    """Documents that were trained on score higher than others of their kind, by exclusion and by
    agreement alone; none of them has an unmoved token."""
    trained, others = sentences(200, seed=1), sentences(200, seed=2)
    found = scored(wide_pair, trained + others)
    truth = np.arange(400) < 200
    assert not found.n_unmoved[:200].any()
    assert found.n_unmoved[200:].any()
    assert roc_auc_score(truth, found.scores) > 0.83
    kept = found.n_unmoved == 0
    assert roc_auc_score(truth[kept], found.agreements[kept]) > 0.7


def test_of_documents_that_the_final_model_never_saw_it_tells_nothing(wide_pair):
    """Two sets drawn alike, neither trained on: chance, within four standard errors."""
    found = scored(wide_pair, sentences(300, seed=7) + sentences(300, seed=8))
    auc = roc_auc_score(np.arange(600) < 300, found.scores)
    assert abs(auc - 0.5) < 4 * (1 / (12 * 150)) ** 0.5
