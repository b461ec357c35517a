"""The name stage: the same judge for all names, nothing asked twice, nothing lost, the key nowhere."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.errors import EndpointError, NeuronAddressError, OptionError, RunFolderError
from neurolect.naming import NameOptions, name_cost, name_neurons
from neurolect.naming.answers import ANSWERS
from neurolect.naming.endpoint import KEY, RATE, Endpoint
from neurolect.naming.judging import NONSENSE_FIT
from neurolect.naming.questions import read_name
from neurolect.naming.sentences import HeldOut
from neurolect.naming.stage import NONSENSE_NAME
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run
from neurolect.verification import verify
from neurolect.views.texts.names import names_of_run
from tests.documented_folder import check_folder
from tests.fidelity.scored_run import CONSTANT, GOLDEN, NOISE, RECIPE
from tests.naming.stub_server import Reply, by_word, completion, is_fit, sentences_of, serving

SECRET = "sk-very-secret-123"
FAST = NameOptions(shown=8, contrast=3, judged=6, retries=0, longest_wait=0.0, n_bootstrap=50)


def named(folder: Path, url: str, *, model: str = "m", options: NameOptions = FAST, **more: Any) -> Run:
    return name_neurons(folder, endpoint=url, model=model, options=options, **more)


def rows_of(run: Run) -> dict[int, dict[str, Any]]:
    return {row["neuron_id"]: row for row in run.table("names/neurons").to_pylist()}


def test_names_are_judged_next_to_the_automatic_ones(folder: Path) -> None:
    with serving(by_word) as stub:
        run = named(folder, stub.url)
        prompts = stub.prompts
    rows = rows_of(run)
    assert CONSTANT not in rows  # chosen at random, but no constant one
    recipe = rows[RECIPE]
    assert recipe["score"] > 0.8
    assert recipe["score_low"] < recipe["score"] <= recipe["score_high"]
    assert rows[recipe["other_id"]]["name"] != recipe["name"]
    fits = [prompt for prompt in prompts if is_fit(prompt)]
    read = Counter(frozenset(sentences_of(each)) for each in fits)
    assert set(read.values()) == {2, 3}  # each name of a list on the same sentences; one has no automatic name
    judged = HeldOut(run, FAST).judged(RECIPE)
    assert judged is not None
    values = run.array("held_out/activations")[RECIPE]
    ids = run.table("held_out/sentences").column("sentence_id").to_pylist()
    highest = {ids[row] for row in np.argsort(-values, kind="stable")[:6]}
    assert {each for each, fit in zip(judged.sentence_ids, judged.fits, strict=True) if fit} == highest
    assert len(set(judged.sentence_ids)) == 12
    below = [act for act, fit in zip(judged.activations, judged.fits, strict=True) if not fit]
    assert max(below) <= np.median(values)
    found = names_of_run(run)
    assert found["means"]["score"]["n"] == len(rows)
    assert found["chance"] == 0.5
    assert not verify(run.folder).damaged
    assert check_folder(run.folder, page="run_folder.md", below="names")


def test_no_prompt_says_which_sentences_fit(folder: Path) -> None:
    """Neither order nor number of sentences, nor what a list was described from."""
    run = Run(folder)
    held_out = HeldOut(run, FAST)
    firsts = [held_out.judged(each) for each in (RECIPE, GOLDEN, NOISE)]
    orders = {tuple(each.fits.tolist()) for each in firsts if each is not None}
    assert len(orders) > 1
    assert all(each.fits.sum() == 6 for each in firsts if each is not None)
    listed = set(run.table("lists/top").column("sentence_id").to_pylist())
    assert all(listed.isdisjoint(each.sentence_ids) for each in firsts if each is not None)


def test_the_cost_is_what_is_asked(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    cost = name_cost(folder, model="m", options=FAST)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with serving(by_word) as stub:
        named(folder, stub.url)
        assert len(stub.asked) == cost.n_names + cost.n_fits
        tokens = sum(len(each) for each in stub.prompts) / 4
    assert 0.8 < cost.tokens_in / tokens < 1.25
    after = name_cost(folder, model="m", options=FAST)
    assert after.n_names == 0


def test_nothing_is_asked_twice(folder: Path) -> None:
    with serving(by_word) as stub:
        one = named(folder, stub.url, neurons=["hidden.1.0", "hidden.1.1"])
        n, first = len(stub.asked), rows_of(one)
        named(folder, stub.url, neurons=["hidden.1.0", "hidden.1.1"])
        assert len(stub.asked) == n
        kept = rows_of(named(folder, stub.url, neurons=["hidden.1.4"]))
        assert len({json.dumps(each) for each in stub.asked}) == len(stub.asked)
        assert len(stub.asked) > n
        other = named(folder, stub.url, model="n", neurons=["hidden.1.0"])
    assert {key: kept[key] for key in first} == first
    models = other.table("names/neurons").column("model").to_pylist()
    assert Counter(models) == {"m": 3, "n": 1}


def test_a_kill_loses_no_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a power cut in the middle of a line: what came before is not asked again, and the result is the same."""
    with serving(by_word) as stub:
        whole = rows_of(named(Path(shutil.copytree(folder, folder.with_name("whole"))), stub.url))
        n = len(stub.asked)
    asks, ask = [], Endpoint.ask

    def killed(self: Endpoint, question: Any) -> Any:
        asks.append(question)
        if len(asks) == 6:
            raise KeyboardInterrupt
        return ask(self, question)

    monkeypatch.setattr(Endpoint, "ask", killed)
    with serving(by_word) as stub, pytest.raises(KeyboardInterrupt):
        named(folder, stub.url)
    assert not Run(folder).is_current("name")
    monkeypatch.setattr(Endpoint, "ask", ask)
    answers = folder / ANSWERS
    lines = answers.read_bytes().splitlines(keepends=True)
    assert len(lines) == 5
    answers.write_bytes(b"".join(lines[:4]) + lines[4][:50])
    with serving(by_word) as stub:
        again = rows_of(named(folder, stub.url))
        assert len(stub.asked) == n - 4
    untimed = [{key: row | {"asked": None} for key, row in rows.items()} for rows in (whole, again)]
    assert untimed[0] == untimed[1]


