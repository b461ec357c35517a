"""The steps of the describe stage that mine patterns and subtrees."""

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.annotate import Annotations
from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.inputs import Inputs
from neurolect.signatures.lengths import Lengths
from neurolect.signatures.naming_evidence import Candidates
from neurolect.signatures.passed_patterns import passed_text
from neurolect.signatures.patterns import Patterns, mine_patterns_of, patterns_table, phrase_candidates
from neurolect.signatures.stage import Stage
from neurolect.signatures.subtrees import mine_subtrees_of, read_forest, subtrees_table

__all__ = ["pattern_step", "phrases_of", "subtree_step"]


def pattern_step(stage: Stage, inputs: Inputs, coded: CodedSentences, *, tagger: str | None) -> list[Patterns]:
    """Mine the patterns of every kind of item asked for, tell how many pass, and write their table.

    Parameters
    ----------
    stage : Stage
        The run and the options.
    inputs : Inputs
        Lists and sample.
    coded : CodedSentences
        The kept sentences.
    tagger : str, optional
        Package or folder of the tagger.

    Returns
    -------
    list of Patterns
        Of each kind that the sentences have.
    """
    patterns: list[Patterns] = []
    if stage.options.pattern_length >= 2:
        for item in dict.fromkeys(stage.options.pattern_items):
            if item != "word" and not coded.tag_names:
                continue
            with stage.timed(f"{item} patterns"):
                mined = mine_patterns_of(
                    coded,
                    inputs.lists,
                    item=item,
                    in_sample=inputs.in_sample,
                    options=stage.options,
                    tagger=tagger,
                    workers=stage.workers,
                    progress=stage.progress,
                )
            patterns.append(mined)
            stage.progress.message(passed_text(mined, rate=stage.options.false_discovery_rate))
    with stage.timed("pattern table"):
        table = patterns_table(patterns, lists=inputs.lists)
    stage.write("signatures/skip_ngrams", table)
    return patterns


def subtree_step(
    stage: Stage, inputs: Inputs, coded: CodedSentences, *, annotations: Annotations
) -> list[Patterns]:
    """Mine subtrees, if trees are asked for, tell how many pass, and write their table.

    Parameters
    ----------
    stage : Stage
        The run and the options.
    inputs : Inputs
        Lists, sample and sentences.
    coded : CodedSentences
        The kept sentences.
    annotations : Annotations
        Their heads and relations, where they were parsed.

    Returns
    -------
    list of Patterns
        One, or none without trees.
    """
    options = stage.options
    if options.trees == "none":  # a table of an earlier description would not belong to this one
        (stage.run.folder / "signatures" / "subtrees.parquet").unlink(missing_ok=True)
        return []
    if options.trees == "dependencies" and annotations.heads is None:
        (stage.run.folder / "signatures" / "subtrees.parquet").unlink(missing_ok=True)
        stage.progress.message("No tagger, so no parser: signatures have no subtrees.")
        return []
    with stage.timed("subtrees"):
        trees = read_forest(annotations, coded, sentences=inputs.sentences, options=options)
        mined = mine_subtrees_of(
            trees,
            inputs.lists,
            in_sample=inputs.in_sample,
            lengths=coded.n_words,
            options=options,
            workers=stage.workers,
            progress=stage.progress,
        )
        table = subtrees_table(mined, n_labels=trees.forest.n_labels, lists=inputs.lists)
    stage.progress.message(passed_text(mined, rate=options.false_discovery_rate))
    stage.write("signatures/subtrees", table)
    return [mined]


def phrases_of(
    patterns: list[Patterns],
    inputs: Inputs,
    coded: CodedSentences,
    *,
    lengths: Lengths,
    word_shares: NDArray[np.float64],
) -> Candidates:
    """Turn the patterns of words into candidates for names.

    Parameters
    ----------
    patterns : list of Patterns
        Of any kinds.
    inputs : Inputs
        Lists and sample.
    coded : CodedSentences
        The kept sentences.
    lengths : Lengths
        Mean lengths.
    word_shares : float64, shape (n_words,)
        Share of the background's sentences that hold each word.

    Returns
    -------
    list of list of Candidate
        For each list; none where no patterns of words were mined.
    """
    for each in patterns:
        if each.item == "word":
            return phrase_candidates(
                each,
                coded=coded,
                in_sample=inputs.in_sample,
                word_shares=word_shares,
                times_longer=lengths.times_longer,
            )
    return [[] for _ in inputs.lists.rows]
