"""Find a model's files, and refuse what would lead a loader to other files or to code, before anything is loaded.

transformers follows more than a model's own weights: an index may name any file, an adapter another model, a
configuration another file of weights or a kernel of the hub. Only small JSON files are read here. Links are
followed, for the hub's cache is made of them: a file whose name ends in ``.safetensors`` is never read as a pickle.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from neurolect.errors import ModelError, NeurolectError
from neurolect.folders.models import NAMED_MODELS, locate_model
from neurolect.folders.variant_record import check_files
from neurolect.model.hugging_face import quiet_transformers
from neurolect.model.options import ModelOptions

logger = logging.getLogger(__name__)

_INDEX = "model.safetensors.index.json"
_KERNELS = ("_attn_implementation", "_experts_implementation")
_DISTRIBUTED = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")


class ModelFiles(NamedTuple):
    """Where a model's files are, and its configuration; what they name is checked."""

    source: str
    """Folder, or name on the hub."""
    folder: Path | None
    """None for a name on the hub."""
    revision: str | None
    """Commit on the hub, so that no file can change between its check and its use."""
    config: Any
    """A ``transformers.PretrainedConfig``."""


def find_model_files(name: str, options: ModelOptions) -> ModelFiles:
    """Find a model's files and check that they lead nowhere else; used inside :func:`one_line_errors`."""
    from transformers import AutoConfig

    source, folder = locate_model(name)
    if folder is not None:
        check_files(folder)
        _check_folder(folder, options)
        revision = None
    else:
        logger.info("%s is no folder here: looking for it on the Hugging Face hub.", name)
        revision = _revision_of(source)
    config = AutoConfig.from_pretrained(source, trust_remote_code=options.trust_remote_code, revision=revision)
    if folder is None:
        _check_hub(source, revision, options, explicit=getattr(config, "transformers_weights", None) is not None)
    _check_config(name, config, options)
    return ModelFiles(source, folder, revision, config)


def _check_folder(folder: Path, options: ModelOptions) -> None:
    """Say plainly what a model folder lacks, before transformers does so in its own way."""
    if not (folder / "config.json").is_file():
        inner = sorted(each.parent.name for each in folder.glob("*/config.json"))
        hint = f"did you mean its folder {inner[0]!r}?" if inner else "give the folder that `save_pretrained` wrote"
        if (folder / "manifest.json").is_file():
            # a run is often named after its model: `neurolect collect minilm CORPUS --out minilm`
            hint = (
                "it is no model but a folder that neurolect made; call it otherwise, or give the model's whole path"
            )
        what = f"The folder {str(folder)!r} has no config.json."
        raise ModelError(what, expected="a Hugging Face model folder", hint=hint)
    if (folder / "adapter_config.json").exists():
        raise _is_adapter(str(folder))
    names = {each.name for each in folder.iterdir()}
    if any(_DISTRIBUTED.fullmatch(each) for each in names):
        what = f"The folder {str(folder)!r} is a checkpoint of distributed training."
        raise ModelError(what, expected="model.safetensors", hint="save the model with `save_pretrained`")
    for name in sorted(each for each in names if each.endswith(".index.json")):
        if options.allow_pickle or name.endswith(".safetensors.index.json"):
            _check_index(folder / name, str(folder), options, present=names)
    pickled = sorted(each for each in names if re.fullmatch(r"pytorch_model.*\.bin", each))
    if any(each.endswith(".safetensors") for each in names):
        return
    if not pickled:
        what = f"The folder {str(folder)!r} has no weights."
        raise ModelError(what, expected="model.safetensors", hint="copy the weights next to config.json")
    if not options.allow_pickle:
        raise _is_pickled(str(folder), pickled[0])


def _revision_of(source: str) -> str | None:
    """Fetch the configuration; the cache's folder that holds it is called by the commit."""
    from transformers.utils import cached_file

    path = cached_file(source, "config.json")
    return None if path is None else Path(path).parent.name


