"""Fine-tune a model on texts with classes, to see what that does to its neurons."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file

from neurolect.errors import VariantError
from neurolect.model.load import to_device
from neurolect.model.options import ModelOptions
from neurolect.model.tokens import tokenize
from neurolect.progress import NullProgress, Progress
from neurolect.variants.finetune_options import FinetuneOptions
from neurolect.variants.folder import check_free, new_folder, save_model, write_record
from neurolect.variants.labelled_texts import LabelledTexts, part_texts, read_labelled
from neurolect.variants.training import (
    Classifier,
    Epoch,
    LabelledTokens,
    LinearClassifier,
    kept_epoch,
    load_classifier,
    logits_of,
    train,
)


class FinetunedVariant(NamedTuple):
    """A model that was trained to classify texts."""

    folder: Path
    """Where it was saved."""

    architecture: str
    """Class of the saved network."""

    classes: tuple[str, ...]
    """Names of the classes."""

    n_train: int
    """Texts trained on."""

    n_validation: int
    """Texts that chose the epoch."""

    majority: float
    """Share of the largest class among them: the accuracy of knowing nothing."""

    history: tuple[Epoch, ...]
    """All epochs."""

    best: Epoch
    """The one that was kept: the best, or the last where that was asked for."""


def finetuned_variant(
    model: str,
    sources: Sequence[str | Path],
    *,
    out: str | Path,
    options: FinetuneOptions,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FinetunedVariant:
    """Train a model to classify texts, and save the epoch that is kept with its tokenizer.

    Parameters
    ----------
    model : str
        A folder, a hub name, ``minilm`` or ``smollm2``; an encoder or a decoder.
    sources : sequence of str or Path
        Files, folders, globs or ``hf:`` data sets with a text column and a label column.
    out : str or Path
        The folder to make.
    options : FinetuneOptions
        Columns and hyper-parameters.
    model_options : ModelOptions, optional
        Whether pickled weights and code of the model's own are allowed; the rest is not used.
    device : str
        Where it is trained.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    FinetunedVariant
        How it went. On a CPU the same call gives the same weights; a GPU may differ in rounding.

    Raises
    ------
    ModelError
        If there is no such model or device, or it cannot be loaded.
    CorpusError
        If a source cannot be read.
    VariantError
        If ``out`` is taken, a column is missing, classes or texts are too few, or the loss is not finite.

    References
    ----------
    Oba, Yoshinaga, Toyoda: Exploratory Model Analysis Using Data-Driven Neuron Representations (2021),
    section 4.1.
    """
    folder = Path(out)
    progress = progress or NullProgress()
    check_free(folder)
    texts = read_labelled(sources, options=options)
    for notice in texts.notices:
        progress.message(notice)
    devices = [torch.device(device)] if device.startswith("cuda") and torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(options.seed)
        classifier = load_classifier(
            model,
            head=options.head,
            classes=texts.classes,
            dropout=options.dropout,
            max_tokens=options.max_tokens,
            options=model_options or ModelOptions(),
        )
        network = to_device(classifier.network, model, dtype="float32", device=device)
        data = _tokenized(texts, classifier, options, progress)
        history = train(network, data, forward=logits_of, options=options, progress=progress)
    made = _outcome(folder, classifier, texts, data, history, keep=options.keep)
    with new_folder(folder) as temporary:
        _save(temporary, classifier, texts, made, options)
    return made


def _tokenized(
    texts: LabelledTexts, classifier: Classifier, options: FinetuneOptions, progress: Progress
) -> LabelledTokens:
    tokens = tokenize(classifier.tokenizer, texts.texts, max_tokens=classifier.max_tokens)
    if tokens.n_cut:
        progress.message(f"{tokens.n_cut:,} texts cut at {classifier.max_tokens} model tokens.")
    if len(tokens.empty):
        progress.message(f"{len(tokens.empty):,} texts without a model token left out.")
    rows = np.setdiff1d(np.arange(len(texts.labels)), tokens.empty)
    train_rows, validation_rows = part_texts(texts.labels[rows], validation=options.validation, seed=options.seed)
    if not len(train_rows) or not len(validation_rows):
        what = f"Of {len(texts.labels):,} texts {len(rows):,} have a model token; they cannot be parted in two."
        raise VariantError(what, expected="texts to train on and texts to check with", hint="give more data")
    progress.message(
        f"{len(train_rows):,} texts to train on, {len(validation_rows):,} to check with; "
        f"{len(texts.classes)} classes: {', '.join(texts.classes[:6])}{', ...' if len(texts.classes) > 6 else ''}."
    )
    return LabelledTokens(tokens, texts.labels, rows[train_rows], rows[validation_rows], classifier.pad_id)


def _outcome(
    folder: Path,
    classifier: Classifier,
    texts: LabelledTexts,
    data: LabelledTokens,
    history: list[Epoch],
    *,
    keep: str,
) -> FinetunedVariant:
    counts = np.bincount(texts.labels[data.validation])
    return FinetunedVariant(
        folder=folder,
        architecture=type(classifier.saved).__name__,
        classes=texts.classes,
        n_train=len(data.train),
        n_validation=len(data.validation),
        majority=float(counts.max() / counts.sum()),
        history=tuple(history),
        best=kept_epoch(history, keep=keep),
    )


def _save(
    folder: Path, classifier: Classifier, texts: LabelledTexts, made: FinetunedVariant, options: FinetuneOptions
) -> None:
    network = classifier.network.cpu()
    save_model(folder, network=classifier.saved, tokenizer=classifier.to_save, name=classifier.start.name)
    if isinstance(network, LinearClassifier):
        save_file(
            {f"linear.{name}": each for name, each in network.linear.state_dict().items()},
            folder / "classifier.safetensors",
        )
    facts: dict[str, Any] = {
        "seed": options.seed,
        "architecture": made.architecture,
        "options": dataclasses.asdict(options),
        "classes": list(made.classes),
        "n_train": made.n_train,
        "n_validation": made.n_validation,
        "validation_accuracy": made.best.validation_accuracy,
        "majority": made.majority,
        "best_epoch": made.best.number,
        "epochs": [each._asdict() for each in made.history],
        "notices": list(texts.notices),
    }
    made_from = classifier.start._asdict()
    write_record(folder, kind="finetuned", made_from=made_from, facts=facts, text=_card(classifier, made, options))


def _card(classifier: Classifier, made: FinetunedVariant, options: FinetuneOptions) -> str:
    head = (
        "Hugging Face loads it as a sequence classifier (`AutoModelForSequenceClassification`)."
        if options.head == "first"
        else "Hugging Face loads the encoder (`AutoModel`); the linear layer is in `classifier.safetensors`."
    )
    rows = "\n".join(
        f"| {each.number} | {each.train_loss:.4f} | {each.validation_loss:.4f} | {each.validation_accuracy:.2%} |"
        for each in made.history
    )
    return f"""\
# A fine-tuned variant

`{classifier.start.name}`, trained on {made.n_train:,} texts to tell {len(made.classes)} classes of
`{options.label}` apart.
{head}
neurolect reads the encoder's neurons.

Accuracy on {made.n_validation:,} texts set aside: **{made.best.validation_accuracy:.2%}**
after epoch {made.best.number}, which was kept (the largest class alone: {made.majority:.2%}).

| epoch | training loss | validation loss | validation accuracy |
|---|---|---|---|
{rows}

Head on: {options.head}; Adam, learning rate {options.learning_rate}, dropout {options.dropout}, batches of
{options.batch_size}, at most {options.epochs} epochs, the {options.keep} kept, seed {options.seed}.
"""
