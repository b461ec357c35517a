"""Load a model from a folder, from the Hugging Face hub, or from the demo package.

Every failure becomes one :class:`~neurolect.errors.ModelError` that says in a line what is wrong.
"""

import hashlib
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neurolect.errors import MissingHeadError, ModelError, require_extra
from neurolect.model.architecture.decoder_side import DecoderSide, DecoderSideWithHead, decoder_side, read_targets
from neurolect.model.architecture.devices import SPREAD, is_spread
from neurolect.model.architecture.structure import blocks_by
from neurolect.model.architecture.taps import resolve_layers
from neurolect.model.files import ModelFiles, find_model_files, one_line_errors
from neurolect.model.hugging_face import Tokenizer, resolve_dtype
from neurolect.model.language_model import Model
from neurolect.model.options import LATENT, MAX_TOKENS_DEFAULT, MAX_TOKENS_LIMIT, ModelOptions, plain_site

# Name a model by its content: configuration, weights and tokenizer.
MODEL_FILES = (
    "config.json",
    "*.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab*",
    "merges.txt",
    "*.model",
)
"""What a model's behaviour rests on."""

_CHUNK = 1 << 22


def fingerprint_folder(folder: Path, *, pickled: bool = False) -> str:
    """Hash a model's files.

    ``pickled``: Whether the weights were loaded from ``.bin`` files.
    Returns: 32 hexadecimal digits. Equal for equal files, wherever the folder is.
    """
    patterns = (*MODEL_FILES, "*.bin") if pickled else MODEL_FILES
    files = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    total = hashlib.blake2b(digest_size=16)
    for path in files:
        own = hashlib.blake2b(digest_size=32)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                own.update(chunk)
        # The name and a digest of fixed length: no two different folders feed the same bytes.
        total.update(path.name.encode() + b"\0" + own.digest())
    return total.hexdigest()


logger = logging.getLogger(__name__)

HEADS = ("lm", "classifier")


def load_model(
    name: str, *, options: ModelOptions | None = None, device: str = "cpu", head: str | None = None
) -> Model:
    """Load a model and number its neurons.

    Parameters
    ----------
    name : str
        A folder, a name on the Hugging Face hub, ``minilm`` (a small encoder, extra ``demo``), or ``smollm2`` (a
        decoder of 135 million weights, extra ``smollm2``; converted once into the user's cache folder).
        Of an encoder-decoder the encoder is read, with sites that begin with ``decoder.`` the decoder.
    options : ModelOptions, optional
        Which neurons are read and how; the defaults where None.
    device : str
        Where it runs, as torch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; or ``auto``: its blocks go to
        the GPUs there are, and what does not fit waits in memory (the library accelerate does this).
    head : {"lm", "classifier"}, optional
        Load the network with its head: ``lm`` gives scores of tokens (the next ones, or those that are masked),
        ``classifier`` scores of classes. ``Model.network`` then has it; neurons are those of ``Model.body``, with
        the same addresses and activations as without.

    Returns
    -------
    Model
        In evaluation mode. Its ``max_tokens`` is the smallest of the tokenizer's limit, the number of
        positions the network knows and ``options.max_tokens``; without the last, at most 512.

    Raises
    ------
    ModelError
        If there is no such model, its files are incomplete, its weights are pickled and that was not
        allowed, weights are missing, or the neurons asked for are not
        found.
    MissingHeadError
        If the head that is asked for is not in the files, or no body is found below it.
    MissingExtraError
        If ``name`` is ``minilm`` or ``smollm2`` and its package is not installed.
    """
    options = options or ModelOptions()
    if head is not None and head not in HEADS:
        what = f"The head {head!r} was asked for."
        raise ModelError(what, expected=f"{' or '.join(HEADS)}", hint="leave it out to read neurons alone")
    dtype = resolve_dtype(options.dtype, device=_kind(device))
    with one_line_errors(name):
        files = find_model_files(name, options)
        _check_side(name, files.config, options, head)
        _check_layers(files.config, options)
        tokenizer = load_tokenizer(files, options)
        source_tokenizer = load_tokenizer(files, options) if options.of_decoder else tokenizer
        automatic = "AutoModel" if head is None else _class_with_head(files.config, head)
        whole, loading = load_network(files, options, dtype=dtype, head=automatic, device=device)
    _check_tokenizer(name, tokenizer)
    if options.of_decoder:
        read_targets(tokenizer, name=name)
        body: nn.Module = decoder_side(whole, name=name, source=source_tokenizer, target=tokenizer)
    else:
        body = _body_of(name, whole, head)
    _check_weights(name, whole, body, loading, head)
    network = whole if head is not None else body
    if isinstance(body, DecoderSide) and head is not None:
        network = DecoderSideWithHead(body, whole)
    network = to_device(network.eval().requires_grad_(False), name, dtype=dtype, device=device)
    return Model(
        network,
        tokenizer,
        name=name,
        options=options,
        max_tokens=_max_tokens(body, tokenizer, options),
        fingerprint=_fingerprint(files),
        architecture=type(whole).__name__,
        reload=partial(_reload, name, device=device, head=head),
        body=body,
        source_tokenizer=source_tokenizer,
    )


