"""Real transformer models of a few thousand parameters, saved as users' folders are."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from assay.core.models.loading import new_classifier, save_model
from assay.core.runtime.device import Compute

_FIELDS = """
weather rain snow cloud storm wind sun warm cold frost mist thunder drizzle
kitchen bread soup knife oven salt pepper onion garlic butter flour spoon plate
music violin drum melody chorus piano guitar rhythm tempo concert opera flute song
"""
WORDS = {field: words for field, *words in map(str.split, _FIELDS.strip().splitlines())}
LABELS = tuple(WORDS)


def documents(n, seed=0, labels=LABELS):
    """``n`` short documents and their label names; each is mostly words of its own field."""
    generator = torch.Generator().manual_seed(seed)

    def pick(n_choices):
        return int(torch.randint(n_choices, (1,), generator=generator))

    texts, names = [], []
    for _ in range(n):
        label = labels[pick(len(labels))]
        words = []
        for _ in range(4 + pick(8)):
            field = label if pick(10) < 7 else LABELS[pick(3)]
            words.append(WORDS[field][pick(12)])
        texts.append(" ".join(words))
        names.append(label)
    return texts, names


def tokenizer(is_causal):
    """A byte-level BPE (causal) or a lower-case word tokenizer, trained on the tiny documents."""
    texts, _ = documents(300)
    if is_causal:
        inner = Tokenizer(models.BPE())
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<eos>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )
        label_words = [f" {letter}" * 20 for letter in "ABCDEF"]
        inner.train_from_iterator([*texts, *label_words * 20], trainer)
        return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>")
    inner = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    inner.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=specials))
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def save_bert(folder: Path, seed=0, n_labels=3, with_head=True, hidden=16, labels=LABELS) -> Path:
    torch.manual_seed(seed)
    words = tokenizer(is_causal=False)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels[:n_labels])),
        initializer_range=0.15,
    )
    model = BertForSequenceClassification(config)
    (model if with_head else model.bert).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_sentence_encoder(folder: Path, seed=0, **pooling) -> Path:
    """An encoder without a head, and how it pools, as sentence-transformers writes it."""
    save_bert(folder, seed, with_head=False)
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 16, **(pooling or {"pooling_mode": "mean"})})
    )
    return folder


def save_mean_pooled(folder: Path, seed=0) -> Path:
    """A classifier on a sentence encoder, its head drawn with ``seed`` too."""
    encoder = save_sentence_encoder(folder.with_name(f"{folder.name}-encoder"), seed)
    compute = Compute("cpu", is_bf16=False, n_threads=1)
    classifier, _ = new_classifier(encoder, LABELS, 24, seed, compute)
    save_model(classifier, folder)
    return folder


def save_gpt2(folder: Path, seed=0, is_tied=True, width=16) -> Path:
    torch.manual_seed(seed)
    words = tokenizer(is_causal=True)
    config = GPT2Config(
        vocab_size=len(words),
        n_embd=width,
        n_layer=2,
        n_head=2,
        n_positions=64,
        tie_word_embeddings=is_tied,
        eos_token_id=0,
        bos_token_id=0,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


# Of decoders with grouped queries.
SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}


def _llama_config(words, is_tied=False, **more):
    return LlamaConfig(
        vocab_size=len(words),
        **SIZES,
        tie_word_embeddings=is_tied,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=0,
        **more,
    )


def save_llama(folder: Path, seed=0, is_tied=False) -> Path:
    torch.manual_seed(seed)
    words = tokenizer(is_causal=True)
    LlamaForCausalLM(_llama_config(words, is_tied)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_llama_classifier(folder: Path, seed=0) -> Path:
    torch.manual_seed(seed)
    words = tokenizer(is_causal=True)
    config = _llama_config(words, id2label=dict(enumerate(LABELS)))
    LlamaForSequenceClassification(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


TOPICS = {
    "All human knowledge": ("weather", "kitchen", "music"),
    **{field: tuple(words[:8]) for field, words in WORDS.items()},
}


def save_topic_model(folder: Path, seed=0, n_positions=2048) -> Path:
    """A tiny Llama trained for a few seconds to list the words of its fields as subtopics; every
    prompt of ours fits into its 2,048 positions."""
    from assay.core.decompress.prompts import subtopics_as_lines

    generator = torch.Generator().manual_seed(seed)
    prompts = {topic: subtopics_as_lines(() if " " in topic else (topic,)) for topic in TOPICS}

    def listing(topic):
        names = TOPICS[topic]
        order = torch.randperm(len(names), generator=generator)[:5].tolist()
        return prompts[topic] + " " + ", ".join(names[at] for at in order) + "\n"

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.train_from_iterator(
        [listing(topic) for topic in TOPICS for _ in range(5)],
        trainers.BpeTrainer(
            vocab_size=700,
            special_tokens=["<eos>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    words = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<eos>", pad_token="<eos>")
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=n_positions,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=0,
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(90):
        texts = [listing(topic) for topic in TOPICS for _ in range(2)]
        batch = words(texts, return_tensors="pt", padding=True)
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
