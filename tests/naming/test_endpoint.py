"""A server that is down, slow, overloaded, redirects or lies: named, and tried again where that helps."""

import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from neurolect.errors import EndpointError, OptionError
from neurolect.naming.endpoint import (
    BROKEN,
    DOWN,
    KEY,
    LARGEST,
    NONSENSE,
    RATE,
    REFUSED,
    SLOW,
    Answered,
    Endpoint,
    Failed,
    checked_url,
)
from neurolect.naming.options import NameOptions
from neurolect.naming.questions import Question
from tests.naming.stub_server import Answering, Reply, completion, serving

QUESTION = Question("m", "Which?", 20, 0.0)
SECRET = "sk-very-secret-123"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY, raising=False)


def asked(answer: Answering, **options: float) -> tuple[Answered | Failed, list[float], int]:
    """Ask a stub. Returns: what came, how long was waited before further tries, how often it was asked."""
    waits: list[float] = []
    with serving(answer) as stub, Endpoint(stub.url, NameOptions(**options), sleep=waits.append) as server:  # type: ignore[arg-type]
        found = server.ask(QUESTION)
        assert set(stub.paths) == {"/v1/chat/completions"}
        return found, waits, len(stub.asked)


def test_an_answer() -> None:
    found, waits, _ = asked(lambda *_: completion("NAME: x"))
    assert found == Answered("NAME: x", "stub-1", 7, None)
    assert waits == []


def test_429_is_waited_for_as_long_as_the_server_says() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    headers = [("Retry-After", "3"), ("Retry-After", date), ("X", "y")]
    found, waits, n = asked(lambda _, n: Reply(b"{}", 429, (headers[n],)) if n < 3 else completion("ok"))
    assert isinstance(found, Answered)
    assert n == 4
    assert waits[0] == 3
    assert 35 < waits[1] <= 40
    assert waits[2] == 4  # seconds, doubled each time


def test_a_server_that_asks_for_hours_is_not_waited_for() -> None:
    found, waits, n = asked(lambda *_: Reply(b'{"error": {"message": "quota"}}', 429, (("Retry-After", "7200"),)))
    assert isinstance(found, Failed)
    assert (found.reason, found.said) == (RATE, "429: quota; it asks to wait 7,200 s")
    assert (waits, n) == ([], 1)


def test_tries_are_bounded() -> None:
    found, waits, n = asked(lambda *_: Reply(b"<html>Bad gateway</html>", 502), retries=2, longest_wait=1.5)
    assert isinstance(found, Failed)
    assert (found.reason, n, waits) == (BROKEN, 3, [1.0, 1.5])
    assert "<html>Bad gateway</html>" in found.said


def test_slow_and_dripping_servers() -> None:
    found, _, n = asked(lambda *_: completion("ok")._replace(seconds=30), timeout=0.1, retries=1)
    assert isinstance(found, Failed)
    assert (found.reason, n) == (SLOW, 2)


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Endpoint(f"http://127.0.0.1:{port}/v1", NameOptions(retries=0)) as server:
        found = server.ask(QUESTION)
    assert isinstance(found, Failed)
    assert found.reason == DOWN


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome</body></html>",
        b'{"choices": []}',
        b'{"choices": [{"text": "old API"}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [null]}',
        b"[1, 2]",
        b"null",
        b"",
        b'{"choices": [{"message": {"content": "\xff\xfe"}}]}',
        b"[" * 100_000,
        b" " * (LARGEST + 1),
    ],
)
def test_nonsense_is_named_and_not_asked_for_again(body: bytes) -> None:
    found, waits, n = asked(lambda *_: Reply(body))
    assert isinstance(found, Failed)
    assert (found.reason, waits, n) == (NONSENSE, [], 1)
    assert len(found.said) <= 200


def test_no_content_is_an_empty_answer() -> None:
    assert asked(lambda *_: completion(None))[0] == Answered("", "stub-1", 7, None)


def test_a_refused_question_is_that_question_alone() -> None:
    found, _, n = asked(lambda *_: Reply(b'{"error": {"message": "too long\x1b[31m"}}', 400))
    assert isinstance(found, Failed)
    assert (found.reason, found.said, n) == (REFUSED, '400: {"error": {"message": "too long\\x1b[31m"}}', 1)


@pytest.mark.parametrize(("status", "hint"), [(401, KEY), (403, KEY), (404, "/v1"), (405, "/v1")])
def test_what_no_question_will_ever_get_past(status: int, hint: str) -> None:
    with pytest.raises(EndpointError, match=rf"refuses to answer \({status}: no\)(.|\n)*{hint}"):
        asked(lambda *_: Reply(b'{"detail": "no"}', status))


def test_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)
    with serving(lambda *_: completion("stolen")) as other:
        with pytest.raises(EndpointError, match=rf"redirects to {other.url}: not followed"):
            asked(lambda *_: Reply(b"", 307, (("Location", other.url),)))
        assert other.asked == []


def test_the_key_goes_into_the_header_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(KEY, f" {SECRET}\n")
    caplog.set_level("DEBUG")
    with serving(lambda *_: completion(f"you sent {SECRET}")) as stub, Endpoint(stub.url, NameOptions()) as server:
        found = server.ask(QUESTION)
        assert stub.keys == [f"Bearer {SECRET}"]
        assert SECRET not in json.dumps(stub.asked)
    assert isinstance(found, Answered)
    assert found.text == "you sent ***"
    with pytest.raises(EndpointError) as caught:
        asked(lambda *_: Reply(f'{{"error": {{"message": "bad key {SECRET}"}}}}'.encode(), 401))
    assert SECRET not in str(caught.value)
    assert "it is set" in str(caught.value)
    assert SECRET not in caplog.text


def test_a_key_of_odd_characters_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "sk-\nX-Evil: 1")
    with pytest.raises(OptionError, match=KEY) as caught:
        Endpoint("http://127.0.0.1:1/v1", NameOptions())
    assert "Evil" not in str(caught.value)


def test_unencrypted_text_over_a_network_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for url, warned in (("http://10.1.2.3/v1", True), ("https://10.1.2.3/v1", False), ("http://[::1]:8/v1", False)):
        caplog.clear()
        with Endpoint(url, NameOptions()):
            assert ("unencrypted" in caplog.text) is warned, url


@pytest.mark.parametrize(
    "url",
    [
        *("", "here", "ftp://host/v1", "http://", "http://h:99999/v1", "http://h:x/v1", "file:///etc/passwd"),
        *("http://ada:pw@host/v1", "http://host/v1?key=pw", "http://host/v1#pw"),
    ],
)
def test_addresses_that_are_none_or_hold_a_password(url: str) -> None:
    with pytest.raises(OptionError, match="--endpoint") as caught:
        checked_url(url)
    assert "pw" not in caught.value.what


def test_addresses() -> None:
    assert checked_url(" http://h:8/v1/chat/completions ") == "http://h:8/v1"
    assert checked_url("https://h/v1/") == "https://h/v1"
