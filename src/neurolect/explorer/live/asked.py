"""Questions to the model: bounded in length and rate, one at a time, of the model that the run is of."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurolect.errors import ModelError, OptionError
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.plain import plain
from neurolect.explorer.answers.source import Answers
from neurolect.explorer.live.rate import Rate
from neurolect.explorer.options import ServeOptions
from neurolect.store.stages import recorded_options

if TYPE_CHECKING:  # a server without a model does without its library, which takes 200 MB
    from neurolect.model import Model, ModelOptions

LONGEST_CHANGE = 200
KINDS = ("sentence", "neuron", "edit")


class LiveModel:
    """The model of a server; loaded when it is first asked."""

    def __init__(self, answers: Answers, options: ServeOptions) -> None:
        self._answers, self._options = answers, options
        self._rate = Rate(options.model_requests)
        self._one_at_a_time = threading.Lock()
        self._loaded: dict[ModelOptions, Model] = {}

    def answer(self, kind: str, given: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a visitor sends
        """Answer ``sentence`` (text), ``neuron`` (text, address) or ``edit`` (text, change)."""
        if self._answers.model is None:
            what = "No model is loaded."
            raise OptionError(what, hint="Serve with one: neurolect serve RUN --model MODEL")
        if kind not in KINDS or not isinstance(given, Mapping):
            what = f"Nothing is known of {kind!r}."
            raise OptionError(what, expected=", ".join(KINDS))
        text = _text(given, "text", self._options.sentence_characters)
        of = self._answers.run(_text(given, "run", 9) if isinstance(given.get("run"), str) else _number(given))
        self._rate.take()
        with self._one_at_a_time:
            found: dict[str, Any] = plain(self._answer(kind, of, text, given))
        return found

    def _answer(self, kind: str, of: OpenedRun, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
        from neurolect.explorer.live import editing, reading

        model = self._model(of)
        if kind == "sentence":
            return reading.sentence(of, model, text)
        if kind == "neuron":
            return reading.neuron(of, model, text, _text(given, "address", LONGEST_CHANGE))
        return editing.edited(of, model, text, _text(given, "change", LONGEST_CHANGE))

    def _model(self, of: OpenedRun) -> "Model":
        """Load the model with the run's own options; refuse one that the run is not of."""
        from neurolect.model import ModelOptions
        from neurolect.model.load import load_with_head

        run = of.run()
        options = recorded_options(run.manifest, "model", ModelOptions)
        if options not in self._loaded:
            self._loaded[options] = load_with_head(str(self._answers.model), options=options)
        model = self._loaded[options]
        known = run.manifest["model"].get("fingerprint")
        if known and model.fingerprint and known != model.fingerprint:
            what = f"{self._answers.model} is not the model that {of.folder.name} was collected with."
            raise ModelError(what, expected=run.manifest["model"]["name"])
        return model


def _text(given: Mapping[str, Any], name: str, longest: int) -> str:
    """Take a text of a request."""
    text = given.get(name)
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        what = f"The {name} is missing or empty."
        if isinstance(text, str) and text.strip():
            what = f"The {name} has {len(text):,} characters."
        raise OptionError(what, expected=f"1 to {longest:,} characters")
    return text.encode("utf-8", "replace").decode()  # half characters, as in what is answered


def _number(given: Mapping[str, Any]) -> int:
    number = given.get("run", 0)
    if type(number) is not int:
        what = "The number of the run is no number."
        raise OptionError(what, expected="a number from 0")
    return number
