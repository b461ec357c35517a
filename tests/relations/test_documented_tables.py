"""What relate writes is what docs/run_folder.md says."""

from neurolect.store import Run
from tests.documented_folder import check_folder


def test_files_columns_and_types_are_those_of_the_page(related: Run) -> None:
    there = check_folder(related.folder, page="run_folder.md", below="relations")
    assert len(there) > 12
