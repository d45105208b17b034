"""The method in plain words: what the report and the page *About the method* both say."""

from __future__ import annotations

IN_PLAIN_WORDS = (
    "Fine-tuning moves a model's weights a little at every training document. The direction in "
    "which one document would move them can be computed from the base model and that document "
    "alone: its gradient.",
    "Assay computes this direction for every document of a public corpus, and asks which documents "
    "together point the way from the base model to the final one. It adds one at a time, each time "
    "the one that turns the sum closest to the difference between the two models (SELECT).",
    "The input embeddings say more. The row of a token that no training document holds does not "
    "move, so the rows that moved are the training vocabulary, and a document with any other token "
    "was not trained on. A row that few documents moved, moved along their gradients: a document "
    "whose own gradients agree with its rows was likely one of them.",
    "What was selected is then tested: a student is trained from the base on the selected "
    "documents alone, labelled by the final model; selections are compared with the true training "
    "data where it is known; and everything is held against random selection, against the base "
    "model's own loss (P-min, P-max), and against a classifier that sees text and no model.",
)
THREAT_MODEL = (
    "Whoever asks has the weights of both models and a public corpus, and nothing else: not the "
    "training data, not its size, no validation set, no intermediate checkpoints.",
    "A reference set, where one is given, is used to judge selections and never to make them.",
)
WHAT_IT_SHOWS = (
    "Which public documents the weight difference is aligned with, and how strongly, beside what "
    "random documents reach.",
    "Which tokens occurred in fine-tuning, and which documents were certainly not used because "
    "they hold another one, under assumptions that stand beside the answer.",
    "How good a stand-in for the unknown training data such a selection is: by the student trained "
    "on it, and by its distance to true data where that is known.",
    "Where true documents are known: how many of them are located, how many could be, and how many "
    "chance alone would locate.",
)
WHAT_IT_CANNOT = (
    "It does not prove that a document was trained on. Documents that resemble the training data "
    "point the same way; only held-out documents of the same kind tell membership from domain.",
    "But for a token that never occurred, it does not prove that a document was not trained on. "
    "Training leaves traces of all documents in one sum, and most of them cannot be taken apart "
    "again.",
    "“Not assessable” is not “no leak”: it means that these weights cannot be read this way.",
    "One audit is one random seed. Students vary between seeds by more than their intervals show.",
    "Weight decay, adapters that leave the last layer alone, and low-precision storage hide more.",
)
PICTURES = {
    "Dots on lines": "One strategy a line; the dot is the measured value, the bar its 95% "
    "interval. The grey band is where random selections of the same size fall: a dot inside it "
    "shows nothing that chance would not.",
    "Dotted lines": "What the value is compared with: the base and the final model, as many true "
    "documents, or the most that is possible.",
    "Map": "Every document is a point, placed so that texts alike in meaning lie together. Shading "
    "is the whole corpus. Selected points that lie among true ones are about the same subjects; "
    "nearness is no evidence of membership, and distances across the map mean little.",
    "Curves under sliders": "Lines drawn while a slider moves are computed on the spot from the "
    "audit's own gradients; dots with bars were measured before, each by a run of its own. Nothing "
    "between two dots is a measurement.",
    "Tensors over their floor": "How far each tensor moved, in units of what rounding alone would "
    "do. Near the dotted line there is nothing but rounding to see.",
}
GLOSSARY = {
    "base model": "the model before fine-tuning",
    "final model": "the model after fine-tuning, whose weights were released",
    "weight difference": "final minus base",
    "seed corpus": "the public documents that are searched",
    "reference set": "the true fine-tuning data, where it is known; for evaluation only",
    "pseudolabel": "the label that the final model gives a document",
    "per-example gradient": "the direction in which training on one document moves the weights",
    "training vocabulary": "the tokens that occurred in fine-tuning, read off the rows of the "
    "input embeddings that moved",
    "agreement": "how nearly the rows of a document's tokens moved along its own gradients, from "
    "-1 to 1",
    "strategy": "how a selection is made",
    "budget": "how many documents a selection holds",
    "gain": "by how much a document turned the sum of the selection towards the weight difference",
    "student": "the base model trained on a selection",
    "located": "selected, and truly a document of the reference set",
    "leaked share": "the share of the reference set that is in the seed corpus",
    "recall, precision": "the share of leaked documents that are located; the share of selected "
    "documents that are located ones",
    "lift": "how many times as many documents are located as by chance",
    "transport distance": "how far a selection's texts lie from the reference set's, as embeddings",
    "null": "what random selections, or chance, would give; a number near its null shows nothing",
    "95% interval": "a range made so that it holds the true value in 95 of 100 repetitions",
    "t-interval": "the 95% interval of a mean over repeats, made from how much they differ",
    "p-value": "how often chance alone would locate at least as many documents",
    "assessable": "whether the weights allow an answer at all",
}
