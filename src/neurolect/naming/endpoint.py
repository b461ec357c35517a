"""A server that speaks OpenAI's chat completions: asked, waited for, asked again, and never trusted.

The key comes from the environment and goes into one header, to the endpoint alone: redirects are not followed, and
whatever a server sends back has the key taken out before it is shown or stored.
"""

import ipaddress
import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from neurolect.errors import EndpointError, OptionError, require_extra
from neurolect.naming.options import NameOptions
from neurolect.naming.questions import Question
from neurolect.naming.yes_no import Chances, chances_of, deciding, tokens_of
from neurolect.visible import one_line

if TYPE_CHECKING:
    import httpx

KEY = "NEUROLECT_API_KEY"
"""The environment variable that the key is read from."""
LARGEST = 1 << 20
"""Bytes of an answer that are read at most."""
DOWN, SLOW, RATE, BROKEN = "no connection", "timeout", "rate limit", "server error"
REFUSED, NONSENSE = "request refused", "no answer of the agreed form"
AGAIN = (DOWN, SLOW, RATE, BROKEN)
"""What may be otherwise a moment later."""
logger = logging.getLogger(__name__)


class Answered(NamedTuple):
    """What came back."""

    text: str
    model: str
    """As the server calls it."""
    tokens_in: int | None
    tokens_out: int | None
    cut: bool = False
    """Whether the limit of tokens ended it."""
    chances: Chances | None = None
    """How likely yes and no were; None where the server does not tell."""


class Failed(NamedTuple):
    """Why nothing came back."""

    reason: str
    said: str
    """One line of the server or of the system, without the key."""
    wait: float | None = None
    """Seconds that the server asks to wait."""


