"""Which questions there are: of every list one for a name, then one for each name that is judged."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from neurolect.errors import OptionError
from neurolect.naming.options import SENTENCE, NameOptions
from neurolect.naming.questions import LONGEST_NAME, Question, fit_text, name_text
from neurolect.naming.sentences import HeldOut, Judged, choose_neurons, shown_sentences
from neurolect.naming.yes_no import LIKELY, yes_text
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.counting.names import DOT, NO_THEME
from neurolect.store import Run


class ListToName(NamedTuple):
    """A list that a name is asked for."""

    neuron_id: int
    address: str
    automatic: str | None
    """The name made from evidence; None where there is no clear theme."""
    question: Question
    judged: Judged | None
    """What its names are judged on; None where there are too few held-out sentences, or it is constant."""


class Plan(NamedTuple):
    """What is asked whom."""

    lists: list[ListToName]
    options: NameOptions
    model: str
    judge: str
    widths: list[int]
    """Neurons of every site and layer, in order."""

    def fits(self, each: ListToName, description: str) -> tuple[Question, ...]:
        """Ask which of a list's held-out sentences fit a description: one question, or one a sentence.

        Returns: Nothing where it is not judged. The questions are in the order of the sentences.
        """
        options, texts = self.options, () if each.judged is None else each.judged.texts
        if options.ask == SENTENCE:
            asked = (yes_text(description, text) for text in texts)
            return tuple(
                Question(self.judge, text, options.yes_tokens, options.temperature, LIKELY) for text in asked
            )
        if not texts:
            return ()
        return (Question(self.judge, fit_text(description, texts), options.line_tokens, options.temperature),)


def make_plan(
    run: Run, *, model: str, neurons: Sequence[str], options: NameOptions, progress: Progress | None = None
) -> Plan:
    """Read what is asked from a run; refuse a run that lacks it."""
    for name, value in (("--model", model), ("name.judge", options.judge)):
        if value is not None and (not value.strip() or not value.isprintable() or len(value) > 300):
            what = f"{name} is {value[:80]!r}."
            raise OptionError(what, expected="the name of a model as the endpoint knows it")
    held_out = HeldOut(run, options)
    chosen = choose_neurons(run, neurons, options).tolist()
    lists = []
    with (progress or NullProgress()).task("sentences", total=len(chosen), unit="neurons") as task:
        for neuron_id in chosen:
            neuron = run.neuron(run.index.address(neuron_id))
            summary = neuron.rows("signatures/summary", side=options.side)
            automatic = _automatic_name(summary)
            listed, contrast = shown_sentences(neuron, options)
            task.advance()
            if not listed:
                continue
            text = name_text(listed, contrast, side=options.side)
            question = Question(model, text, options.line_tokens, options.temperature)
            shown = automatic[:LONGEST_NAME] if automatic else None
            lists.append(ListToName(neuron_id, neuron.address, shown, question, held_out.judged(neuron_id)))
    widths = [int(each["width"]) for each in run.manifest["model"]["sites"]]
    return Plan(lists, options, model, options.judge or model, widths)


def _automatic_name(summary: pa.Table) -> str | None:
    """Give the name made from evidence, without saying that there is no clear theme; None where that is all."""
    name = (summary.column("name")[0].as_py() or "") if summary.num_rows else ""
    return str(name).removeprefix(NO_THEME).removeprefix(DOT) or None
