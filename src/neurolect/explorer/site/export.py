"""Write a run for others, in one of three ways."""

from collections.abc import Callable, Sequence
from pathlib import Path

from neurolect.errors import OptionError, RunFolderError
from neurolect.explorer.answers.opened import Opened
from neurolect.explorer.answers.tables import tables_of, write_tables
from neurolect.explorer.site.dataset import write_dataset
from neurolect.explorer.site.pages import Site, Size, write_site
from neurolect.folders.atomic import replacing_folder
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run
from neurolect.visible import quoted

WAYS = ("site", "parquet", "dataset")


def export_folder(
    run: Run | str | Path,
    *,
    to: str,
    out: str | Path,
    also: Sequence[str | Path] = (),
    workers: int = 1,
    announce: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a run as a site, as Parquet tables, or as a Hugging Face dataset folder.

    Parameters
    ----------
    run : Run, str or Path
        The run.
    to : str
        ``site``: the explorer's pages with a card a neuron, which open from disk or any server. ``parquet``: tables
        of neurons, lists, sentences, evidence and maps. ``dataset``: these with a card; nothing is uploaded.
    out : str or Path
        The folder; it must not be there, or be empty.
    also : sequence of str or Path
        Of a site, further runs and folders of ``probing judge``, ``probing all`` and ``compare``.
    workers : int, >= 1
        Processes that make a site's cards.
    announce : callable, optional
        Is given a line on how large it will be, before anything is written.
    progress : Progress, optional
        Reports what is written.

    Returns
    -------
    Path
        The folder; of a site the page in it.

    Raises
    ------
    OptionError
        If there is no such way, or the folder is taken.
    RunFolderError
        If the run cannot be opened.
    """
    if to not in WAYS:
        what = f"A run cannot be exported to {to!r}."
        raise OptionError(what, expected=", ".join(WAYS))
    if also and to != "site":
        what = f"Other folders go with a site, not with {to!r}."
        raise OptionError(what, expected="--to site")
    folder, path = Path(out), run.folder if isinstance(run, Run) else Path(run)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = f"{folder} is there already."
        raise OptionError(what, expected="a folder that is not there, or is empty", hint="Give another --out.")
    progress, say = progress or NullProgress(), announce or (lambda _: None)
    if to == "site":
        site = Site([path, *map(Path, also)])
        say(f"Writing {quoted(folder)}: {site.size()}.")
        with replacing_folder(folder, error=RunFolderError, fresh=True) as temporary:
            write_site(site, temporary, workers=workers, progress=progress)
        return folder / "index.html"
    (of,) = Opened([path]).runs
    tables = tables_of(of.run())
    n_bytes = sum(each.n_bytes for each in tables)
    say(f"Writing {quoted(folder)}: {Size(len(tables) + (to == 'dataset'), n_bytes)}.")
    with replacing_folder(folder, error=RunFolderError, fresh=True) as temporary:
        if to == "dataset":
            write_dataset(of, temporary, progress=progress)
        else:
            write_tables(of, temporary, progress=progress)
    return folder
