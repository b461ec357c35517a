from pathlib import Path

import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.reading.rows import Row, RowReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError

ROWS = [("A first sentence of it.", "neg"), ("Then a second one, or so.", "pos"), ("At last the third one.", "neg")]


def read(path: Path, **options: object) -> tuple[list[Row], RowReader]:
    reader = RowReader(PrepareOptions(**options))  # type: ignore[arg-type]
    return list(reader.rows(find_sources(path)[0])), reader


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(delimiter: str, *, end: str = "\n", head: str = "", quote: str = '"') -> str:
    lines = [delimiter.join(["text", "label"])]
    lines += [delimiter.join([f"{quote}{text}{quote}", label]) for text, label in ROWS]
    return head + end.join(lines) + end


AS_ROWS = [{"text": text, "label": label} for text, label in ROWS]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_delimiters_and_line_ends(tmp_path: Path, name: str, delimiter: str, end: str) -> None:
    assert read(write(tmp_path / name, table(delimiter, end=end)))[0] == AS_ROWS


@pytest.mark.parametrize("head", ["\ufeff", "\n\n", "sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\r\n\r\n", "\ufeff\n"])
def test_lines_before_the_header(tmp_path: Path, head: str) -> None:
    assert read(write(tmp_path / "a.csv", table(";", head=head)))[0] == AS_ROWS


@pytest.mark.parametrize(
    ("head", "n"),
    [
        ("# made in 2024\n", 1),
        ("# made in 2024; by me\n", 1),
        ("# made, in, 2024\n\n#by me\n\n", 4),
        ("\ufeff# one\r\n#\r\n", 2),
        ("sep=;\n# one\n", 1),
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_comments_before_a_table_are_reported(tmp_path: Path, name: str, delimiter: str, head: str, n: int) -> None:
    head = head.replace(";", delimiter)
    rows, reader = read(write(tmp_path / name, table(delimiter, head=head)))
    assert rows == AS_ROWS
    what = "1 line that begins with # was" if n == 1 else f"{n} lines that begin with # were"
    assert any(f"{what} left out before the table" in each for each in reader.losses.notices())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("#id,text\n1,one two\n", {"#id": "1", "text": "one two"}),
        ("# made, by me\n#id,words\n1,one two\n", {"#id": "1", "words": "one two"}),
        ("#,text\n1,one two\n", {"#": "1", "text": "one two"}),
        ("#name,words\nbob,one two\n", {"#name": "bob", "words": "one two"}),
        ("#happy, a day\nsad\n#so\n", {"#happy": "sad"}),
        ("text\n#one two\n", {"text": "#one two"}),
        ("text,label\n#one two,3\n", {"text": "#one two", "label": "3"}),
    ],
)
def test_a_header_or_a_value_with_a_hash_is_no_comment(tmp_path: Path, text: str, first: dict[str, str]) -> None:
    rows, _ = read(write(tmp_path / "a.csv", text))
    assert rows[0] == first


def test_the_delimiter_is_the_one_that_rows_agree_on(tmp_path: Path) -> None:
    text = "text;label, of two\n" + "".join(f"One, two, {n}, and more;a\n" for n in range(20))
    assert read(write(tmp_path / "a.csv", text))[0][3] == {"text": "One, two, 3, and more", "label, of two": "a"}
    other = read(write(tmp_path / "b.csv", "text^label\nA first one, with commas^x\n"), delimiter="^")[0]
    assert other == [{"text": "A first one, with commas", "label": "x"}]


def test_one_column_is_reported(tmp_path: Path) -> None:
    rows, reader = read(write(tmp_path / "a.csv", "text\none two three\n"))
    assert rows == [{"text": "one two three"}]
    assert any("has one column, 'text': check its delimiter" in notice for notice in reader.losses.notices())


