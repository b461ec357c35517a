"""What kinds of evidence are counted from: a collected run with its sentences annotated."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.evidence.annotated import Annotated
from neurolect.signatures.lists import Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.stage import Stage

if TYPE_CHECKING:  # these modules have kinds, and kinds are counted from what is here
    from neurolect.results.field_values import CodedField
    from neurolect.signatures.evidence.length import Lengths
    from neurolect.signatures.inputs import Inputs
    from neurolect.signatures.typical_sentences import TypicalSentences


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The lists, the sentences, and what several kinds need; each is made when it is first asked for."""

    stage: Stage
    inputs: "Inputs"
    sentences: Annotated
    """The kept sentences."""
    tagger: str | None
    meanings: "Future[tuple[TypicalSentences, NDArray[np.float32]]]"
    """Typical sentences of the lists, and the vectors of the kept sentences."""

    @property
    def options(self) -> DescribeOptions:
        """How the run is described."""
        return self.stage.options

    @property
    def lists(self) -> Lists:
        """All lists, as places among the kept sentences."""
        return self.inputs.lists

    @property
    def coded(self) -> CodedSentences:
        """Words and tags of the kept sentences."""
        return self.sentences.coded

    @cached_property
    def lengths(self) -> "Lengths":
        """Lengths of the sentences of lists."""
        from neurolect.signatures.evidence.length import compare_lengths

        with self.stage.timed("lengths"):
            return compare_lengths(
                self.inputs.sentences.column("n_words").to_numpy(),
                self.lists,
                background_n_words=self.inputs.length_values,
                background_n_sentences=self.inputs.length_counts,
            )

    @cached_property
    def word_background(self) -> NDArray[np.int64]:
        """Sentences read that hold each word; 0 for a word that the background has let go."""
        from neurolect.signatures.inputs import word_background

        return word_background(self.stage.run, self.coded)

    @cached_property
    def fields(self) -> "list[CodedField]":
        """Metadata of the kept sentences."""
        from neurolect.signatures.inputs import coded_fields

        return coded_fields(self.stage.run, self.inputs)
