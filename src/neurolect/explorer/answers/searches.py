"""Questions to a run: a word, a pattern, a tag, a regular expression, a field, a label of any kind."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.plain import plain, shortened
from neurolect.finding import find
from neurolect.finding.criteria import Asked, find_sentences
from neurolect.store import Run
from neurolect.store.sentence_index import SentenceIndex

ASKED = ("word", "pattern", "tag", "regex", "where", "has", "subtree")
"""What `find` takes; everything is matched by the run's index or by RE2, whose time is linear in the text."""
OF_SENTENCES = {"word", "pattern", "regex", "where"}
"""Those that a sentence has or has not."""
LONGEST, MOST = 500, 200
"""Characters of a question, and neurons of an answer."""
LIMIT = 20
EXAMPLE = 240
SCORES = ("evidence", "score", "n_list", "share_list", "share_background", "lift", "log_odds_z", "name")


def ask(of: OpenedRun, given: Mapping[str, str]) -> dict[str, Any]:
    """Answer a question: the neurons whose lists have the most of it, with their evidence."""
    unknown = [name for name in given if name not in (*ASKED, "side", "limit")]
    asked = {name: given[name].strip() for name in ASKED if given.get(name, "").strip()}
    if unknown or not asked:
        what = f"A question has no {unknown[0]!r}." if unknown else "Nothing is asked for."
        raise OptionError(what, expected=f"one or more of {', '.join(ASKED)}")
    for name, text in asked.items():
        if len(text) > LONGEST:
            what = f"The question's {name} has {len(text):,} characters."
            raise OptionError(what, expected=f"at most {LONGEST}")
    run = of.run()
    table = find(run, **asked, side=given.get("side") or None, limit=_limit(given))
    rows, holders = [], _holders(run, asked)
    for row in table.to_pylist():
        kept = {name: row[name] for name in SCORES if name in row}
        kept["z"] = kept.pop("log_odds_z", None)
        rows.append(
            {"address": row["address"], "side": row["side"], **kept, "example": _example(run, row, holders)}
        )
    found: dict[str, Any] = plain({"rows": rows, "error": None})
    return found


def _limit(given: Mapping[str, str]) -> int:
    text = given.get("limit") or str(LIMIT)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= MOST):
        what = f"The limit is {shortened(text, 40)!r}."
        raise OptionError(what, expected=f"1 to {MOST}")
    return int(text)


def _holders(run: Run, asked: Mapping[str, Any]) -> NDArray[np.int64] | None:
    """Give the ids of the kept sentences that have what is asked for; None where a table answers."""
    if not {*asked} <= OF_SENTENCES:
        return None
    found = find_sentences(Asked()._replace(**asked), run=run, index=SentenceIndex(run.files))
    ids = run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
    return np.asarray(ids[found.rows])


def _example(run: Run, row: dict[str, Any], holders: NDArray[np.int64] | None) -> str | None:
    """Give the strongest sentence of a list, of those that have what is asked for where that is known."""
    neuron = run.neuron(row["address"])
    listed = run.rows(f"lists/{row['side']}", neuron_id=neuron.neuron_id).column("sentence_id").to_numpy()
    having = listed if holders is None else listed[np.isin(listed, holders)]
    if not len(having):
        return None
    return shortened(run.take_sentences(having[:1]).column("text")[0].as_py(), EXAMPLE)
