"""Who is answered: requests under another name, of another site, without the token, with paths that lead out."""

import asyncio
import json
import threading
import time
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from neurolect.errors import MissingExtraError, OptionError
from neurolect.explorer import Answers, ServeOptions, serve
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.server.application import AT_ONCE, application
from neurolect.explorer.server.files import BUNDLE, MODULES, Page
from neurolect.explorer.server.running import prepare_first_pages
from neurolect.explorer.server.safety import HEADERS, POLICY, App, Guard, bound

OURS = "127.0.0.1:8765"


class Reply:
    """What a request got."""

    def __init__(self, messages: list[MutableMapping[str, Any]]) -> None:
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(each.get("body", b"") for each in messages[1:])


def request(app: App, path: str, **given: Any) -> Reply:
    return asyncio.run(requested(app, path, **given))


async def requested(
    app: App,
    path: str,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    query: str = "",
    body: bytes = b"",
) -> Reply:
    """Send one request, as a server would hand it over."""
    given = {"host": OURS} | dict(headers)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8765),
    }
    messages: list[MutableMapping[str, Any]] = []

    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if not left:
            await asyncio.Event().wait()  # who asked stays: older Starlettes listen while they send
        return left.pop()

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return Reply(messages)


@pytest.fixture(scope="module")
def plain_app(example_folder: Path) -> App:
    answers = Answers([example_folder])
    return application(answers, Page(unbundled=False), LiveModel(answers, ServeOptions()))


@pytest.fixture(scope="module")
def app(plain_app: App) -> App:
    return Guard(plain_app, host="127.0.0.1", port=8765, token=None)


def test_answers_come_with_a_policy_that_runs_no_inline_script(app: App) -> None:
    assert "unsafe" not in POLICY
    for path in ("/", "/data/start", "/nothing", "/data/nothing"):
        reply = request(app, path)
        assert HEADERS.items() <= reply.headers.items(), path
        assert "access-control-allow-origin" not in reply.headers
    assert json.loads(request(app, "/data/start").body)["live"]
    found = request(app, "/ask/0", query="word=shall")
    assert json.loads(found.body)["rows"]
    wrong = request(app, "/ask/0", query="regex=(")
    assert (wrong.status, bool(json.loads(wrong.body)["error"]["message"])) == (422, True)


