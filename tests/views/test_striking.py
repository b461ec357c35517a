from neurolect.store import Run
from neurolect.views import striking


def test_one_neuron_a_kind_and_none_twice(example_run: Run) -> None:
    found = {each.kind: each for each in striking(example_run)}
    assert len(found) == len(striking(example_run))
    assert len({each.neuron_id for each in found.values()}) == len(found)
    assert (found["domain"].address, found["domain"].evidence) == ("hidden.1.2", "fiction")
    assert (found["party"].address, found["party"].evidence) == ("hidden.1.5", "Republican")
    assert found["sentiment"].address == "hidden.1.6"
    assert found["part of speech"].evidence == "NN"
    assert (found["sentence length"].address, found["sentence length"].evidence) == ("hidden.1.4", "long sentences")
    assert found["phrase"].evidence == "of the"


def test_a_kind_nothing_stands_out_in_is_left_out(example_run: Run) -> None:
    assert "year" not in {each.kind for each in striking(example_run)}


def test_limit_keeps_the_first_kinds(example_run: Run) -> None:
    assert striking(example_run, limit=2) == striking(example_run)[:2]