def test_a_first_line_that_became_a_name_is_reported(tmp_path: Path) -> None:
    text = "".join(f"Dog number {n} ran home\n" for n in range(20))
    rows, reader = read(write(tmp_path / "a.csv", text))
    assert len(rows) == 19
    what = "is taken for the name of its column: 'Dog number 0 ran home' (prepare.header=no reads it as a document)"
    assert any(what in notice for notice in reader.losses.notices())
    assert not any(
        "is taken for" in each for each in read(write(tmp_path / "b.csv", f"text\n{text}"))[1].losses.notices()
    )


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize(
    ("head", "n"),
    [("Sales of 2024\n", 1), ("Sales of 2024\n\n", 2), ("Sales of 2024;;\n", 1), ("One\nTwo\n\nThree\n", 4)],
)
def test_a_title_above_the_header_is_reported(tmp_path: Path, head: str, n: int, delimiter: str) -> None:
    head = head.replace(";", delimiter)
    rows, reader = read(write(tmp_path / "a.csv", table(delimiter, head=head)))
    assert rows == AS_ROWS
    was = "1 line above the header was" if n == 1 else f"{n} lines above the header were"
    assert any(
        f"{was} left out of" in each and f"({len(head)} characters)" in each for each in reader.losses.notices()
    )


def test_a_title_that_is_not_found_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Sales of 2024\nwhat,when\n" + "A dog ran home,3\n" * 9)
    with pytest.raises(
        CorpusError, match=r"a.csv:2 is 2 values under 1 column names \(those of line 1: (?s:.*)Remove"
    ):
        read(path)


def test_quotes_that_are_characters(tmp_path: Path) -> None:
    lines = [f'"{text}\t{label}' if n != 1 else f"{text}\t{label}" for n, (text, label) in enumerate(ROWS)]
    rows, reader = read(write(tmp_path / "a.tsv", "text\tlabel\n" + "\n".join(lines)))
    assert [row["label"] for row in rows] == ["neg", "pos", "neg"]
    assert rows[0]["text"] == '"' + ROWS[0][0]
    assert any("do not close: they are read as plain characters" in each for each in reader.losses.notices())


