"""Which tokens an edit concerns: where the running call is in prompt, generation and sentences.

Dims: B rows of the call, L tokens of each; packed calls have one row with several sentences end to end.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neurolect.errors import OptionError

NAMED = ("all", "after_first", "prompt", "generated", "last")
MATCH = "match="
_SPACE = ("\u0120", "\u2581")
"""Marks of a space before a token, of byte-level and of SentencePiece vocabularies."""


class Running(NamedTuple):
    """The call of the network that runs now."""

    number: int
    """Calls before it."""
    n_past: int
    """Tokens before it that the key-value cache holds."""
    real: Tensor
    """Which tokens are no padding: bool, shape (B, L)."""
    ends: Tensor
    """Which tokens end a sentence: bool, shape (B, L)."""
    starts: Tensor
    """Which tokens begin one: bool, shape (B, L)."""
    ids: Tensor | None
    """Token ids, shape (B, L); None where embeddings were given."""


def check_positions(positions: str) -> str:
    """Refuse a name of positions that there is not."""
    if positions in NAMED or (positions.startswith(MATCH) and positions[len(MATCH) :].strip()):
        return positions
    what = f"The positions are {positions!r}."
    raise OptionError(what, expected=f"one of {', '.join(NAMED)}, or match=WORD")


class Calls:
    """Follows the calls of a network and of its body: set the hooks before those that edit.

    Some networks with a head run parts of their body, not the body itself; so the outer call of the two counts.
    """

    def __init__(self, positions: str, *, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer of transformers
        self._positions, self._tokenizer = check_positions(positions), tokenizer
        self._prompt = 0
        self._last_ids: Tensor | None = None
        self._mask: tuple[int, Tensor] | None = None
        self._open: list[bool] = []
        self.paused = False
        self.n_calls = 0
        self.running: Running | None = None

    def before(self, _module: object, args: tuple[object, ...], kwargs: dict[str, Any]) -> None:
        """Look at what the network is called with."""
        ids = kwargs.get("input_ids", args[0] if args else None)
        given = ids if isinstance(ids, Tensor) else kwargs.get("inputs_embeds")
        inner = self.paused or any(self._open) or not isinstance(given, Tensor)
        self._open.append(not inner)
        if inner or not isinstance(given, Tensor):
            return
        n_rows, n_tokens = given.shape[:2]
        n_past = _past_of(kwargs)
        real = _real(kwargs.get("attention_mask"), n_rows, n_tokens, device=given.device)
        self._follow(ids if isinstance(ids, Tensor) else None, n_past=n_past, n_tokens=n_tokens)
        ends = _ends(real, kwargs.get("position_ids"))
        starts = _starts(real, ends) & (n_past == 0)
        self.running = Running(self.n_calls, n_past, real, ends, starts, ids if isinstance(ids, Tensor) else None)
        self._mask = None
        self.n_calls += 1

    def after(self, _module: object, _args: object, _result: object) -> None:
        """Note that a call has ended, by an error too."""
        self._open.pop()

    def _follow(self, ids: Tensor | None, *, n_past: int, n_tokens: int) -> None:
        """Find where the prompt ends: the first call is it, and so is a call that does not continue the last."""
        goes_on = n_past > 0
        if (
            not goes_on
            and ids is not None
            and self._last_ids is not None
            and self._last_ids.shape[0] == ids.shape[0]
        ):
            before = self._last_ids
            goes_on = before.shape[1] < n_tokens and torch.equal(ids[:, : before.shape[1]], before)
        if not goes_on:
            self._prompt = n_tokens
        self._last_ids = None if ids is None or n_past else ids

    def mask(self) -> Tensor:
        """Say which tokens of the running call are edited: bool, shape (B, L)."""
        running = self.running
        if running is None:
            what = "A module of the network ran outside of a call of it."
            raise OptionError(what, expected="the network itself to be run inside the `with`")
        if self._mask is None or self._mask[0] != running.number:
            self._mask = (running.number, running.real & self._wanted(running))
        return self._mask[1]

    def _wanted(self, running: Running) -> Tensor:
        everything = torch.ones_like(running.real)
        if self._positions == "all":
            return everything
        if self._positions == "after_first":
            return ~running.starts
        if self._positions == "last":
            return running.ends
        if self._positions in ("prompt", "generated"):
            place = running.n_past + torch.arange(running.real.shape[1], device=running.real.device)
            in_prompt = (place < self._prompt).expand_as(everything)
            return in_prompt if self._positions == "prompt" else ~in_prompt
        return self._matching(running)

    def _matching(self, running: Running) -> Tensor:
        """Find the tokens of a word; in generation only words of one token, for what came before is not at hand."""
        if running.ids is None:
            what = "Words cannot be matched where the network is given embeddings."
            raise OptionError(what, expected="input_ids")
        word = self._positions[len(MATCH) :]
        found = torch.zeros_like(running.real)
        for row, ids in enumerate(running.ids.tolist()):
            for start, stop in _occurrences(self._tokenizer, ids, word):
                found[row, start:stop] = True
        return found


def _past_of(kwargs: dict[str, Any]) -> int:
    """Count the tokens in the key-value cache; transformers has called it by several names."""
    for each in kwargs.values():
        if hasattr(each, "get_seq_length"):
            return int(each.get_seq_length())
    past = kwargs.get("past_key_values")
    return int(past[0][0].shape[-2]) if past else 0


def _real(mask: object, n_rows: int, n_tokens: int, *, device: torch.device) -> Tensor:
    """Read which tokens are no padding; the mask of a call with a cache covers the cached tokens too."""
    if isinstance(mask, Tensor) and mask.ndim == 2 and mask.shape[0] == n_rows and mask.shape[1] >= n_tokens:
        return mask[:, -n_tokens:].to(device=device, dtype=torch.bool)
    return torch.ones((n_rows, n_tokens), dtype=torch.bool, device=device)


def _ends(real: Tensor, position_ids: object) -> Tensor:
    """Find the last token of every row, and of every sentence of a packed row, where positions start again."""
    following = torch.zeros_like(real)
    following[:, :-1] = real[:, 1:]
    later = following.flip(1).cummax(1).values.flip(1) if real.shape[1] > 1 else following
    ends = real & ~later
    packed = isinstance(position_ids, Tensor) and position_ids.ndim == 2 and position_ids.shape == real.shape
    if packed and real.shape[0] == 1 and isinstance(position_ids, Tensor):
        starts = torch.zeros_like(real)
        starts[:, :-1] = position_ids[:, 1:] <= position_ids[:, :-1]
        ends = ends | (starts & real)
    return ends


def _starts(real: Tensor, ends: Tensor) -> Tensor:
    """Find the first token of every row, and in a packed row the one after a sentence that ends."""
    first = real & (real.long().cumsum(1) == 1)
    after = torch.zeros_like(real)
    after[:, 1:] = ends[:, :-1]
    return first | (after & real)


def _occurrences(tokenizer: Any, ids: list[int], word: str) -> list[tuple[int, int]]:  # noqa: ANN401 - transformers'
    """Find the runs of tokens that spell a word, whole: what is next to it is no letter or digit."""
    pieces = [tokenizer.decode([each]) for each in ids]
    plain = tokenizer.convert_ids_to_tokens(ids)
    marked = marks_spaces(tokenizer)
    texts = [_spelled(piece, token, marks_spaces=marked) for piece, token in zip(pieces, plain, strict=True)]
    whole, starts = "".join(texts), []
    at = 0
    for text in texts:
        starts.append(at)
        at += len(text)
    starts.append(at)
    found = []
    place = whole.find(word)
    while place >= 0:
        end = place + len(word)
        alone = not (place and whole[place - 1].isalnum()) and not (end < len(whole) and whole[end].isalnum())
        if alone:
            first = next(i for i in range(len(texts)) if starts[i + 1] > place)
            last = next(i for i in range(len(texts)) if starts[i + 1] >= end)
            found.append((first, last + 1))
        place = whole.find(word, place + 1)
    return found


def _spelled(piece: str, token: str, *, marks_spaces: bool) -> str:
    """Give a token's text with the space before it, where there is one."""
    if marks_spaces:  # byte-level and SentencePiece vocabularies
        return " " + piece.lstrip(" ") if token.startswith(_SPACE) else piece
    return piece.removeprefix("##") if token.startswith("##") else f" {piece}"


def marks_spaces(tokenizer: Any) -> bool:  # noqa: ANN401 - transformers'
    """Say whether the vocabulary marks tokens that begin after a space, rather than those that go on a word."""
    return any(token.startswith(_SPACE) for token in tokenizer.get_vocab())