def _check_hub(source: str, revision: str | None, options: ModelOptions, *, explicit: bool) -> None:
    """Check what a name on the hub leads to, before any weights are fetched."""
    from transformers.utils import cached_file, has_file

    wanted = ["adapter_config.json", _INDEX, *(["pytorch_model.bin.index.json"] if options.allow_pickle else [])]
    for name in wanted:
        path = cached_file(
            source,
            name,
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        if path is not None and name == "adapter_config.json":
            raise _is_adapter(source)
        if path is not None:
            _check_index(Path(path), source, options, present=None)
            explicit = explicit or name == _INDEX
    # without safetensors transformers would ask the hub to convert the pickles and take what comes
    if not (options.allow_pickle or explicit or has_file(source, "model.safetensors", revision=revision)):
        raise _is_pickled(source, "pytorch_model.bin")


def _check_index(path: Path, model: str, options: ModelOptions, *, present: set[str] | None) -> None:
    """Refuse an index of weights that names anything but files of weights next to it."""
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()
        files = sorted({str(each) for each in named})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"The index of weights {path.name} of {model!r} is damaged."
        raise ModelError(what, expected="an object `weight_map`", hint="copy the index again") from error
    for each in files:
        _check_weights_name(each, path.name, model, options)
        if present is not None and each not in present:
            what = f"{path.name} of {model!r} names {each!r}, which is not there."
            raise ModelError(what, expected="all files of weights that it names", hint="copy the rest of the model")


def _check_weights_name(name: str, named_by: str, model: str, options: ModelOptions) -> None:
    if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
        what = f"{named_by} of {model!r} names weights outside of the model: {name!r}."
        raise ModelError(what, expected="files next to config.json", hint="use a model folder as it was published")
    if not name.endswith(".safetensors") and not options.allow_pickle:
        raise _is_pickled(model, name, named_by)


def _check_config(name: str, config: Any, options: ModelOptions) -> None:  # noqa: ANN401 - untyped library
    """Refuse a configuration that names other weights, or code on the hub that runs without being asked for."""
    from transformers import PretrainedConfig

    weights = getattr(config, "transformers_weights", None)
    if weights is not None:
        _check_weights_name(str(weights).removesuffix(".index.json"), "config.json", name, options)
    for key in _KERNELS:
        kernel = getattr(config, key, None)
        if kernel is not None and "/" in str(kernel) and not options.trust_remote_code:
            what = f"config.json of {name!r} names code on the hub: {key} is {kernel!r}."
            hint = "it would be fetched and run; if you trust it: --set model.trust_remote_code=true"
            raise ModelError(what, expected="eager, sdpa or another way that transformers brings", hint=hint)
    for each in vars(config).values():
        if isinstance(each, PretrainedConfig):
            _check_config(name, each, options)


def _is_adapter(model: str) -> ModelError:
    what = f"{model!r} holds an adapter (adapter_config.json), which changes another model."
    hint = "merge it first: peft's `merge_and_unload()`, then `save_pretrained` of the model and its tokenizer"
    return ModelError(what, expected="a model with all its weights", hint=hint)


def _is_pickled(model: str, name: str, named_by: str = "") -> ModelError:
    by = f", named by {named_by}" if named_by else ""
    what = f"The weights of {model!r} are pickled: {name}{by}."
    hint = "a pickle can run any code while it loads; if you trust it: --set model.allow_pickle=true"
    return ModelError(what, expected="model.safetensors", hint=hint)


@contextmanager
def one_line_errors(name: str) -> Iterator[None]:
    """Keep transformers quiet, and turn whatever loading raises into one short ModelError."""
    from safetensors import SafetensorError

    kinds = (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError, AttributeError, SafetensorError)
    try:
        with quiet_transformers():
            yield
    except NeurolectError:
        raise
    except kinds as error:
        logger.debug("Loading %s failed.", name, exc_info=True)
        # Without the chain: transformers and the hub raise several errors on top of each other.
        raise _not_loaded(name, error, local=name in NAMED_MODELS or Path(name).expanduser().is_dir()) from None


def _not_loaded(name: str, error: Exception, *, local: bool) -> ModelError:
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    reason = lines[0] if lines else type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        reason = f"a JSON file is damaged ({reason})"
    if "trust_remote_code" in str(error):
        hint = "it brings its own code; if you trust it: --set model.trust_remote_code=true"
    elif "torch.load" in str(error):
        hint = "pickled weights need PyTorch 2.6 or newer; or give a model with model.safetensors"
    elif local:
        hint = "check that the folder holds config.json, model.safetensors and tokenizer.json of one model"
    elif os.environ.get("HF_HUB_OFFLINE") == "1":
        hint = "HF_HUB_OFFLINE=1 is set, so only models in the cache are found; give a local folder instead"
    elif "safetensors" in str(error):
        hint = "it may have pickled weights only; if you trust them: --set model.allow_pickle=true"
    else:
        hint = "check the spelling and the network, or give a local folder; `minilm` needs no network"
    what = f"The model {name!r} could not be loaded: {reason}"
    return ModelError(what, expected="a model folder or a name on the Hugging Face hub", hint=hint)
