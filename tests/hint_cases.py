"""Commands that are refused, and how the hints that they give are followed: see test_hints_followed.py."""

import gzip
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import PrepareOptions, prepare
from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.model import load_model
from neurolect.signatures import DescribeOptions, describe
from neurolect.store.stages import remember_options
from neurolect.tokens import read_tokens
from tests.command_line import succeed
from tests.tiny_corpora import tiny_corpus, write_documents
from tests.tiny_models import write_tiny_bert

SIZES = CollectOptions(
    list_size=20, sample_size=60, activation_sample_size=60, held_out_size=40, chunk_sentences=100
)


SCORED = FidelityOptions(top_share=0.2, min_positives=2, n_bootstrap=20)


def make_world(folder: Path) -> None:
    """Make one of everything, as small as it can be."""
    model = write_tiny_bert(folder / "model")
    write_tiny_bert(folder / "other model", seed=5)
    corpus = tiny_corpus(folder, n_documents=40)
    write_documents(folder / "others.jsonl", n_documents=30, seed=3)
    prepare([folder / "others.jsonl"], out=folder / "corpus 2", options=PrepareOptions())
    prepare([folder / "others.jsonl"], out=folder / "nothing held out", options=PrepareOptions(held_out=0))
    loaded, plain = load_model(str(model)), DescribeOptions(tagger="none", vectors="none")
    collect(loaded, corpus, out=folder / "collected", options=SIZES)
    shutil.copytree(folder / "collected", folder / "described")
    describe(folder / "described", options=plain)
    remember_options(folder / "described", {"fidelity": SCORED})
    shutil.copytree(folder / "described", folder / "scored")
    score_fidelity(folder / "scored", options=SCORED)
    shutil.copytree(folder / "described", folder / "weighed")
    read_tokens(folder / "weighed", n_sentences=2)
    collect(loaded, folder / "corpus 2", out=folder / "second", options=SIZES)
    collect(loaded, folder / "nothing held out", out=folder / "no held out", options=SIZES)
    describe(folder / "no held out", options=plain)
    collect(loaded, corpus, out=folder / "top only", options=replace(SIZES, sides=("top",)))
    for number in range(2):
        collect(loaded, corpus, out=folder / f"shard {number}", options=SIZES, shard=f"{number}/2")
    collect(load_model(str(folder / "other model")), corpus, out=folder / "other run", options=SIZES)
    succeed("compare", folder / "collected", folder / "other run", "--out", folder / "comparison")
    succeed("variant", model, "random", "--out", folder / "variant")


def quoted(folder: Path) -> str:
    """Write a folder as a part of a word that a shell reads."""
    return str(folder).replace(" ", "\\ ")


# What a case needs and the world does not have.
def files(**content: str | bytes) -> Callable[[Path], None]:
    """Write files: ``a_csv`` is called a.csv."""

    def write(folder: Path) -> None:
        for name, each in content.items():
            (folder / name.replace("_", ".")).write_bytes(each if isinstance(each, bytes) else each.encode())

    return write


def moved(name: str, to: str) -> Callable[[Path], None]:
    def move(folder: Path) -> None:
        (folder / name).rename(folder / to)

    return move


def above(folder: Path) -> None:
    shutil.copytree(folder / "model", folder / "above" / "inner")


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (path,) = folder.glob(name)
        path.write_bytes(path.read_bytes()[:-9])

    return damage


def other_options(folder: Path) -> None:
    succeed("fidelity", folder / "scored")
    succeed(
        "describe", folder / "scored", "--set", "describe.prior_size=50", "--set", "fidelity.after_describe=false"
    )