def test_several_at_once_give_the_same(folder: Path) -> None:
    with serving(by_word) as stub:
        one = rows_of(named(Path(shutil.copytree(folder, folder.with_name("one"))), stub.url))
        several = rows_of(named(folder, stub.url, options=NameOptions(**_plain(FAST) | {"at_once": 4})))
    columns = ("name", "score", "automatic_score", "other_score", "other_id")
    assert {key: [row[each] for each in columns] for key, row in one.items()} == {
        key: [row[each] for each in columns] for key, row in several.items()
    }


def _plain(options: NameOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__slots__}


def test_what_fails_is_counted_and_the_rest_kept(folder: Path) -> None:
    """A server that limits the rate after a while; the same command later asks what is missing."""
    with serving(lambda prompt, n: by_word(prompt) if n < 5 else Reply(b"{}", 429)) as stub:
        with pytest.raises(EndpointError, match=rf"does not answer: {RATE}(.|\n)*5 answers came before"):
            named(folder, stub.url)
        assert len(stub.asked) == 8  # three in a row that fail, and it is left alone
    run = Run(folder)
    found = names_of_run(run)
    assert found["failures"] == {RATE: 3}
    assert any(row["name"] for row in found["rows"])
    with serving(by_word) as stub:
        named(folder, stub.url)
    assert all(row["score"] is not None for row in names_of_run(Run(folder))["rows"])


def test_a_server_that_is_not_there_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for answer in (
        lambda *_: Reply(b"<html>Hello</html>"),
        lambda *_: Reply(b"busy", 503),
        lambda *_: Reply(b"", 401),
        lambda *_: Reply(b"", 301, (("Location", "https://else"),)),
    ):
        with serving(answer) as stub, pytest.raises(EndpointError, match="http://127"):
            named(folder, stub.url)
    assert before == {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_answers_that_are_none_are_counted(folder: Path) -> None:
    with serving(lambda prompt, _: completion("I like them all!" if is_fit(prompt) else "NAME: food")) as stub:
        found = names_of_run(named(folder, stub.url, neurons=["hidden.1.0"]))
    assert found["failures"] == {NONSENSE_FIT: 2}
    assert found["means"]["score"] is None
    with serving(lambda prompt, _: completion("...")) as stub:
        found = names_of_run(named(folder, stub.url, model="n", neurons=["hidden.1.0"]))
    assert found["failures"] == {NONSENSE_NAME: 1}
    assert found["rows"][0]["failed"] == NONSENSE_NAME
    assert found["rows"][0]["name"] is None


def test_the_key_is_in_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)
    with serving(lambda *_: completion(f"NAME: Bearer {SECRET}")) as stub:
        run = named(folder, stub.url, neurons=["hidden.1.0"])
        assert set(stub.keys) == {f"Bearer {SECRET}"}
    for path in folder.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
    assert rows_of(run)[RECIPE]["name"] == "Bearer"  # stars are taken for marks of emphasis


def test_answers_are_untrusted(folder: Path) -> None:
    evil = "NAME: <script>alert(1)</script>\x1b[31m\u202egnp.exe"
    with serving(lambda *_: completion(evil)) as stub:
        run = named(folder, stub.url, neurons=["hidden.1.0"])
    assert rows_of(run)[RECIPE]["name"] == "<script>alert(1)</script>\\x1b[31m\\u202egnp.exe"
    stored = (folder / ANSWERS).read_bytes()
    assert b"\x1b" not in stored
    assert "\u202e".encode() not in stored
    assert json.loads(stored.splitlines()[0])["answer"] == evil


def test_another_description_makes_names_stale_and_asks_only_what_is_new(folder: Path) -> None:
    with serving(by_word) as stub:
        named(folder, stub.url)
        n = len(stub.asked)
        options = DescribeOptions(tagger="none", vectors="none", min_z=3.0)
        run = describe(Run(folder), options=options)
        assert not run.is_current("name")
        with pytest.raises(RunFolderError, match=r"earlier state(.|\n)*neurolect name "):
            run.table("names/neurons")
        again = named(folder, stub.url)
        assert again.is_current("name")
        new = stub.prompts[n:]
    assert all(is_fit(each) for each in new)  # lists are the same: names need not be asked for


def test_bad_input(folder: Path, tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/v1"
    with pytest.raises(NeuronAddressError, match=r"hidden\.1\.99"):
        named(folder, url, neurons=["hidden.1.99"])
    with pytest.raises(NeuronAddressError, match="mush"):
        named(folder, url, neurons=["mush"])
    with pytest.raises(OptionError, match=r"--model is ' '"):
        named(folder, url, model=" ")
    with pytest.raises(OptionError, match=r"name\.judge"):
        named(folder, url, options=NameOptions(judge="a\nb"))
    with pytest.raises(OptionError, match=r"name\.side is 'left'"):
        NameOptions(side="left")
    shutil.rmtree(folder / "held_out")
    with pytest.raises(RunFolderError, match="no held-out sentences"):
        named(folder, url)
    with pytest.raises(RunFolderError, match="no such folder"):
        named(tmp_path / "nothing", url)


def test_names_by_thinking_models() -> None:
    assert read_name("<think>\nNAME: no\n</think>\n\nNAME: yes") == "yes"
