"""Questions without an answer: they are counted and reported, and too many of them end the run."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.errors import AssayError
from assay.core.runtime.progress import Progress
from assay.core.specs.model_calls import Answer, Refusal

# A few questions of a long run may stay unanswered: a server's filter, a lost connection. Above
# this share, the rest would not be a fair sample of the model's answers.
MOST_UNANSWERED = 0.2
_FEWEST = 4
# If this many different prompts in a row get no answer, the model or the server has failed.
_PROMPTS_TO_GIVE_UP = 4
_N_NOTED = 3


class Unanswered:
    """For one model in one run: how many questions were asked, and how many got no answer."""

    def __init__(self, who: str, progress: Progress) -> None:
        self._who, self._progress = who, progress
        self.n_asked = self.n_refused = 0
        self._words: list[str] = []

    @property
    def words(self) -> list[str]:
        """The first few reasons, each once."""
        return list(self._words)

    def check_any(self, answers: Sequence[Answer | Refusal]) -> None:
        """AssayError if nothing was ever answered: a second try is pointless."""
        refused = [one for one in answers if isinstance(one, Refusal)]
        is_all = len(refused) == len(answers) >= _FEWEST
        if is_all and self.n_asked == self.n_refused:
            self._fail(self.n_refused + len(refused), self.n_asked + len(answers), refused[0])

    def count(self, answered: Sequence[tuple[str, Answer | Refusal]]) -> None:
        """Count what came after all attempts, one prompt each.

        AssayError if too little was answered to continue.
        """
        refused = [one for _, one in answered if isinstance(one, Refusal)]
        self.n_asked += len(answered)
        self.n_refused += len(refused)
        if not refused:
            return
        for refusal in refused:
            if refusal.words not in self._words and len(self._words) < _N_NOTED:
                self._words.append(refusal.words)
                self._progress.note(f"no answer from {self._who}: {refusal.words}")
        n_prompts = len({prompt for prompt, _ in answered})
        is_all = len(refused) == len(answered) and n_prompts >= _PROMPTS_TO_GIVE_UP
        is_share = self.n_refused >= _FEWEST and self.n_refused > MOST_UNANSWERED * self.n_asked
        if is_all or is_share or self.n_refused == self.n_asked:
            self._fail(self.n_refused, self.n_asked, refused[0])

    def _fail(self, n_refused: int, n_asked: int, refusal: Refusal) -> None:
        raise AssayError(
            f"{n_refused:,} of {n_asked:,} questions to {self._who} got no answer: "
            f"{refusal.words}. No result was written. The answers so far are kept; the same "
            "command asks the unanswered questions again."
        )