def _kind(device: str) -> str:
    """Say what kind of device is meant, where the best there is was asked for."""
    return device if device != SPREAD else "cuda" if torch.cuda.is_available() else "cpu"


def _check_side(name: str, config: Any, options: ModelOptions, head: str | None) -> None:  # noqa: ANN401
    """Refuse a decoder's side of what has none, and one with a head."""
    if not options.of_decoder:
        return
    if not getattr(config, "is_encoder_decoder", False):
        kind = getattr(config, "model_type", "other")
        what = (
            f"The site {options.sites[0]!r} was asked for, and the model {name!r} ({kind}) is no encoder-decoder."
        )
        hint = f"--set model.sites={plain_site(options.sites[0])} reads its blocks"
        raise ModelError(what, expected="a model such as T5, BART or Marian", hint=hint)
    if head not in (None, "lm"):
        what = f"The decoder of {name!r} was asked for with the head {head!r}."
        raise ModelError(
            what, expected='head="lm", or none', hint="a classifier is asked of with the sites of encoders"
        )


def _check_layers(config: Any, options: ModelOptions) -> None:  # noqa: ANN401 - untyped library
    """Refuse layers that there are not before weights are read, where the configuration says how many there are."""
    if (n_layers := blocks_by(config)) and options.layers is not None:
        for site in [each for each in options.sites if each != LATENT]:
            resolve_layers(options.layers, site=site, sites=options.sites, n_layers=n_layers)


def load_with_head(name: str, *, options: ModelOptions | None = None, device: str = "cpu") -> Model:
    """Load a model with the head that its configuration says it was trained with, without one where it has none.

    Small changes are measured: ``model.dtype=auto`` is float32 on a GPU too.
    """
    options = options or ModelOptions()
    if options.dtype == "auto":
        options = replace(options, dtype="float32")
    with one_line_errors(name):
        config = find_model_files(name, options).config
    named = " ".join(getattr(config, "architectures", None) or ())
    head = None
    if "SequenceClassification" in named:
        head = "classifier"
    elif any(part in named for part in ("CausalLM", "MaskedLM", "LMHead", "PreTraining")):
        head = None if getattr(config, "is_encoder_decoder", False) else "lm"
    if options.of_decoder and getattr(config, "is_encoder_decoder", False):
        head = "lm" if any(part in named for part in ("ConditionalGeneration", "MTModel")) else None
    try:
        return load_model(name, options=options, device=device, head=head)
    except MissingHeadError as error:
        logger.warning("%s Its embedding is used.", error.what)
        return load_model(name, options=options, device=device)


def _reload(name: str, options: ModelOptions, *, device: str, head: str | None) -> Model:
    return load_model(name, options=options, device=device, head=head)


def _class_with_head(config: Any, head: str) -> str:  # noqa: ANN401 - untyped library
    """Name the automatic class that loads a network with a head."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    if head == "classifier":
        return "AutoModelForSequenceClassification"
    if getattr(config, "is_encoder_decoder", False):
        return "AutoModelForSeq2SeqLM"
    # BERT and its kin are in both lists; they are decoders only where their configuration says so
    masked = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    return "AutoModelForMaskedLM" if masked else "AutoModelForCausalLM"


def _body_of(name: str, whole: Any, head: str | None) -> nn.Module:  # noqa: ANN401 - untyped library
    """Give the encoder or decoder that neurons are read from."""
    if getattr(whole.config, "is_encoder_decoder", False):
        encoder: nn.Module = whole.get_encoder()
        return encoder
    body: nn.Module = whole if head is None else whole.base_model
    if head is not None and body is whole:
        what = f"The model {name!r} is a {type(whole).__name__}, and no body is found below its head."
        raise MissingHeadError(what, hint="load it without a head")
    return body


def load_tokenizer(files: ModelFiles, options: ModelOptions) -> Any:  # noqa: ANN401 - untyped library
    """Load a model's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(
        files.source, trust_remote_code=options.trust_remote_code, revision=files.revision
    )


