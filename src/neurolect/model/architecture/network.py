"""A network, its tokenizer and its numbered neurons, whatever the way to run it."""

import hashlib
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurolect.errors import ModelError
from neurolect.model.architecture.decoder_side import DecoderSide
from neurolect.model.architecture.devices import main_device
from neurolect.model.architecture.gates import Part, find_inputs
from neurolect.model.architecture.latent_taps import check_width, latent_tap
from neurolect.model.architecture.taps import Tap, find_taps
from neurolect.model.architecture.unchanged import put_back
from neurolect.model.autoencoders.opening import notices_of, open_autoencoders
from neurolect.model.batching import Feeding, PaddedBatch, check_known, check_pooled, pad
from neurolect.model.hugging_face import REFUSALS, Output, Tokenizer, quiet_transformers
from neurolect.model.neurons import NeuronIndex
from neurolect.model.options import DECODER, EMPTY, LATENT, MAX_TOKENS_LIMIT, SAME, ModelOptions, plain_site
from neurolect.model.tokens import TokenizedSentences, tokenize


class Network:
    """What a way to run a network is given; :class:`neurolect.model.Model` adds the way."""

    def __init__(
        self,
        network: nn.Module,
        tokenizer: Tokenizer,
        *,
        name: str,
        options: ModelOptions,
        max_tokens: int,
        fingerprint: str = "",
        architecture: str = "",
        body: nn.Module | None = None,
        source_tokenizer: Tokenizer | None = None,
    ) -> None:
        self.network, self.body = network, network if body is None else body
        self.tokenizer, self.source_tokenizer = tokenizer, source_tokenizer or tokenizer
        self.name, self.options, self.max_tokens = name, options, max_tokens
        self.architecture = architecture or type(network).__name__
        self.n_parameters = sum(each.numel() for each in self.body.parameters())
        self.dtype = str(next(network.parameters()).dtype).removeprefix("torch.")
        self.keywords = forward_keywords(self.body)
        self.known_words = _known_words(self.body)
        self.pad_id = _pad_id(tokenizer, self.known_words)
        self.feeding = Feeding()
        self.unlike = ""
        """Why sentences of several lengths cannot go into one batch, where they cannot."""
        self.autoencoders = [each.to(self.device) for each in open_autoencoders(options.sae)]
        self.fingerprint = _with_autoencoders(fingerprint, [each.fingerprint for each in self.autoencoders])
        self._bare = False
        self.find_taps()
        self.gates = self._find_gates() if "mlp" in map(plain_site, options.sites) else {}
        """Gates of the taps at the site mlp, by number of the tap; all of them have one, or there are none."""
        self.keep_states = any(tap.reads == "hidden_states" for tap in self.taps)
        self.start = self.body.start if isinstance(self.body, DecoderSide) else tokenizer.bos_token_id
        """The token that may be put before each sentence."""
        self.n_prepended = _n_prepended(tokenizer, name) if options.prepend_bos else int(options.of_decoder)
        """Tokens put before each sentence that its tokenizer does not put there."""
        n_special = int(tokenizer.num_special_tokens_to_add(pair=False)) + self.n_prepended
        if max_tokens <= n_special:
            what = f"Sentences may have {max_tokens} model tokens, and the tokenizer adds {n_special} of its own."
            raise ModelError(what, expected=f"more than {n_special}", hint="raise or drop model.max_tokens")

    @property
    def device(self) -> torch.device:
        """Where the network runs; of one that is spread over several devices, where its input goes."""
        return main_device(self.body)

    @property
    def n_words(self) -> int:
        """How many model tokens the network knows; those of its tokenizer where it has no table of them."""
        return self.known_words or len(self.tokenizer)

    @property
    def usable_words(self) -> NDArray[np.int64]:
        """Model tokens that sentences are made of: not padding, to which some networks give no position."""
        padding = getattr(_embedding(self.body), "padding_idx", None)
        return np.setdiff1d(np.arange(self.n_words), [self.pad_id, -1 if padding is None else padding])

    def find_taps(self, *, hooks: bool = True) -> None:
        """Find where the neurons of the options are read.

        ``hooks``: Whether hidden states may be read inside the network and not only in its result.
        """
        self.taps, self.n_layers = self.taps_at(self.options.sites, self.options.layers, hooks=hooks)
        self._dress(bare=self._bare)

    def _dress(self, *, bare: bool) -> None:
        """Let taps read latents, or the states that these are made of."""
        self._bare = bare
        for number, tap in enumerate(self.taps):
            own = [each for each in self.latent_taps if each.place[:2] == tap.place[:2]]
            if own and bare and own[0].autoencoder is not None:
                place = tap.place._replace(width=own[0].autoencoder.width)
                self.taps[number] = own[0]._replace(place=place, autoencoder=None)
            elif own:
                self.taps[number] = own[0]
        self.neurons = NeuronIndex(tuple(tap.place for tap in self.taps))

    @contextmanager
    def without_autoencoders(self) -> Iterator[None]:
        """Read states inside the ``with``: what rounding does to them can be judged, other than who is among k."""
        self._dress(bare=True)
        try:
            yield
        finally:
            self._dress(bare=False)

    @cached_property
    def latent_taps(self) -> list[Tap]:
        """Where latents are read, once it is found."""
        found: list[Tap] = []
        for each in self.autoencoders:
            tap = latent_tap(self.body, each, find=lambda site, layer: self.taps_at([site], [layer])[0][0])
            if any(other.place[:2] == tap.place[:2] for other in found):
                what = f"Two sparse autoencoders are called {each.name!r} at layer {tap.place.layer}."
                raise ModelError(what, expected="different names", hint="NAME=FOLDER gives one a name")
            with put_back(self.body), quiet_transformers():
                check_width(tap, run=partial(self._trial, 7), n_tokens=7)
            found.append(tap)
        return found

    def taps_at(
        self, sites: Sequence[str], layers: Sequence[int] | None, *, hooks: bool = True
    ) -> tuple[list[Tap], int]:
        """Find taps at some sites and layers, and the number of blocks, by trial runs that change nothing.

        ``sites``: ``latent`` stands for the latents of all autoencoders, at whatever layer.
        """
        plain = [each for each in sites if each.partition(".")[0] != LATENT]
        found, n_layers = self._plain_taps(plain, layers, hooks=hooks)
        taps: list[Tap] = []
        for site in sites:
            if site in plain:
                taps += [each for each in found if each.place.site == site]
                continue
            own = [each for each in self.latent_taps if site in (LATENT, each.place.site)]
            if not own:
                known = ", ".join(each.site for each in self.autoencoders) or "none"
                what = f"The site {site!r} was asked for; sparse autoencoders give: {known}."
                raise ModelError(what, hint="name the folder of one: --sae FOLDER, or --set model.sae=NAME=FOLDER")
            taps += [each for each in own if site == LATENT or layers is None or each.place.layer in layers]
        return taps, n_layers

    def _plain_taps(
        self, sites: Sequence[str], layers: Sequence[int] | None, *, hooks: bool
    ) -> tuple[list[Tap], int]:
        why, own = None, isinstance(self.body, DecoderSide)
        other = [each for each in sites if each.startswith(DECODER) != own]
        if other:
            side = "decoder" if own else "encoder"
            what = f"The site {other[0]!r} was asked for, and of the model {self.name!r} the {side} is read."
            there = ", ".join(DECODER * own + each for each in ("hidden", "mlp", "attn", "head"))
            raise ModelError(what, expected=f"one of {there}", hint="model.sites says which side is read")
        # 7 is no multiple of a window or of a factor by which a network shortens its states
        for n_tokens in (7, *(each for each in trial_lengths(self) if each > 2)):
            run = partial(self._trial, n_tokens)
            try:
                with put_back(self.body), quiet_transformers():
                    found, n_layers = find_taps(
                        self.body,
                        sites=[plain_site(each) for each in sites],
                        layers=layers,
                        run=run,
                        shape=(2, n_tokens),
                        hooks=hooks,
                        paths=self.options.paths,
                    )
                    return [each.on_side(DECODER if own else "") for each in found], n_layers
            except REFUSALS as error:
                why = why or error
        reason = str(why).partition("\n")[0]
        dtype = self.dtype if self.options.dtype == "auto" else self.options.dtype
        what = f"The model {self.name!r} ({type(self.body).__name__}) does not run with {dtype} on {self.device}: "
        hint = "set model.dtype to float32"
        if dtype == "float32":
            hint = "only networks that take token ids (`input_ids`) and nothing else can be read"
        raise ModelError(what + reason, hint=hint) from why

    def _find_gates(self) -> dict[int, Part]:
        """Find the gates in a trial run that changes nothing."""
        n_mlp = sum(plain_site(tap.place.site) == "mlp" for tap in self.taps)
        for n_tokens in (7, *(each for each in trial_lengths(self) if each > 2)):
            run = partial(self._trial, n_tokens)
            with suppress(*REFUSALS), put_back(self.body), quiet_transformers(), torch.inference_mode():
                inputs = find_inputs(self.body, self.taps, run=run)
                found = {number: each.gate for number, each in inputs.items() if each.gate is not None}
                return found if len(found) == n_mlp else {}
        return {}

    def tokenize(self, texts: Sequence[str], sources: Sequence[str | None] | None = None) -> TokenizedSentences:
        """Turn sentences into model tokens, cut at ``max_tokens``."""
        include = self.options.special_tokens == "include"
        found = tokenize(
            self.tokenizer, texts, max_tokens=self.max_tokens - self.n_prepended, include_special=include
        )
        found = self.as_fed(found)
        if self.options.source == EMPTY:
            return found
        if self.options.source == SAME:
            sources = texts
        if sources is None:
            what = f"Sentences were given without their sources, and model.source is {self.options.source!r}."
            hint = "what reads a corpus or a run has them; for sentences alone: --set model.source=empty, or same"
            raise ModelError(what, expected="a source for each sentence", hint=hint)
        given = [each or "" for each in sources]
        return found.with_source(tokenize(self.source_tokenizer, given, max_tokens=self.max_tokens))

    @property
    def may_begin(self) -> bool:
        """Whether ``prepend_bos`` would put a token before sentences that is not there yet."""
        begin = self.tokenizer.bos_token_id
        return begin is not None and not self.n_prepended and not _begins(self.tokenizer)

    def forward(self, batch: PaddedBatch, *, output_hidden_states: bool) -> Output:
        """Run the network alone."""
        given: dict[str, object] = {"output_hidden_states": output_hidden_states, **self.keywords}
        if batch.source is not None:
            given["source"] = batch.source
        return cast(Output, self.body(input_ids=batch.ids, attention_mask=batch.mask, **given))

    def as_fed(self, tokens: TokenizedSentences) -> TokenizedSentences:
        """Put a token before sentences, and leave their first ones out of pooling, where the options say so."""
        if self.n_prepended:
            include = self.options.special_tokens == "include"
            tokens = tokens.with_first(self.start or 0, pooled=include)
        return tokens.without_first(self.options.skip_first)

    def pad(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> PaddedBatch:
        """Make a batch of some of the sentences."""
        self.check(sentences, positions)
        if self.feeding.together != "any":
            sizes = np.maximum(sentences.lengths[positions], self.feeding.least)
            if len(sizes) > 1 and (self.feeding.together == "alone" or sizes.min() < sizes.max()):
                what = f"A batch of {len(sizes)} sentences of {sizes.min()} to {sizes.max()} tokens was asked for."
                hint = f"let `model.way.plan` make the batches: {self.unlike}"
                raise ModelError(what, expected=f"sentences fed {self.feeding.together}", hint=hint)
        return pad(sentences, positions=positions, pad_id=self.pad_id, least=self.feeding.least)

    def check(self, sentences: TokenizedSentences, positions: NDArray[np.integer]) -> None:
        """Raise a ModelError where one of the sentences has no token to pool, or one the network does not know."""
        check_pooled(sentences, positions)
        if self.known_words is not None and (len(self.tokenizer) > self.known_words):
            check_known(sentences, positions, n_words=self.known_words, name=self.name, tokenizer=self.tokenizer)

    def warnings(self) -> list[str]:
        """Say in sentences which layers are not read, and which tokens are not known."""
        said = []
        name = type(self.body).__name__
        wanted = (
            range(1, self.n_layers + 1)
            if self.options.layers is None and "hidden" in map(plain_site, self.options.sites)
            else ()
        )
        read = {tap.place.layer for tap in self.taps if plain_site(tap.place.site) == "hidden"}
        missing = [str(each) for each in wanted if each not in read]
        if missing:
            layers = ", ".join(missing)
            said.append(f"Not read: the layers {layers} of a {name}, which have fewer or more states than tokens.")
        said += [] if self.options.layers is not None else [self._partly(each) for each in self.options.sites]
        said = [each for each in said if each]
        n_words, n_tokens = self.known_words, len(self.tokenizer)
        if n_words is not None and n_tokens > n_words:
            said.append(
                f"The tokenizer has {n_tokens:,} tokens and the model {n_words:,}: "
                f"a sentence with a token from number {n_words:,} on is refused."
            )
        said += self._fed_to_sides()
        begun = bool(self.n_prepended) or _begins(self.tokenizer)
        return [*said, *(line for each in self.autoencoders for line in notices_of(each, self.name, begun=begun))]

    def _fed_to_sides(self) -> list[str]:
        """Say what a decoder and its encoder are given."""
        if not isinstance(self.body, DecoderSide):
            return []
        field = self.options.source_field
        given = {EMPTY: "an empty text", SAME: "the same sentence"}.get(self.options.source, f"the field {field!r}")
        start = self.tokenizer.convert_ids_to_tokens(self.body.start)
        cut = "; a sentence without one is not fed" if field else ""
        return [f"The decoder reads each sentence behind {start!r}; the encoder is given {given}{cut}."]

    def _partly(self, site: str) -> str:
        """Say which layers have a site of every block, where not all do; else nothing."""
        has = {tap.place.layer for tap in self.taps if tap.place.site == site}
        lacking = [str(each) for each in range(1, self.n_layers + 1) if each not in has]
        if plain_site(site) in ("hidden", "latent") or not lacking:
            return ""
        read, not_read = ", ".join(map(str, sorted(has))), ", ".join(lacking)
        return (
            f"The site {site} of a {type(self.body).__name__} is read at the layers {read}; {not_read} have none, "
            "as blocks without attention or mixtures of experts."
        )

    def _trial(self, n_tokens: int) -> Output:
        """Run the network on two sentences, to see how it is built and that it runs at all."""
        some = np.resize(self.usable_words[:64], 2 * n_tokens).reshape(2, n_tokens)
        ids = torch.from_numpy(some).to(self.device)
        with torch.inference_mode():
            keywords = {"output_hidden_states": True, **self.keywords}
            return cast(Output, self.body(input_ids=ids, attention_mask=torch.ones_like(ids), **keywords))


def _with_autoencoders(fingerprint: str, others: Sequence[str]) -> str:
    """Name a model together with what makes latents of its states."""
    if not others:
        return fingerprint
    return hashlib.blake2b(" ".join([fingerprint, *others]).encode(), digest_size=16).hexdigest()


def named_lengths(model: Network) -> dict[str, int]:
    """Give what a configuration calls a sequence's length, by key."""
    given = vars(model.body.config).items()
    return {key: value for key, value in given if "seq_len" in key and isinstance(value, int)}


def trial_lengths(model: Network) -> list[int]:
    """Give lengths of sentences to try where the usual ones do not run; some networks take but a few.

    Returns: Ascending, those that the configuration calls a sequence's length among them.
    """
    named = list(named_lengths(model).values())
    usual = [1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512]
    most = max([model.max_tokens, *(each for each in named if each <= MAX_TOKENS_LIMIT)])
    return sorted({each for each in (*usual, *named, model.max_tokens) if 0 < each <= most})


def _embedding(network: nn.Module) -> nn.Module | None:
    """Give the table of a network's tokens; None where it has none."""
    try:
        found = network.get_input_embeddings()  # type: ignore[operator]
    except (NotImplementedError, AttributeError):
        return None
    return found if isinstance(found, nn.Module) else None


def _known_words(network: nn.Module) -> int | None:
    """Count the tokens that a network has a row for; None where any number will do."""
    embedding = _embedding(network)
    n = getattr(embedding, "num_embeddings", None)
    if n is None and isinstance(getattr(embedding, "weight", None), torch.Tensor):
        n = embedding.weight.shape[0]  # type: ignore[union-attr,index]
    return None if n is None else int(n)


def forward_keywords(network: nn.Module) -> dict[str, bool]:
    """Switch off what the pass has no use for, in networks that know it."""
    known = inspect.signature(network.forward).parameters
    keywords = {"return_dict": True}
    if "use_cache" in known:
        keywords["use_cache"] = False
    return keywords


def _n_prepended(tokenizer: Tokenizer, name: str) -> int:
    """Say whether a token that begins a text is still to be put before it."""
    if tokenizer.bos_token_id is None:
        what = f"The tokenizer of the model {name!r} has no token that begins a text."
        raise ModelError(
            what, hint="leave model.prepend_bos out; model.skip_first=1 leaves first tokens out of pooling"
        )
    return int(not _begins(tokenizer))


def _begins(tokenizer: Tokenizer) -> bool:
    """Say whether a tokenizer puts the token that begins a text before each sentence."""
    return tokenizer(["a"])["input_ids"][0][:1] == [tokenizer.bos_token_id]


def _pad_id(tokenizer: Tokenizer, n_words: int | None) -> int:
    # Padding is masked, so where there is no token for it, or one that the network has no row for, any id does.
    pad_id = tokenizer.pad_token_id
    return 0 if pad_id is None or (n_words is not None and pad_id >= n_words) else int(pad_id)
