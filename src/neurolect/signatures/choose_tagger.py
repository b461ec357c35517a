"""Choose the tagger of a run: the English one that is installed, unless the sentences are not English."""

from typing import NamedTuple

from neurolect.signatures.language import looks_english, share_of_english_words
from neurolect.signatures.tagger import find_tagger
from neurolect.store import Run


class ChosenTagger(NamedTuple):
    """The tagger, or why there is none."""

    tagger: str | None
    """Package or folder; None for no tagger."""
    notice: str | None
    """What people should know of the choice."""


def choose_tagger(name: str, run: Run) -> ChosenTagger:
    """Resolve the option ``tagger`` for a run."""
    if name == "auto":
        texts = run.table("sentences", columns=["text"]).column("text").to_pylist()
        if not looks_english(texts):
            share = share_of_english_words(texts)
            notice = (
                f"The sentences do not look English ({share:.1%} of their words are frequent English ones): "
                "signatures have no parts of speech. "
                "--set describe.tagger=PACKAGE names a spaCy model of their language."
            )
            return ChosenTagger(None, notice)
    tagger = find_tagger(name)
    return ChosenTagger(tagger, None if tagger else "No tagger: signatures have no parts of speech.")