class Endpoint:
    """A server, for the time of a ``with`` block."""

    def __init__(self, url: str, options: NameOptions, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url = checked_url(url)
        self._key, self._options, self._sleep = read_key(), options, sleep
        self._tells: bool | None = None
        """Whether it tells probabilities, once that is known."""
        self._httpx = require_extra("httpx", extra="name", purpose="to ask a language model")
        local = is_loopback(self.url)
        if self.url.startswith("http:") and not local:
            key = " and the key" if self._key else ""
            logger.warning("%s: sentences%s travel unencrypted. Use https where you can.", self.url, key)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client: httpx.Client = self._httpx.Client(
            headers=headers,
            timeout=options.timeout,
            follow_redirects=False,
            trust_env=not local,  # a proxy is of no use on this machine
        )

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def ask(self, question: Question) -> Answered | Failed:
        """Ask a question, again where that may help; raise where no question will ever be answered.

        Raises: EndpointError, for a wrong key or address, and redirects.
        """
        if self._tells is False:
            question = question._replace(likely=0)
        for turn in range(self._options.retries + 1):
            found = self._once(question)
            if question.likely and self._tells is None:
                found = self._reported(question, found, last=turn == self._options.retries)
            if isinstance(found, Answered) or found.reason not in AGAIN or turn == self._options.retries:
                return found
            wait = found.wait if found.wait is not None else min(2.0**turn, self._options.longest_wait)
            if wait > self._options.longest_wait:
                return found._replace(said=f"{found.said}; it asks to wait {wait:,.0f} s")
            self._sleep(wait)
        return found

    def _reported(self, question: Question, found: Answered | Failed, *, last: bool) -> Answered | Failed:
        """Find out whether a server tells probabilities; ask one that refuses them without.

        ``last``: Whether the question is not tried again: a broken server may have had another reason.
        """
        if isinstance(found, Answered):
            self._tells = True
        elif found.reason == REFUSED or (last and found.reason == BROKEN):
            plain = self._once(question._replace(likely=0))
            if isinstance(plain, Answered):
                self._tells = False
                logger.warning("%s refuses to tell probabilities: yes and no are read as words.", self.url)
                return plain
        return found

    def _once(self, question: Question) -> Answered | Failed:
        errors: Any = self._httpx
        content = json.dumps(question.body).encode("ascii")
        until = time.monotonic() + self._options.timeout
        try:
            with self._client.stream("POST", f"{self.url}/chat/completions", content=content) as response:
                data = bytearray()
                for piece in response.iter_bytes():
                    data += piece
                    if len(data) > LARGEST:
                        return Failed(NONSENSE, f"more than {LARGEST:,} bytes")
                    if time.monotonic() > until:
                        return Failed(SLOW, f"not done after {self._options.timeout:g} s")
                status, headers = response.status_code, response.headers
        except errors.TimeoutException:
            return Failed(SLOW, f"nothing for {self._options.timeout:g} s")
        except errors.RequestError as error:
            return Failed(DOWN, self._harmless(str(error)) or type(error).__name__)
        if status == 200:
            return self._read(bytes(data))
        said = f"{status}: {self._harmless(_message(bytes(data)))}"
        if status == 429 or status >= 500:
            return Failed(RATE if status == 429 else BROKEN, said, _seconds(headers.get("retry-after")))
        if status in (301, 302, 303, 307, 308, 401, 403, 404, 405):
            self._raise(status, said, self._harmless(headers.get("location", "")))
        return Failed(REFUSED, said)

    def _read(self, data: bytes) -> Answered | Failed:
        """Read an answer that is said to be one."""
        try:
            whole = json.loads(data)
        except (ValueError, RecursionError):
            return Failed(NONSENSE, self._harmless(data[:200].decode("utf-8", "replace")) or "nothing")
        found = read_completion(whole, clean=self._harmless)
        if isinstance(found, Failed):
            return found
        return found._replace(text=self._without_key(found.text))

    def _raise(self, status: int, said: str, location: str) -> None:
        """Refuse what will be the same for every question."""
        if status < 400:
            what = (
                f"{self.url} redirects to {location or 'another place'}: not followed, the key would go there too."
            )
            raise EndpointError(what, hint="If you trust that place, give it as --endpoint.")
        hint = "Is the address right? Most servers' ends with /v1"
        if status in (401, 403):
            hint = (
                f"The key is read from the environment variable {KEY}; {'it is' if self._key else 'it is not'} set."
            )
        what = f"{self.url} refuses to answer ({said})."
        raise EndpointError(what, hint=hint)

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    def _harmless(self, text: str) -> str:
        return harmless(self._without_key(text))


def harmless(text: str) -> str:
    """Make one short line of a foreign text."""
    short = one_line(text.strip())
    return short if len(short) <= 200 else short[:199] + "\u2026"


def read_completion(whole: object, *, clean: Callable[[str], str]) -> Answered | Failed:
    """Read an answer of chat completions.

    ``clean``: Makes one harmless line of what is shown.
    """
    choices = whole.get("choices") if isinstance(whole, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(whole, dict) or not isinstance(first, dict) or not isinstance(message, dict):
        return Failed(NONSENSE, clean(json.dumps(whole)[:200]))
    content = message.get("content") or ""
    if not isinstance(content, str):
        return Failed(NONSENSE, clean(json.dumps(whole)[:200]))
    usage = whole.get("usage")
    counts = [
        usage.get(name) if isinstance(usage, dict) else None for name in ("prompt_tokens", "completion_tokens")
    ]
    known = [each if isinstance(each, int) and 0 <= each < 1 << 53 else None for each in counts]
    cut = first.get("finish_reason") == "length"
    chances = chances_of(deciding(tokens_of(first), content))
    return Answered(content, clean(str(whole.get("model") or "")), known[0], known[1], cut, chances)


def read_key() -> str | None:
    """Read the key from the environment; never say what it is."""
    key = os.environ.get(KEY, "").strip()
    if key and not (key.isascii() and key.isprintable()):
        what = f"The environment variable {KEY} has characters that no key has."
        raise OptionError(what, expected="one line of ASCII")
    return key or None


def checked_url(url: str) -> str:
    """Check an endpoint's address. Returns: it without what follows the path it is asked below."""
    expected = f"http(s)://HOST[:PORT]/v1, and the key in the environment variable {KEY}"
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname if parts.port != 0 else None  # a port that is no number raises
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or not host.isprintable() or "\\" in url:
        what = "--endpoint is no address of a server."
        raise OptionError(what, expected=expected)
    if parts.username or parts.password or parts.query or parts.fragment:
        what = f"--endpoint has more in it than a path at {one_line(host)}: it is stored with the answers."
        raise OptionError(what, expected=expected)
    return parts._replace(path=parts.path.rstrip("/").removesuffix("/chat/completions")).geturl()


def is_loopback(url: str) -> bool:
    """Say whether an address is of this machine.

    >>> is_loopback("http://127.0.0.1:8080/v1"), is_loopback("http://[::1]/v1"), is_loopback("http://10.0.0.1/v1")
    (True, True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _message(data: bytes) -> str:
    """Find what a server says of an error."""
    text = data[:2_000].decode("utf-8", "replace")
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return text
    error = whole.get("error", whole.get("detail")) if isinstance(whole, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else text


def _seconds(header: str | None) -> float | None:
    """Read Retry-After: seconds, or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header)) if float(header) < 1e9 else None
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
