"""The method in plain words, for the report and the page *About the method*."""

from __future__ import annotations

import re

IN_PLAIN_WORDS = (
    "Every training document moves a model's weights a little. The direction in which a document "
    "would move them, its gradient, can be computed from the base model and the document alone.",
    "Assay computes the gradients of all documents of a public corpus, and searches for documents "
    "whose gradients together point from the base model to the final model. It adds one document "
    "at a time: the one that brings the sum closest to the weight difference (SELECT).",
    "The input embeddings show more. The row of a token that is in no training document does not "
    "move. So the tokens whose rows moved are the training vocabulary, and a document with any "
    "other token was not trained on. If few documents moved a row, it moved along their "
    "gradients, so a document whose gradients agree with the movement of its rows was likely one "
    "of them.",
    "A language model's linear layers are read in the same way, token by token: they moved along "
    "the gradients of nearly all tokens of a training document, but only of some tokens of a "
    "document that is like one.",
    "Selections are then tested. A student is trained from the base model on the selected "
    "documents alone, with the final model's labels. Where the training documents are known, "
    "selections are compared with them. Controls are random selection, the base model's loss "
    "(P-min, P-max), and a classifier that sees only the text and no model.",
)
THREAT_MODEL = (
    "The auditor has the weights of both models and a public corpus, and nothing else: not the "
    "training data or its size, no validation set and no intermediate checkpoints.",
    "A reference set, if given, is used to evaluate selections, never to make them.",
)
WHAT_IT_SHOWS = (
    "Which public documents the weight difference is aligned with, and how strongly, compared "
    "with random documents.",
    "Which tokens occurred in fine-tuning, and which documents were certainly not trained on "
    "because they contain another token, under assumptions that are listed with the answer.",
    "How well a selection stands in for the unknown training data: by the student trained on it, "
    "and by its distance to the training data where that is known.",
    "Where training documents are known: how many of them are located, how many could be, and how "
    "many chance would locate.",
)
WHAT_IT_CANNOT = (
    "It does not prove that a document was trained on. Documents that resemble the training data "
    "point in the same direction; only a comparison with held-out documents of the same "
    "domain can tell whether they were trained on.",
    "It does not prove that a document was not trained on, except by tokens that never occurred. "
    "Training adds up the traces of all documents, and most of them cannot be separated again.",
    "“Not assessable” does not mean “no leak”. It means that these weights do not allow an answer.",
    "One audit uses one random seed. Students vary between seeds by more than their intervals "
    "show.",
    "Weight decay, adapters that do not change the last layer, and storage in low precision hide "
    "part of what training left in the weights.",
)
PICTURES = {
    "Dots on lines": "Each line is a strategy: the dot is the measured value, the bar its 95% "
    "interval. The grey band shows random selections of the same size: a dot inside it is no "
    "better than chance.",
    "Dotted lines": "What the value is compared with: the base and final model, as many reference "
    "documents, or the best possible value.",
    "Map": "Every document is a point, placed so that texts with similar meaning lie together. "
    "Grey points, or shading, show the whole corpus. Selected points among reference points are "
    "about the same subjects. Nearness is not evidence of membership, and large distances on the "
    "map mean little.",
    "Curves under sliders": "Values under a slider are computed live from the audit's gradients. "
    "Dots with bars were measured before, each in its own run. Between two dots nothing was "
    "measured.",
    "Tensors above the rounding floor": "Change of each tensor, in units of the change that "
    "rounding alone would cause. Near the dotted line there is only rounding.",
}
GLOSSARY = {
    "base model": "the model before fine-tuning",
    "final model": "the model after fine-tuning, whose weights were released",
    "weight difference": "final minus base",
    "seed corpus": "the public documents that an audit searches",
    "reference set": "the training documents, where they are known; for evaluation only",
    "pseudolabel": "the label that the final model gives a document",
    "per-example gradient": "the direction in which training on one document moves the weights",
    "training vocabulary": "the tokens that occurred in fine-tuning: those whose rows of the "
    "input embeddings moved",
    "agreement": "of a document: how closely the rows of its tokens moved along its own gradients, "
    "from -1 to 1; of a student: the share of test documents on which it predicts the same as the "
    "final model",
    "strategy": "how a selection is made",
    "budget": "the number of documents in a selection",
    "SELECT": "the main strategy: adds, one at a time, the document that brings the sum of the "
    "gradients closest to the weight difference",
    "top-k": "the strategy that takes the documents whose own gradients point most nearly along "
    "the weight difference",
    "P-min, P-max": "controls without gradients: the documents with the lowest (P-min) or highest "
    "(P-max) loss under the base model",
    "cosine": "how far two directions agree: 1 the same, 0 unrelated, -1 opposite",
    "gain": "by how much a document raised the selection's cosine with the weight difference",
    "student": "the base model trained on a selection",
    "located": "selected, and a document of the reference set",
    "leaked share": "the share of the reference set that is in the seed corpus",
    "recall, precision": "recall: the share of leaked documents that are located; precision: the "
    "share of selected documents that are leaked ones",
    "titration": "a measurement at several leaked shares; it shows how many training documents "
    "the seed corpus must hold for them to be found",
    "lift": "how many times as many training documents are located as by chance",
    "containment": "the share of the smaller vocabulary that the larger one contains",
    "transport distance": "the optimal-transport distance between the embeddings of a selection "
    "and of the reference set",
    "null": "what random selections, or chance, would give; a value near its null shows nothing",
    "95% interval": "a range that contains the true value in 95 of 100 repetitions",
    "t-interval": "the 95% interval of a mean over repeats, based on how much they differ",
    "p-value": "how often chance alone would give at least as strong a result",
    "threshold": "the p-value that a result must be below to count: 0.01 for evidence that "
    "documents were trained on, 0.05 for comparisons of selections",
    "correction (Holm)": "raises p-values for the number of tests made, because the best of many "
    "often looks good by luck",
    "held-out document": "a document like the training documents that was not trained on",
    "false positive rate": "the share of held-out documents that are taken for training documents; "
    "FPR in tables",
    "true positive rate": "the share of training documents that are found; TPR in tables",
    "ranking": "a way of ordering documents by how likely they were trained on",
    "AUC": "how often a training document ranks above a held-out one; 0.5 is chance, 1 is always",
    "text alone": "a classifier that sees only the texts, no model, and knows which were trained "
    "on; what it finds is no evidence about the model",
    "input embeddings": "the model's table with one row for each token; ranking by them uses how "
    "far rows moved along a document's gradients",
    "linear layers": "the weight matrices inside a language model; ranking by them uses at how "
    "many of a document's tokens they moved along the token's gradient",
    "token": "a word or part of a word, as the model reads it",
    "random selection": "as many documents, drawn at random from the seed corpus",
    "suspect, control": "in a suspect test: a document that may have been trained on, and one like "
    "it that certainly was not",
    "decompression": "what a model knows, written out by itself: the topics that it lists when "
    "asked, and examples of each",
    "support": "of a topic: the share of sampled lists that name it",
    "echo": "that a model's answers are nearer to its training data than the base model's are",
    "mark": "accepted or rejected: what a person decided about a document or an example",
    "tag": "a short word that a person gives to a document or an example",
    "note": "what a person writes about a document or an example; plain text",
    "saved view": "the address of a page with its settings, under a name",
    "assessable": "of an audit: that the weights allow an answer at all",
}
# How a term stands in a sentence where it does not stand by its name.
_NEVER = r"(?!)"
_WRITTEN = {
    # Everyday words, which sentences about an audit use in another sense.
    **dict.fromkeys(("mark", "tag", "note", "suspect, control", "support", "echo"), _NEVER),
    "SELECT": r"\b(?-i:SELECT)\b",
    "P-min, P-max": r"\bP-m(in|ax)\b",
    "p-value": r"\bp [=<≤]",
    "95% interval": r"\d–\d|95% interval",
    "correction (Holm)": r"corrected|Holm",
    "recall, precision": r"\brecall\b|\bprecision\b",
    "training vocabulary": r"training vocabulary",
    "agreement": r"agreement of|agreement with",
}


def explained(text: str) -> dict[str, str]:
    """The terms of the glossary that occur in a text, with their meanings."""
    return {
        term: meaning
        for term, meaning in GLOSSARY.items()
        if re.search(_WRITTEN.get(term, rf"\b{re.escape(term)}s?\b"), text, re.IGNORECASE)
    }
