"""Read plain text files as documents."""

from collections.abc import Iterator
from pathlib import PurePath

from neurolect.corpus.decode import Decoder
from neurolect.corpus.options import TextDocuments
from neurolect.corpus.sources import Source
from neurolect.remote import place

LARGE_FILE = 200_000
GROUP = 10_000
BLOCK = 1 << 20


def read_text(
    source: Source, *, decoder: Decoder, documents: TextDocuments = "auto"
) -> Iterator[dict[str, object]]:
    """Read one text file.

    ``documents``: What a document is. Under ``"auto"`` a file of up to 200,000 bytes is one; a larger one is cut
        into groups of paragraphs of about 10,000 characters, so that memory is bounded and a part of it can be set
        aside.
    Yields: ``text``, ``file`` (its name without endings) and ``folder`` (its place under the source; not at the
        top).
    """
    path = place(source.name)
    metadata: dict[str, object] = {"file": path.name.split(".")[0] or path.name}
    folder = path.parent.relative_to(source.root) if path.parent.is_relative_to(source.root) else PurePath()
    if folder.parts:
        metadata["folder"] = folder.as_posix()
    if documents == "auto":
        documents = "file" if path.stat().st_size <= LARGE_FILE else "auto"
    if documents == "file":
        texts = iter(["".join(decoder.blocks(path, size=BLOCK))])
    elif documents == "line":
        texts = decoder.lines(path)
    else:
        texts = _groups(decoder.blocks(path, size=BLOCK), size=GROUP if documents == "auto" else 0)
    for text in texts:
        if text.strip():
            yield {"text": text, **metadata}


def _groups(blocks: Iterator[str], *, size: int) -> Iterator[str]:
    """Join paragraphs until there are more than ``size`` characters; text without blank lines goes by lines."""
    group: list[str] = []
    n = 0
    for block in blocks:
        for paragraph in block.replace("\r\n", "\n").split("\n\n"):
            pieces = paragraph.splitlines(keepends=True) if 0 < size < len(paragraph) else [paragraph]
            for piece in pieces:
                group.append(piece)
                n += len(piece)
                if n > size:
                    yield _joined(group)
                    group, n = [], 0
    if group:
        yield _joined(group)


def _joined(pieces: list[str]) -> str:
    return "".join(piece if piece.endswith("\n") else piece + "\n\n" for piece in pieces)
