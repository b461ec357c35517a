"""What asking will cost, before anything is asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from neurolect.naming.answers import AnswerStore
from neurolect.naming.endpoint import checked_url
from neurolect.naming.options import LIST, NameOptions
from neurolect.naming.plan import Plan, make_plan
from neurolect.naming.questions import Question, read_name
from neurolect.progress import Progress
from neurolect.store import Run, open_run
from neurolect.store.stages import recorded_options

CHARACTERS = 4
"""Characters that are counted as one token: nobody knows every server's tokenizer."""
_LENGTH = 60
"""Characters of a name that is not there yet."""


class Cost(NamedTuple):
    """Questions and tokens, by the rule of four characters a token."""

    n_lists: int
    """Lists that are named."""
    n_judged: int
    """Those of them that have held-out sentences to judge names on."""
    n_names: int
    """Questions for names that have no answer yet."""
    n_fits: int
    """Questions which sentences fit that have no answer yet."""
    n_answered: int
    """Questions that have one."""
    tokens_in: int
    """Of the questions, about."""
    most_tokens_out: int
    """Of the answers, at most."""
    endpoint: str | None = None
    """The server that would be asked."""
    ask: str = LIST
    """What a judge is asked at a time: the whole list of sentences, or one."""


def name_cost(
    run: Run | str | Path,
    *,
    model: str,
    endpoint: str | None = None,
    neurons: Sequence[str] = (),
    options: NameOptions | None = None,
    progress: Progress | None = None,
) -> Cost:
    """Say what :func:`name_neurons` would ask; nothing is asked and nothing is written.

    Parameters
    ----------
    run : Run, str or Path
        A described run with a held-out part.
    model : str
        The model that names.
    endpoint : str, optional
        The server that would be asked; its address is checked.
    neurons : sequence of str
        Addresses, as for :func:`name_neurons`.
    options : NameOptions, optional
        The run's own when not given.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Cost
        Numbers of questions and of tokens. Answers that are there already cost nothing.

    Raises
    ------
    RunFolderError
        If the run has not been described or has no held-out sentences.
    NeuronAddressError
        If there is no such neuron.
    OptionError
        If the endpoint is no address of a server.
    """
    url = None if endpoint is None else checked_url(endpoint)
    run = open_run(run)
    options = options or recorded_options(run.manifest, "name", NameOptions)
    plan = make_plan(run, model=model, neurons=neurons, options=options, progress=progress)
    store = AnswerStore(run.folder)
    return cost_of(plan, store)._replace(endpoint=url)


def cost_of(plan: Plan, store: AnswerStore) -> Cost:
    """Count the questions of a plan that are not answered."""
    names: dict[str, Question] = {}
    fits: dict[str, Question] = {}  # by key: a sentence that is there twice is one question
    n_answered = 0
    for each in plan.lists:
        found = store.get(each.question)
        n_answered += found is not None
        if found is None:
            names[each.question.key] = each.question
        some, other = (f"{each.neuron_id:{sign}<{_LENGTH}}" for sign in "xy")  # names that are not there yet
        name = some if found is None else read_name(found["answer"])
        # the control is another list's name, about as long
        for description in (name, each.automatic, name and other if len(plan.lists) > 1 else None):
            for question in plan.fits(each, description) if description else ():
                if store.get(question) is not None:
                    n_answered += 1
                else:
                    fits[question.key] = question
    n_judged = sum(each.judged is not None for each in plan.lists)
    asked = [*names.values(), *fits.values()]
    most = sum(question.max_tokens for question in asked)
    return Cost(
        len(plan.lists), n_judged, len(names), len(fits), n_answered, _tokens(asked), most, ask=plan.options.ask
    )


def _tokens(questions: Sequence[Question]) -> int:
    return sum(-(-len(each.text) // CHARACTERS) for each in questions)
