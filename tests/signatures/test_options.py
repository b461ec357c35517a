"""Options are checked when they are made."""

from typing import Any

import pytest

from neurolect.errors import OptionError
from neurolect.signatures import DescribeOptions


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"n_frequent": 0}, "describe.n_frequent is 0"),
        ({"min_share": 1.5}, "describe.min_share is 1.5"),
        ({"word_gap": -2}, "describe.word_gap is -2"),
        ({"pattern_length": 6}, "describe.pattern_length is 6"),
        ({"pattern_filter": "open"}, "describe.pattern_filter is 'open'(.|\n)*all, closed, maximal"),
        ({"pattern_items": ("word", "letter")}, "pattern_items is (.|\n)*word, lemma, tag, mixed"),
        ({"trees": "some"}, "describe.trees is 'some'(.|\n)*none, dependencies or field:NAME"),
        ({"trees": "dependencies", "tagger": "none"}, "describe.tagger 'none'(.|\n)*a tagger"),
        ({"tree_labels": "word"}, "describe.tree_labels is 'word'(.|\n)*'tag' or 'relation'"),
        ({"subtree_size": 6}, "describe.subtree_size is 6(.|\n)*from 2 to 5"),
        ({"false_discovery_rate": 2.0}, "describe.false_discovery_rate is 2.0"),
    ],
)
def test_values_out_of_range(option: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DescribeOptions(**option)
