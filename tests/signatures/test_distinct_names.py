"""Lists of the same name are distinguished where their evidence differs."""

from neurolect.signatures.counting.candidates import Candidate
from neurolect.signatures.counting.names import ListEvidence
from neurolect.signatures.summary import distinct_names
from tests.signatures.counting.test_names import stated

NO_LENGTH = Candidate("short", 12.0, 12.0, 0.0, 0.0, ())


def short_list(mean: float, *tags: str) -> ListEvidence:
    """Short sentences with more of some tags."""
    length = Candidate("short", mean, 18.0, -30.0, 1.4, ())
    return ListEvidence([], [], [], stated(length, *(Candidate(tag, 0.1, 0.05, 20.0, 0.3, ()) for tag in tags)))


def names(*evidence: ListEvidence) -> list[str]:
    return [name.text for name in distinct_names(evidence, explained=lambda *_: 0.0)]


def test_names_that_differ_in_figures_only_are_distinguished() -> None:
    first, second, third = names(short_list(5.0, "CD"), short_list(6.0, "UH"), short_list(6.0, "UH", "NN"))
    assert first == "short sentences (mean 5.0 words) \u00b7 numbers (CD)"
    assert second == "short sentences (mean 6.0 words) \u00b7 interjections (UH)"
    assert third == "short sentences (mean 6.0 words) \u00b7 interjections (UH) \u00b7 singular nouns (NN)"


def test_a_name_of_its_own_stays_short_and_no_theme_stays_none() -> None:
    nothing = ListEvidence([], [], [], stated(NO_LENGTH))
    assert names(short_list(5.0, "CD"), nothing, nothing) == [
        "short sentences (mean 5.0 words)",
        "no clear theme",
        "no clear theme",
    ]


def test_the_same_evidence_keeps_the_same_name() -> None:
    assert len(set(names(short_list(5.0, "CD"), short_list(5.0, "CD")))) == 1
