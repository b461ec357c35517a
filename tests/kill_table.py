"""Kill one verb at random moments, again and again, and compare what it leaves with an undisturbed run.

``python -m tests.kill_table VERB N_KILLS SEED FOLDER`` prints a line of JSON for every kill: the signal, the moment
(``writing``: right after something changed on disk; ``any``), seconds, exit status; then ``{"same": true}``.
Everything is imported once, and every start is a fork.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import torch
import transformers

from neurolect.collector import collect
from neurolect.corpus import open_corpus, prepare
from neurolect.model import ModelOptions, load_model
from neurolect.pipeline import run
from neurolect.probing import ActivationsOptions, rank_activations, read_activations
from neurolect.results import write_ranking
from neurolect.signatures import DescribeOptions
from neurolect.variants import variant
from tests.collector.kill_driver import start, wait
from tests.interventions.steering.concepts import films_and_banks
from tests.interventions.steering.test_switches import FORMS, write_pairs
from tests.probing.treebanks import sentences, write_treebank
from tests.test_disjoint import CONFIG
from tests.tiny_corpora import write_documents
from tests.tiny_models import tiny_network, tiny_tokenizer, write_tiny_bert

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
WRITING = 0.7
"""Share of kills right after something changed on disk."""


class Row(NamedTuple):
    """A verb with its arguments, and the input that it changes in place, if it does."""

    command: str
    """``GIVEN`` is the folder of inputs, ``OWN`` that of this verb."""
    copies: str | None = None


OF_LISTS = " --set=collect.list_size=20 --set=collect.sample_size=90 --set=collect.activation_sample_size=50"
OF_LISTS += " --set=collect.checkpoint_seconds=0 --set=collect.chunk_sentences=60"
OF_WORDS = " --workers=1 --set=describe.tagger=none --set=describe.vectors=none"
OF_SCORES = " --set=fidelity.top_share=0.2 --set=fidelity.min_positives=2 --set=fidelity.n_bootstrap=20"
OF_RELATIONS = " --workers=1 --set=relate.n_draws=5 --set=relate.n_starts=2 --set=relate.perplexity=5"
OF_RELATIONS += " --set=relate.groups=3 --set=relate.diversity_groups=1,2"
ROWS = {
    "prepare": Row("prepare GIVEN/documents.jsonl --out OWN/out --workers=1"),
    "collect": Row("collect GIVEN/bert GIVEN/corpus --out OWN/out" + OF_LISTS),
    "merge": Row("merge GIVEN/shard0 GIVEN/shard1 --out OWN/out"),
    "describe": Row("describe OWN/out --set=fidelity.after_describe=false" + OF_WORDS, copies="collected"),
    "run": Row("run GIVEN/bert GIVEN/documents.jsonl --out OWN/out" + OF_LISTS + OF_WORDS + OF_SCORES),
    "fidelity": Row("fidelity OWN/out --workers=1" + OF_SCORES, copies="described"),
    "edit cause": Row(
        "edit cause OWN/out --workers=1 --set=cause.n_sentences=5 --set=cause.n_bootstrap=20", "scored"
    ),
    "edit align": Row(
        "edit align OWN/out --set=align.neurons=10 --set=align.longest=2 --set=align.n_random=10", "scored"
    ),
    "relate": Row("relate OWN/out" + OF_RELATIONS, copies="scored"),
    "tokens": Row("tokens OWN/out --model GIVEN/bert", copies="scored"),
    "variant": Row("variant GIVEN/bert random --out OWN/out"),
    "compare": Row("compare GIVEN/collected GIVEN/random --out OWN/out"),
    "report": Row("report GIVEN/scored --out OWN/out/report.html"),
    "plot": Row("plot GIVEN/scored ranks --by length --out OWN/out/ranks.png"),
    "edit ablate": Row(
        "edit ablate GIVEN/bert --neurons hidden.1 --each --on GIVEN/corpus --out OWN/out/each.parquet"
    ),
    "subset": Row("subset GIVEN/scored --out OWN/out --sentences 40 --corpus GIVEN/corpus"),
    "export": Row("export GIVEN/scored hidden.1.3 --out OWN/out/list.jsonl"),
    "probing activations": Row(
        "probing activations GIVEN/bert GIVEN/treebank.jsonl --out OWN/out --concept tags --sites=hidden,mlp"
        " --set=activations.min_train=5 --set=activations.min_test=1 --set=activations.shard_mb=1"
    ),
    "probing fit": Row("probing fit GIVEN/acts --method=linear --out OWN/out --set=probe.units=500"),
    "probing judge": Row(
        "probing judge GIVEN/acts GIVEN/probeless.parquet --out OWN/out --set=judge.units=500 --set=judge.sizes=1,5"
        " --set=judge.n_random=1 --set=judge.n_stability=0 --set=judge.n_bootstrap=20"
    ),
    "probing all": Row(
        "probing all GIVEN/bert GIVEN/treebank.jsonl --out OWN/out --concept tags --set=activations.min_train=5"
        " --set=activations.min_test=1 --set=probe.units=500 --preset=reduced --set=protocol.grid=0"
        " --set=protocol.n_resamples=2 --set=protocol.max_sets=2 --set=protocol.n_bootstrap=20"
    ),
    "rank": Row("rank GIVEN/scored --by length --out OWN/out/ranking.parquet"),
    "writes": Row("writes OWN/out --neurons mlp.1,mlp.2", copies="of llama"),
    "edit steer": Row(
        "edit steer GIVEN/llama --concept GIVEN/texts.csv --label topic=film --out OWN/out --prompt the --top 2,4"
        " --set=steer.strengths=1,3 --set=steer.tokens=4 --set=steer.draws=2 --set=steer.n_bootstrap=50"
        " --set=steer.rank_texts=12 --set=steer.judge_texts=12 --set=steer.dev_texts=3 --set=steer.test_texts=6"
        " --set=steer.sites=mlp"
    ),
    "edit switch": Row(
        "edit switch GIVEN/llama GIVEN/pairs.csv --top 1,2 --out OWN/out/found.parquet --set=switch.pairs=4"
        " --set=switch.exact=3 --set=switch.draws=1"
    ),
    "edit prune": Row("edit prune GIVEN/llama --keep 0.9,0.5 --on GIVEN/texts.csv --out OWN/out"),
}
ONLY_STOPPED = {
    "edit ablate (groups)": Row(
        "edit ablate GIVEN/bert --neurons hidden.1,hidden.1.0-3,hidden.2.5 --on GIVEN/corpus --to resample"
        " --out OWN/out/groups.parquet --set=edit.controls=2"
    ),
    "compare (streamed)": Row(
        "compare GIVEN/collected GIVEN/random --out OWN/out --stream GIVEN/corpus"
        " --sentences unseen=GIVEN/corpus:held_out"
    ),
    "edit dream": Row(
        "edit dream OWN/out mlp.2.3 --tokens 3 --set=dream.population=2 --set=dream.children=4 --format=json"
        " --set=dream.iterations=6 --set=dream.restart=4 --set=dream.gumbel_steps=6 --set=dream.gumbel_restarts=2",
        copies="of llama",
    ),
}
"""Other ways of a verb, and one that only says what it found."""
NOT_KILLED = {
    "demo": "`run` with fixed inputs",
    "paper": "its steps are the verbs above, each complete or not begun (tests/paper)",
    "show": "reads", "find": "reads", "verify": "reads", "convergence": "reads",
    "stability": "reads, and writes as rank does",
    "name": "asks a server; killed in tests/naming/test_stage.py",
    "serve": "reads",
    "edit dream": "writes nothing; what a stop leaves is in ONLY_STOPPED",
    "doctor": "reads",
    "options": "reads",
    "corpus": "reads, and writes as rank does",
    "probing compare": "reads",
    "probing formulas": "reads, and writes as rank does",
    "probing bridge": "one stage of a run (tests/store/test_stages.py)",
    "probing transfer": "resumes step by step (tests/probing/test_transfer.py); it times, so no two are the same",
    "probing bench": "its models are complete or not begun (tests/probing)",
}  # fmt: skip


OF_DECODERS = ("writes", "edit steer", "edit switch", "edit prune", "edit dream")


def make_decoder(given: Path, *, run: bool) -> None:
    """Make a decoder with its head, texts of two topics, minimal pairs, and a run where one is wanted."""
    torch.manual_seed(1)
    body = tiny_network("Llama")
    transformers.AutoModelForCausalLM.from_config(body.config).save_pretrained(given / "llama")
    tiny_tokenizer(special=False).save_pretrained(given / "llama")
    films_and_banks(given / "texts.csv")
    write_pairs(
        given / "pairs.csv", [(f"the {one} was", f"the {two} was", *FORMS, name) for one, two, name in PAIRS]
    )
    if run:
        prepare([write_documents(given / "documents.jsonl", n_documents=40)], out=given / "corpus")
        model = load_model(str(given / "llama"), options=ModelOptions(sites=("mlp",), pooling="max"))
        collect(model, open_corpus(given / "corpus"), out=given / "of llama", options=CONFIG.collect)


PAIRS = [("film", "bank", "a"), ("team", "car", "b"), ("game", "price", "a"), ("car", "film", "b")]


def make_inputs(given: Path, *, for_verb: str) -> None:
    """Make a model, a corpus and runs at every stage, as small as they can be."""
    if for_verb in OF_DECODERS:
        make_decoder(given, run=for_verb in ("writes", "edit dream"))
        return
    write_tiny_bert(given / "bert")
    documents = write_documents(given / "documents.jsonl", n_documents=40)
    write_treebank(given / "treebank.jsonl", sentences(1500))
    few = ActivationsOptions(min_train=5, min_test=1)
    bert = load_model(str(given / "bert"))
    read_activations(bert, given / "treebank.jsonl", out=given / "acts", concept="tags", options=few)
    write_ranking(rank_activations(given / "acts", by="probeless"), given / "probeless.parquet")
    vectors = DescribeOptions(tagger="none", vectors="train", vector_size=8, vector_epochs=1)
    run(str(given / "bert"), [documents], out=given / "scored", config=replace(CONFIG, describe=vectors))
    (given / "scored-corpus").rename(given / "corpus")
    corpus = open_corpus(given / "corpus")
    model = load_model(str(given / "bert"))
    options = replace(CONFIG.collect, chunk_sentences=60)
    collect(model, corpus, out=given / "collected", options=options)
    shutil.copytree(given / "scored", given / "described")
    shutil.rmtree(given / "described" / "fidelity")
    variant(str(given / "bert"), "random", out=given / "random-bert")
    collect(load_model(str(given / "random-bert")), corpus, out=given / "random", options=options)
    for number in (0, 1):
        collect(model, corpus, out=given / f"shard{number}", options=options, shard=f"{number}/2")


def contents(folder: Path) -> dict[str, str]:
    """Hash what all files hold; of Parquet files the tables. Manifests and logs have times in them."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix not in (".json", ".toml", ".lock", ".md"):
            if path.suffix == ".parquet":
                table = pq.read_table(path)
                whole = repr((table.schema.names, table.to_pylist())).encode()
            else:
                whole = path.read_bytes()
            found[name] = hashlib.sha256(whole).hexdigest()
    return found