def test_quotes_by_option(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text,label\n"one,x\ntwo,y\n')
    assert read(path, quotes="none")[0] == [{"text": '"one', "label": "x"}, {"text": "two", "label": "y"}]
    tabs = write(tmp_path / "a.tsv", 'text\tlabel\n"one\tx\ntwo\ty\n')
    with pytest.raises(CorpusError, match=r"a\.tsv:2 is no row: a quote opened on line 2 never closes"):
        read(tabs, quotes="double")


@pytest.mark.parametrize(
    ("text", "message", "labels"),
    [
        ('"never ends,x\nand on,y\nand on,z\n', r":2 is no row: a quote opened on line 2 never closes", ["y", "z"]),
        ('a,x\n"b" c,y\nd,z\n', r":3 is no row: a quote that is opened on line 3 is closed within", ["x", "z"]),
        ('"a,x\n"b,y\nc,z\n', r":2 is no row: a quote that is opened on line 2 .* on line 3", ["z"]),
    ],
)
def test_quotes_that_do_not_close_are_named_or_cost_their_line_only(
    tmp_path: Path, text: str, message: str, labels: list[str]
) -> None:
    path = write(tmp_path / "a.csv", "text,label\n" + text)
    with pytest.raises(CorpusError, match=message + r"(.|\n)*prepare\.quotes = none(.|\n)*skip_broken_lines"):
        read(path)
    rows, reader = read(path, skip_broken_lines=True)
    assert [row["label"] for row in rows] == labels
    assert reader.n_broken == 3 - len(labels)
    assert reader.losses.n_broken_characters > 0


def test_thousands_of_stray_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\n" + '"stray,x\nfine,y\n' * 5000)
    rows, reader = read(path, skip_broken_lines=True)
    assert (len(rows), reader.n_broken) == (5000, 5000)


def test_quotes_escaped_by_backslashes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text,label\n"He said \\"no, never\\" to me",x\n"two",y\n')
    assert read(path)[0] == [{"text": 'He said "no, never" to me', "label": "x"}, {"text": "two", "label": "y"}]


def test_line_breaks_in_few_values_are_reported(tmp_path: Path) -> None:
    rows = [f"text number {n},x" for n in range(400)]
    rows[200] = '"one\ntwo\nthree",x'
    _, reader = read(write(tmp_path / "a.csv", "text,label\n" + "\n".join(rows)))
    assert any("1 row of" in each and "from line 202 over 3" in each for each in reader.losses.notices())


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x1c", "\x1e"])
def test_other_line_ends_end_no_row(tmp_path: Path, separator: str) -> None:
    path = write(tmp_path / "a.csv", f"text,label\none{separator}two,x\nthree,y\n")
    assert [row["label"] for row in read(path)[0]] == ["x", "y"]
    path = write(
        tmp_path / "a.jsonl", f'{{"text": "one{separator if separator > "~" else ""}two"}}\n{{"text": "3"}}\n'
    )
    assert len(read(path)[0]) == 2


def test_a_lone_carriage_return_ends_a_row_and_stays_within_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b'text,label\none,x\rtwo,y\n"th\rree",z\n')
    assert read(path)[0] == [
        {"text": "one", "label": "x"},
        {"text": "two", "label": "y"},
        {"text": "th\rree", "label": "z"},
    ]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("text,label,label", ["text", "label", "label_2"]),
        (",text,label", ["column_1", "text", "label"]),
        ("text , label,\t", ["text", "label", "column_3"]),
        ("text,2019,2020", ["text", "2019", "2020"]),
        ("0,1,2", ["0", "1", "2"]),
        ("text,la\x1b[31mbel,\u202ex", ["text", "la [31mbel", "x"]),
        ("text," + "x" * 500 + ",y", ["text", "x" * 100, "y"]),
        ("How satisfied were you with it?,b,c", ["How satisfied were you with it?", "b", "c"]),
    ],
)
def test_odd_headers(tmp_path: Path, header: str, names: list[str]) -> None:
    rows, _ = read(write(tmp_path / "a.csv", header + "\n" + "a b,5,5\n" * 12))
    assert list(rows[0]) == names
    assert len(rows) == 12


@pytest.mark.parametrize("text", ["{0},5\n", "{0},neg\n", '{0},"{0}"\n'])
def test_a_file_without_header(tmp_path: Path, text: str) -> None:
    lines = "".join(
        text.format(f"A sentence with number {n} that is long enough to be a text of its own") for n in range(20)
    )
    rows, reader = read(write(tmp_path / "a.csv", lines))
    assert len(rows) == 20
    assert list(rows[0]) == ["column_1", "column_2"]
    assert any("has no header" in each for each in reader.losses.notices())
    assert len(read(tmp_path / "a.csv", header="yes")[0]) == 19


def test_a_column_of_sentences_has_no_header(tmp_path: Path) -> None:
    rows, _ = read(write(tmp_path / "a.csv", "One two three four five.\nSix seven eight nine ten.\n"))
    assert [row["column_1"] for row in rows] == ["One two three four five.", "Six seven eight nine ten."]


def test_header_by_option(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\none,x\n")
    assert read(path, header="no")[0][0] == {"column_1": "text", "column_2": "label"}


def test_rows_of_several_lengths(tmp_path: Path) -> None:
    rows, reader = read(write(tmp_path / "a.csv", "text,year\none,1,\ntwo\nthree,3\n"))
    assert rows == [{"text": "one", "year": "1"}, {"text": "two"}, {"text": "three", "year": "3"}]
    assert any("1 row of" in each and "fewer values" in each for each in reader.losses.notices())
    assert reader.losses.n_short_rows == 1


@pytest.mark.parametrize("text", ["", "\n\n", "sep=;\n", "sep=;", "text,label\n", "\ufeff"])
def test_files_without_rows(tmp_path: Path, text: str) -> None:
    assert read(write(tmp_path / "a.csv", text))[0] == []
