"""Write a comparison of models as a folder that explains itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurolect.atomic import replacing_folder, write_json, write_table, write_text
from neurolect.errors import MissingExtraError, RunFolderError
from neurolect.folders.formats import COMPARISON
from neurolect.progress import NullProgress, Progress
from neurolect.store.manifest import now, package_versions
from neurolect.views.comparison_figure import comparison_figure
from neurolect.views.comparison_text import comparison_text

if TYPE_CHECKING:
    from neurolect.relations.between_models import Comparison


def check_comparison_out(out: Path) -> None:
    """Refuse a place where something else is, before anything is computed.

    Parameters
    ----------
    out : Path
        The folder to be made.

    Raises
    ------
    RunFolderError
        If there is a file or a folder that is not empty.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        what = f"{out} is there already; nothing is overwritten."
        raise RunFolderError(what, expected="a folder that does not exist yet", hint="give another --out")


def write_comparison(
    made: "Comparison", summary: dict[str, Any], *, out: str | Path, progress: Progress | None = None
) -> None:
    """Write tables, summary and figure; all of them or none.

    Parameters
    ----------
    made : Comparison
        From ``compare``.
    summary : dict
        From ``comparison_summary``.
    out : str or Path
        The folder to make.
    progress : Progress, optional
        Is told if there is no figure.

    Raises
    ------
    RunFolderError
        If ``out`` is taken.
    NeurolectError
        If it cannot be written.
    """
    out = Path(out)
    check_comparison_out(out)
    with replacing_folder(out, error=RunFolderError) as temporary:
        tables = {
            "matches": made.matches,
            "across": made.across,
            "layers": made.layers,
            "distances": made.distances,
        }
        for name, table in tables.items():
            if table is not None:
                write_table(temporary / f"{name}.parquet", table)
        write_text(temporary / "summary.txt", comparison_text(summary))
        try:
            (temporary / "layers.png").write_bytes(comparison_figure(made, summary))
        except MissingExtraError as error:
            (progress or NullProgress()).message(f"No figure was drawn. {error}")
        head = {
            "format": COMPARISON.name,
            "schema_version": COMPARISON.version,
            "created": now(),
            "packages": package_versions(),
        }
        write_json(temporary / "manifest.json", head | summary)