def load_network(
    files: ModelFiles, options: ModelOptions, *, dtype: str, head: str = "AutoModel", device: str = ""
) -> tuple[Any, dict[str, Any]]:
    """Load a network, in evaluation mode, by one of transformers' automatic classes.

    Next to it comes what transformers says of the weights: ``missing_keys``, ``mismatched_keys`` ...
    """
    import transformers

    # The keyword was renamed on the way to version 5; left out, version 5 takes the file's own dtype.
    dtype_key = "dtype" if int(transformers.__version__.partition(".")[0]) >= 5 else "torch_dtype"
    keywords: dict[str, Any] = {
        "config": files.config,
        "revision": files.revision,
        "trust_remote_code": options.trust_remote_code,
        "use_safetensors": None if options.allow_pickle else True,
        "output_loading_info": True,
        # what has another shape is named by the check of weights; a head for another task is initialised again
        "ignore_mismatched_sizes": True,
        dtype_key: getattr(torch, dtype),
    }
    if device == SPREAD:
        require_extra("accelerate", extra="spread", purpose="to spread a model over several devices")
        keywords["device_map"] = "auto"
    automatic = getattr(transformers, head)
    if head != "AutoModel":
        network, loading = automatic.from_pretrained(files.source, **keywords)
        return network, loading
    try:
        # The pooler head is of no use here, and often has no weights in the file.
        network, loading = automatic.from_pretrained(files.source, add_pooling_layer=False, **keywords)
    except TypeError as error:
        if "add_pooling_layer" not in str(error):
            raise
        network, loading = automatic.from_pretrained(files.source, **keywords)
    return network, loading


def _check_tokenizer(name: str, tokenizer: Tokenizer) -> None:
    # Where the tokenizer's files are missing, version 5 of transformers makes one that knows special tokens only.
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        what = f"The tokenizer of the model {name!r} has no vocabulary, so every word would be unknown."
        hint = "copy tokenizer.json (or vocab.txt) next to config.json"
        raise ModelError(what, expected="the files of the model's tokenizer", hint=hint)


def _check_weights(name: str, whole: nn.Module, body: nn.Module, loading: dict[str, Any], head: str | None) -> None:
    """Refuse weights that would be random; heads that are not used may lack theirs."""
    used = {id(each) for each in body.parameters()}
    names = {key for key, each in whole.named_parameters(remove_duplicate=False) if id(each) in used}
    bad = [*loading.get("missing_keys", ()), *(each[0] for each in loading.get("mismatched_keys", ()))]
    missing = sorted(key for key in bad if key in names and "pooler." not in key)
    if missing:
        what = f"{len(missing)} weights of the model {name!r} are not in its files or have another shape: "
        hint = "they would be random; the folder may hold a checkpoint of another architecture"
        raise ModelError(what + _first(missing), expected="weights for every parameter", hint=hint)
    if head is not None and bad:
        what = f"The model {name!r} has no {head} head: its files lack {_first(sorted(bad))}"
        hint = "the head would be random; name a model that was trained with one, or leave out head="
        raise MissingHeadError(what, expected=f"the weights of a {type(whole).__name__}", hint=hint)


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "") + "."


def to_device(network: nn.Module, name: str, *, dtype: str, device: str) -> nn.Module:
    """Move a network to a device; one that is spread over several stays.

    Weights take a number format; buffers stay as Hugging Face loads them, for the frequencies of rotary positions
    are kept in float32: rounded ones would put tokens at other places.
    """
    if device == SPREAD and is_spread(network):
        return network
    device = _kind(device)
    try:
        network = network.to(device=torch.device(device))
        for each in network.parameters():
            if each.is_floating_point():
                each.data = each.data.to(getattr(torch, dtype))
        return network
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        # torch lists a score of device types that nobody has
        reason = str(error).partition("\n")[0]
        reason = "there is no such kind of device" if reason.startswith("Expected one of") else reason
        what = f"The model {name!r} cannot go to the device {device!r}: {reason}"
        raise ModelError(what, expected="cpu, cuda, cuda:0, mps", hint="--device cpu always works") from error


def position_limit(network: nn.Module) -> int | None:
    """Return how many tokens a network has positions for."""
    limits = []
    declared = getattr(network.config, "max_position_embeddings", None)
    if isinstance(declared, int) and declared > 0:
        limits.append(declared)
    for name, module in network.named_modules():
        # RoBERTa and its kin count positions from padding_idx + 1, so the table has fewer than it seems.
        own = name.rpartition(".")[2]
        if isinstance(module, nn.Embedding) and own == "position_embeddings" and module.padding_idx is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1)
    return min(limits) if limits else None


def _max_tokens(network: nn.Module, tokenizer: Tokenizer, options: ModelOptions) -> int:
    # Tokenizers without a limit declare an absurd one.
    limits = [each for each in (tokenizer.model_max_length, position_limit(network)) if each]
    return int(min(*limits, options.max_tokens or MAX_TOKENS_DEFAULT, MAX_TOKENS_LIMIT))


def _fingerprint(files: ModelFiles) -> str:
    folder = files.folder
    if folder is None:
        from huggingface_hub import try_to_load_from_cache

        # The hub's files lie side by side in one cache folder, so a download and a copy have one fingerprint.
        config = try_to_load_from_cache(files.source, "config.json", revision=files.revision)
        if not isinstance(config, str):
            logger.warning(
                "The files of %s are not in the hub's cache; the model has no fingerprint.", files.source
            )
            return ""
        folder = Path(config).parent
    return fingerprint_folder(folder, pickled=not any(folder.glob("*.safetensors")))
