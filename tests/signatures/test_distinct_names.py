"""Lists of the same name are distinguished where their evidence differs."""

from neurolect.signatures.counting.names import ListEvidence, Stated
from neurolect.signatures.evidence.length import stated_length
from neurolect.signatures.summary import distinct_names
from tests.signatures.counting.test_names import candidate, tag

SHORT = stated_length(candidate("<= 5 words", range(10), 0.05))
NUMBERS, CALLS, NOUNS = (tag(f"{name} >= 20 %", range(7), 0.15) for name in ("CD", "UH", "NN"))


def names(*evidence: list[Stated]) -> list[str]:
    lists = [ListEvidence([], [], [], [[each] for each in stated]) for stated in evidence]
    return [name.text for name in distinct_names(lists)]


def test_names_of_the_same_words_are_distinguished() -> None:
    first, second = names([SHORT, NUMBERS], [SHORT, CALLS])
    assert first == "short sentences (at most 5 words) \u00b7 many numbers (CD)"
    assert second == "short sentences (at most 5 words) \u00b7 many interjections (UH)"


def test_no_theme_stays_none() -> None:
    assert names([], []) == ["no clear theme", "no clear theme"]


def test_the_same_evidence_keeps_the_same_name() -> None:
    assert len(set(names([SHORT, NUMBERS], [SHORT, NUMBERS]))) == 1
