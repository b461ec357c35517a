"""Read a dataset of the Hugging Face hub by streaming, or one that lies in a local folder."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from neurolect.errors import CorpusError, require_extra


def read_hub(name: str) -> Iterator[dict[str, object]]:
    """Stream the rows of a dataset.

    ``name``: ``hf:NAME[:CONFIG][:SPLIT]``; the split is ``train`` when not given. One part after the name is a
        split.
    Yields: Column name to value; class labels by their names.
    """
    datasets = require_extra("datasets", extra="datasets", purpose=f"to read {name}")
    parts = name.removeprefix("hf:").split(":")
    if len(parts) > 3 or not all(parts):
        what = f"The source {name!r} does not name a dataset."
        raise CorpusError(what, expected="hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIG:SPLIT")
    config = parts[1] if len(parts) == 3 else None
    split = parts[-1] if len(parts) > 1 else "train"
    try:
        # Scripts of a dataset are never run: trust_remote_code keeps its default.
        data: Any = datasets.load_dataset(parts[0], config, split=split, streaming=True)
    except (ValueError, OSError, RuntimeError) as error:
        what = f"The dataset {name!r} could not be opened: {error}"
        raise CorpusError(what, hint="Check the name, the configuration, the split and the connection.") from error
    labels = _labels(data.features)
    for row in islice(data, None):
        for column, names in labels.items():
            value = row.get(column)
            if isinstance(value, int) and 0 <= value < len(names):
                row[column] = names[value]
        yield row


def _labels(features: Mapping[str, object] | None) -> dict[str, list[str]]:
    """Names of the class labels by column."""
    found = {column: getattr(feature, "names", None) for column, feature in (features or {}).items()}
    return {column: list(names) for column, names in found.items() if names}