def pickled(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    weights = folder / "model" / "model.safetensors"
    torch.save(load_file(weights), folder / "model" / "pytorch_model.bin")
    weights.unlink()


def tokens_stopped(folder: Path) -> None:
    partial = folder / "described" / "tokens" / "partial"
    from tests.folders.test_damaged_folders import tokens_stopped as stop

    stop(folder / "described")
    next(partial.glob("entries-*")).write_bytes(b"")


SENTENCES = "".join(f"The {n} dog of the house was good at {n} games today,{n % 3}\n" for n in range(40))
CYRILLIC = "".join("\u0434\u043e\u043c " * 8 + f"{n},1\n" for n in range(40))
ROWS = "text,label\n" + SENTENCES
TWO = "one,two\n" + "".join(f"A dog ran home again {n},A cat slept all day {n}\n" for n in range(40))


class Case(NamedTuple):
    """A command that is refused, and how its hint is followed."""

    given: str
    """In a folder with the world in it; @ stands for it."""
    how: str
    """Which of ``WAYS``."""
    before: Callable[[Path], None] = files()
    values: dict[str, str] = {}  # noqa: RUF012 - read alone
    """What placeholders of the hint stand for."""
    wrong: str = ""
    """The part of the command that the hint corrects."""


COLLECT = "collect @/model @/corpus --out @/new --set collect.list_size=10"
COMPARE = "compare @/collected @/second --stream @/corpus --out @/comparison"
FINETUNE = "--data @/documents.jsonl --label topic --out @/new --set finetune.epochs=1"
PREPARE = "prepare @/documents.jsonl --out @/new"
CASES: dict[str, Case] = {
    # prepare
    "option misspelt": Case(f"{PREPARE} --set prepare.min_wrds=3", "nearest", wrong="min_wrds"),
    "stage misspelt": Case(f"{PREPARE} --set prepar.min_words=3", "nearest", wrong="prepar."),
    "preset misspelt": Case(f"{PREPARE} --preset papr", "nearest", wrong="papr"),
    "no config": Case(f"{PREPARE} --config @/no.toml", "drop", wrong="--config @/no.toml"),
    "no such source": Case("prepare @/document.jsonl --out @/new", "nearest", wrong="document.jsonl"),
    "no such text column": Case(
        "prepare @/a.csv --out @/new --set prepare.text_column=txt",
        "nearest",
        files(a_csv=ROWS),
        wrong="txt",
    ),
    "which is the text": Case("prepare @/a.csv --out @/new", "option", files(a_csv=TWO), values={"NAME": "two"}),
    "empty text column": Case(
        "prepare @/a.csv --out @/new --set prepare.text_column=empty",
        "option",
        files(a_csv="empty,words\n" + "".join(f",A dog ran home again {n}\n" for n in range(40))),
        values={"NAME": "words"},
    ),
    "too many values": Case("prepare @/a.csv --out @/new", "option", files(a_csv=ROWS + "A dog,of,the,house\n")),
    "open quote": Case("prepare @/a.csv --out @/new", "option", files(a_csv=ROWS + '"A dog of,1\n' + SENTENCES)),
    "wrong encoding": Case(
        "prepare @/a.csv --out @/new --set prepare.encoding=ascii",
        "option",
        files(a_csv=("text,label\n" + CYRILLIC).encode("cp1251")),
        values={"CODEC": "cp1251"},
    ),
    "packed under another name": Case(
        "prepare @/a.txt --out @/new",
        "rename",
        files(a_txt=gzip.compress(SENTENCES.encode())),
        wrong="a.txt",
    ),
    "place of a corpus": Case("prepare @/documents.jsonl --out @/corpus", "out"),
    "place of something": Case("prepare @/documents.jsonl --out @/model", "out"),
    "a corpus as a source": Case(
        "prepare @/corpus --out @/new", "command", values={"MODEL": "@/model", "RUN": "@/new"}
    ),
    "all held out": Case(f"{PREPARE} --set prepare.held_out=0.999999", "option"),
    "sample field alone": Case(
        f"{PREPARE} --set prepare.sample_field=topic", "option", values={"prepare.sample": "20"}
    ),
    "no such sample field": Case(f"{PREPARE} --sample 20 --set prepare.sample_field=topc", "nearest", wrong="topc"),
    "no tokenizer": Case(
        "prepare @/documents.jsonl --out @/new --tokenizer @/corpus",
        "instead",
        wrong="@/corpus",
        values={"a model folder with tokenizer.json": "@/model"},
    ),
    # collect
    "documents for a corpus": Case(
        "collect @/model @/documents.jsonl --out @/new --set collect.list_size=20",
        "retry",
        values={"CORPUS": "@/made"},
        wrong="@/documents.jsonl",
    ),
    "no such corpus": Case(
        "collect @/model @/none --out @/new --set collect.list_size=20",
        "retry",
        values={"SOURCE...": "@/documents.jsonl"},
    ),
    "a run for a corpus": Case(
        "collect @/model @/collected --out @/new --set collect.list_size=20",
        "instead",
        wrong="@/collected",
    ),
    "lists too long": Case("collect @/model @/corpus --out @/new --set collect.list_size=9000", "option"),
    "place of another run": Case("collect @/model @/corpus --out @/collected --set collect.list_size=10", "out"),
    "place of what is no run": Case("collect @/model @/corpus --out @/model --set collect.list_size=10", "out"),
    "folder above a model": Case(
        "collect @/above @/corpus --out @/new --set collect.list_size=10",
        "nearest",
        above,
        wrong="above",
    ),
    "pickled weights": Case("collect @/model @/corpus --out @/new --set collect.list_size=10", "option", pickled),
    "workers alone": Case(
        "collect @/model @/corpus --out @/new --workers 1 --set collect.list_size=10",
        "option",
        values={"--engine": "--engine local"},
    ),
    "limit field alone": Case(
        f"{COLLECT} --set collect.limit_field=topic",
        "option",
        values={"collect.limit": "100"},
    ),
    "no such limit field": Case(
        "collect @/model @/corpus --out @/new --set collect.list_size=10 --set collect.limit=100 "
        "--set collect.limit_field=topc",
        "nearest",
        wrong="topc",
    ),
    "no such device": Case(
        "collect @/model @/corpus --out @/new --device cuda --set collect.list_size=10",
        "option",
        wrong="--device cuda",
    ),
    "no such site": Case(
        "collect @/model @/corpus --out @/new --set model.sites=hiden --set collect.list_size=10",
        "nearest",
        wrong="hiden",
    ),
    "ray without ray": Case(
        "collect @/model @/corpus --out @/new --ray-address auto --set collect.list_size=10",
        "drop",
        wrong="--ray-address auto",
    ),
    "too many shards": Case(
        "collect @/model @/corpus --out @/new --shard 0/900 --set collect.list_size=10",
        "shards",
        wrong="0/900",
    ),
    "place of another merged run": Case("merge '@/shard 0' '@/shard 1' --out @/second", "out"),
    "merge of a moved corpus": Case(
        "merge '@/shard 0' '@/shard 1' --out @/new",
        "option",
        moved("corpus", "elsewhere"),
        values={"FOLDER": "@/elsewhere"},
    ),
    # runs that lack a stage
    "show before describe": Case("show @/collected hidden.2.3", "retry"),
    "find before describe": Case("find @/collected --word the", "retry"),
    "rank before describe": Case("rank @/collected --by length", "retry"),
    "relate before describe": Case("relate @/collected --set relate.maps=none", "retry"),
    "auroc before fidelity": Case("rank @/described --by auroc", "retry"),
    "plot before relate": Case("plot @/described map --out @/map.svg", "retry"),
    "number of tokens": Case("plot @/described redundancy --out @/r.svg", "retry"),
    "stale after describe": Case("plot @/scored curve --by auroc --out @/c.svg", "retry", other_options),
    "no tags": Case("rank @/described --by pos", "retry"),
    "no tags for a tag": Case("rank @/described --by tag --value NN", "retry"),
    "no tags for a search": Case("find @/described --pattern '<NN>'", "retry"),
    "no trees": Case("find @/described --has 'subtrees=NN(DT)'", "retry"),
    "no vectors": Case("relate @/described --set relate.maps=none", "retry"),
    "a shard": Case(
        "show '@/shard 0' hidden.2.3",
        "command",
        values={"SHARD...": "@/shard 0|@/shard 1", "RUN": "@/merged"},
    ),
    "nothing held out": Case("fidelity '@/no held out'", "prepare"),
    # names
    "neuron beyond": Case("show @/described hidden.2.999", "nearest", wrong="hidden.2.999"),
    "no such layer": Case("show @/described hidden.9.3", "nearest", wrong="hidden.9.3"),
    "no such site of a neuron": Case("show @/described hiden.2.3", "nearest", wrong="hiden"),
    "number misspelt": Case("rank @/described --by lenght", "nearest", wrong="lenght"),
    "field misspelt": Case("rank @/described --by field=topc", "nearest", wrong="topc"),
    "value misspelt of a field": Case("rank @/described --by field=topic --value flm", "nearest", wrong="flm"),
    "where misspelt": Case("find @/described --where topc=film", "nearest", wrong="topc"),
    "has misspelt": Case("find @/described --has word=the", "nearest", wrong="word="),
    "figure misspelt": Case("plot @/described rank --by length --out @/r.svg", "nearest", wrong="rank "),
    "domain misspelt": Case("corpus @/corpus --field topc", "nearest", wrong="topc"),
    # other folders, and folders that moved
    "a corpus for a run": Case("show @/corpus hidden.2.3", "command", values={"MODEL": "@/model", "RUN": "@/new"}),
    "a comparison for a run": Case("show @/comparison hidden.2.3", "command"),
    "a variant for a run": Case(
        "show @/variant hidden.2.3", "command", values={"CORPUS": "@/corpus", "RUN": "@/new"}
    ),
    "tokens of a moved model": Case(
        "tokens @/described --sentences 1",
        "option",
        moved("model", "somewhere"),
        values={"FOLDER": "@/somewhere"},
    ),
    "tokens of another model": Case(
        "tokens @/described --sentences 1 --model '@/other model'",
        "option",
        wrong="--model '@/other model'",
        values={"--model": "--model @/model"},
    ),
    "tokens again of another model": Case(
        "tokens @/weighed --sentences 2 --model '@/other model'",
        "option",
        wrong="--model '@/other model'",
        values={"--model": "--model @/model"},
    ),
    "subset of a moved corpus": Case(
        "subset @/described --out @/new --sentences 40",
        "option",
        moved("corpus", "elsewhere"),
        values={"FOLDER": "@/elsewhere"},
    ),
    "bottom list of a top run": Case("export '@/top only' hidden.2.3 --side bottom --out @/x.jsonl", "collect"),
    # comparisons and variants
    "place of another comparison": Case(COMPARE, "out"),
    "what is at the place": Case(COMPARE, "command"),
    "other corpora": Case("compare @/collected @/second", "option", values={"--stream": "--stream @/corpus"}),
    "data for random weights": Case(
        "variant @/model random --data @/documents.jsonl --out @/new",
        "verb",
        values={
            "MODEL": "@/model",
            "+": FINETUNE,
        },
    ),
    "no data to train on": Case(
        "variant @/model finetuned --out @/new --set finetune.epochs=1",
        "option",
        values={"--data reviews.csv --text review --label sentiment": "--data @/documents.jsonl --label topic"},
    ),
    "label misspelt": Case(
        f"variant @/model finetuned {FINETUNE.replace('topic', 'topc')}",
        "nearest",
        wrong="topc",
    ),
    "place of a variant": Case("variant @/model random --out @/variant", "out"),
    # damage
    "damaged words": Case("find @/described --word the", "retry", cut("described/index/words.parquet")),
    "damaged signatures": Case("show @/described hidden.2.3", "retry", cut("described/signatures/words.parquet")),
    "damaged scores": Case("rank @/scored --by auroc", "retry", cut("scored/fidelity/scores.parquet")),
    "damaged tokens": Case("show @/weighed hidden.2.3", "retry", cut("weighed/signatures/token_words.parquet")),
    "damaged lists": Case(
        "show @/described hidden.2.3",
        "command",
        cut("described/lists/top.parquet"),
        values={"NEW": "@/new"},
    ),
    "damaged corpus": Case(
        "collect @/model @/corpus --out @/new",
        "command",
        cut("corpus/sentences/part-00000.parquet"),
        values={"SOURCE...": "@/documents.jsonl", "NEW": "@/again"},
    ),
    "damaged variant": Case(
        "collect @/variant @/corpus --out @/new",
        "command",
        cut("variant/model.safetensors"),
        values={"NEW": "@/again"},
    ),
    "damaged comparison": Case(
        "compare @/comparison", "command", cut("comparison/matches.parquet"), values={"NEW": "@/again"}
    ),
    "damaged part of tokens": Case("tokens @/described --sentences 2", "remove", tokens_stopped),
    "verify names the command": Case("verify @/scored", "retry", cut("scored/fidelity/weights.parquet")),
}

SLOW = frozenset(
    {
        "workers alone",
        "show before describe",
        "find before describe",
        "rank before describe",
        "relate before describe",
        "plot before relate",
        "number of tokens",
        "no tags",
        "no tags for a tag",
        "no tags for a search",
        "no trees",
        "no vectors",
        "nothing held out",
        "damaged signatures",
        "stale after describe",
        "place of another merged run",
        "no such limit field",
        "a variant for a run",
    }
)
"""Cases that describe with a tagger or start processes, and others of kinds that are tried anyway."""
