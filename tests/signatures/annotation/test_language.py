from pathlib import Path

import pyarrow as pa
import pytest

from neurolect.demo_data import documents_path
from neurolect.folders.atomic import write_table
from neurolect.progress import NullProgress
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.annotation.tagger import choose_tagger, looks_english, share_of_english_words
from neurolect.store import Run, open_run
from tests.signatures.collected_run import write_collected_run

GERMAN = (
    "Der Hund sucht am Morgen den Ball im Wald.",
    "Die Regierung will die Steuern in diesem Jahr nicht senken, sagt ein Sprecher.",
    "Das Kind war mit der Katze im Garten und hat lange gespielt.",
)
FRENCH = (
    "Le chat est sur la table et il regarde les oiseaux.",
    "Nous avons pris le train pour aller voir nos amis a la mer.",
)
DUTCH = (
    "De hond is in het bos en hij was daar met de kat.",
    "Ik had geen tijd om te komen, maar we zien elkaar gauw.",
)


@pytest.mark.parametrize("sentences", [GERMAN, FRENCH, DUTCH], ids=["German", "French", "Dutch"])
def test_other_languages_are_not_english(sentences: tuple[str, ...]) -> None:
    assert share_of_english_words(sentences * 30) < 0.03
    assert not looks_english(sentences * 30)


def test_english_is() -> None:
    texts = pa.parquet.read_table(documents_path())["text"].to_pylist()[::20]
    assert share_of_english_words(texts) > 0.15
    assert looks_english(texts)


def test_of_a_few_words_nothing_is_said() -> None:
    assert looks_english(GERMAN)
    assert looks_english([])


def in_german(folder: Path) -> Run:
    write_collected_run(folder)
    table = open_run(folder).sentences()
    texts = pa.array([GERMAN[number % 3] for number in range(len(table))])
    write_table(folder / "sentences.parquet", table.set_column(table.column_names.index("text"), "text", texts))
    return open_run(folder)


class Reports(NullProgress):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_what_is_not_english_is_described_without_tags_and_says_so(tmp_path: Path) -> None:
    run, reports = in_german(tmp_path / "run"), Reports()
    assert choose_tagger("auto", run).tagger is None
    for _ in range(2):  # the second time with other options: the notice is there once
        options = DescribeOptions(vectors="none", n_frequent=10 + len(reports.messages))
        run = describe(run, options=options, progress=reports)
        english = [each for each in run.manifest["notices"] if "do not look English (0.0%" in each]
        assert english == reports.messages[:1]
        assert run.manifest["stages"]["describe"]["tagger"] == "none"
    assert "hund" in run.table("signatures/words")["word"].to_pylist()
    assert "domain" in run.table("signatures/metadata")["field"].to_pylist()
    assert set(run.table("signatures/words")["word_class"].to_pylist()) == {"all"}


def test_without_a_tagger_on_purpose(tmp_path: Path) -> None:
    run = open_run(write_collected_run(tmp_path / "run"))
    assert choose_tagger("none", run) == (None, "No tagger: signatures have no parts of speech.")