def looks(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What lies in a folder now: names, sizes, times."""
    found = []
    with suppress(OSError):  # what is listed may be gone by now
        for path in folder.rglob("*"):
            state = path.stat()
            found.append((path.name, state.st_size, state.st_mtime_ns))
    return tuple(found)


def ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_once(child: int, own: Path, choose: random.Random, *, seconds: float) -> dict[str, object]:
    """Kill a child at a random moment: after a random change on disk, or at any time of its usual life."""
    number = choose.choice(SIGNALS)
    begun = time.monotonic()
    moment = "writing" if choose.random() < WRITING else "any"
    if moment == "writing":
        n_changes, before = choose.randrange(1, 12), looks(own)
        while n_changes and not ended(child):
            now = looks(own)
            n_changes, before = n_changes - (now != before), now
        time.sleep(choose.uniform(0.0, 0.004))
    else:
        time.sleep(choose.uniform(0.0, seconds))
    at = time.monotonic() - begun
    os.kill(child, number)
    status = wait(child)
    return {"signal": number.name, "moment": moment, "seconds": round(at, 3), "status": status}


def afresh(row: Row, given: Path, own: Path) -> list[str]:
    """Begin again: the verb's own folder with its input, and its words."""
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    if row.copies:
        shutil.copytree(given / row.copies, own / "out")
    return row.command.replace("GIVEN", str(given)).replace("OWN", str(own)).split()


def go(verb: str, n_kills: int, seed: int, folder: Path) -> None:
    """Kill, resume, compare."""
    row, choose, log = ROWS[verb], random.Random(seed), folder / "log"
    given, own = folder / "given", folder / "own"
    given.mkdir()
    make_inputs(given, for_verb=verb)
    command = afresh(row, given, own)
    begun = time.monotonic()
    status = wait(start(command, str(log)))
    if status:
        print(json.dumps({"failed": log.read_text(encoding="utf-8")}), flush=True)
        return
    seconds, undisturbed = time.monotonic() - begun, contents(own)
    command = afresh(row, given, own)
    for _ in range(n_kills):
        made = kill_once(start(command, str(log)), own, choose, seconds=seconds)
        print(json.dumps(made), flush=True)
        if made["status"] == 0:
            command = afresh(row, given, own)
    status = wait(start(command, str(log)))
    left = contents(own)
    differ = sorted(name for name in undisturbed | left if undisturbed.get(name) != left.get(name))
    said = log.read_text(encoding="utf-8") if status or differ else ""
    print(json.dumps({"same": not status and not differ, "differ": differ, "said": said[-3000:]}), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    go(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
    os._exit(0)