def test_tables_and_figures_are_handed_out_and_nothing_else(app: App, example_folder: Path) -> None:
    entry = json.loads(request(app, "/data/start").body)["runs"][0]
    for each in entry["downloads"]:
        table = pq.read_table(pa.BufferReader(request(app, f"/{each['parquet']}").body))
        lines = request(app, f"/{each['csv']}").body.decode()
        assert len(table) == each["rows"] or each["label"] == "evidence"
        assert pa_csv.read_csv(pa.BufferReader(lines.encode())).num_rows == len(table)
    figure = request(app, f"/{entry['figures'][0]['svg']}")
    assert figure.headers["content-type"] == "image/svg+xml"
    assert b"<script" not in figure.body
    for path in ("/download/0/manifest.json", "/download/0/..%2fmanifest.json", "/download/0/figure/x.svg"):
        assert request(app, path).status in (404, 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8765"},
        {"host": "127.0.0.1:80"},
        {"host": "127.0.0.1:8765@evil.example:8765"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
    ids=lambda headers: "-".join(headers.values()) or "none",
)
def test_other_sites_and_names_are_refused(headers: dict[str, str], app: App) -> None:
    assert request(app, "/data/start", headers=headers.items()).status == 403


def test_our_own_page_is_answered_under_each_of_our_names(app: App) -> None:
    for name in ("127.0.0.1:8765", "localhost:8765", "[::1]:8765"):
        headers = {"host": name, "origin": f"http://{name}", "sec-fetch-site": "same-origin"}
        assert request(app, "/data/start", headers=headers.items()).status == 200


def test_a_post_says_which_page_asks_and_how_long_it_is(app: App) -> None:
    ours = {"origin": f"http://{OURS}"}
    for headers in ({}, ours, ours | {"content-length": "65537"}, {"content-length": "2"}):
        assert request(app, "/model/sentence", method="POST", headers=headers.items()).status == 403
    assert request(app, "/data/start", method="DELETE").status == 403


def test_malformed_numbers_and_bodies_are_refused_in_words(app: App) -> None:
    digits = "9" * 5_000  # more than Python makes a number of
    for path in (f"/data/overview/{digits}", f"/data/judge/{digits}", f"/data/card/0/hidden.1.{digits}"):
        assert request(app, path).status == 422
    headers = {"origin": f"http://{OURS}", "content-length": "30000"}
    reply = request(app, "/model/sentence", method="POST", headers=headers.items(), body=b"[" * 30_000)
    assert reply.status == 422
    assert json.loads(reply.body)["error"]["message"]


@pytest.mark.parametrize(
    "path",
    ["/../options.py", "/..%2foptions.py", "/src/../../options.py", "/options.py", "/%2e%2e/options.py"],
)
def test_only_files_of_the_page_are_delivered(path: str, app: App) -> None:
    assert request(app, path).status == 404


def test_beyond_this_machine_the_address_has_a_token(plain_app: App) -> None:
    app = Guard(plain_app, host="0.0.0.0", port=8765, token="a-random-token")
    assert request(app, "/data/start").status == 403
    assert request(app, "/", query="token=another").status == 403
    assert request(app, "/data/start", query="token=a-random-token").status == 403  # only the page takes it
    entered = request(app, "/", query="token=a-random-token")
    assert (entered.status, entered.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=Strict"} <= set(entered.headers["set-cookie"].split("; "))
    cookie = {"cookie": entered.headers["set-cookie"].split(";")[0]}
    assert request(app, "/data/start", headers=cookie.items()).status == 200
    assert request(app, "/data/start", headers=(cookie | {"host": "192.168.1.5:8765"}).items()).status == 200
    assert request(app, "/data/start", headers=(cookie | {"host": "evil.example:8765"}).items()).status == 403


def test_modules_are_delivered_while_the_page_is_worked_on() -> None:
    page = Page(unbundled=True)
    assert BUNDLE.encode() not in page.index()
    assert Page(unbundled=False).index().replace(BUNDLE.encode(), MODULES.encode()) == page.index()


def test_a_taken_port_and_a_missing_extra_say_what_to_do(
    example_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(OptionError, match=r"port .* cannot be served at") as refused:
            serve([example_folder], port=taken.getsockname()[1])
        assert "--port" in (refused.value.hint or "")
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    with pytest.raises(MissingExtraError) as missing:
        serve([example_folder])
    assert missing.value.hint == 'pip install "fastapi>=0.115" "uvicorn>=0.30"'


def test_first_pages_are_ready_before_they_are_asked_for(example_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text((example_folder / "manifest.json").read_text())
    answers = Answers([broken, example_folder])
    prepare_first_pages(answers)
    assert answers.opened.runs[1].kept("overview", lambda _: "made again") != "made again"


def test_a_few_answers_are_made_at_a_time_and_the_model_keeps_nobody_waiting(example_folder: Path) -> None:
    working: set[int] = set()
    most, held = 0, threading.Event()

    class Slow(Answers):
        def written(self, key: str) -> bytes:
            nonlocal most
            working.add(threading.get_ident())
            most = max(most, len(working))
            time.sleep(0.02)
            working.remove(threading.get_ident())
            return key.encode()

    class Held(LiveModel):
        def answer(self, kind: str, given: Any) -> dict[str, Any]:
            assert held.wait(60)
            return {"kind": kind}

    answers = Slow([example_folder])
    app = application(answers, Page(unbundled=False), Held(answers, ServeOptions()))

    async def visitors() -> list[Reply]:
        asked = [
            asyncio.create_task(requested(app, "/model/sentence", method="POST", body=b"{}")) for _ in range(9)
        ]
        data = await asyncio.gather(*(requested(app, f"/data/card/{n}") for n in range(12)))
        held.set()
        return [*data, *await asyncio.gather(*asked)]

    found = [each.body for each in asyncio.run(visitors())]
    assert found == [f"card/{n}".encode() for n in range(12)] + [b'{"kind":"sentence"}'] * 9
    assert 1 < most <= AT_ONCE
