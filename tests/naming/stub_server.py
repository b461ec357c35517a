"""A small server with OpenAI's chat completions that does on purpose whatever a server may do."""

import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """What a server sends back."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0


def completion(text: str | None, **more: Any) -> Reply:
    message = {"role": "assistant", "content": text}
    whole = {"model": "stub-1", "choices": [{"index": 0, "message": message}], "usage": {"prompt_tokens": 7}}
    return Reply(json.dumps(whole | more).encode())


Answering = Callable[[str, int], Reply]
"""Gives a reply to a prompt, by the number of the request from 0."""


class Stub:
    """What a server was asked, and where it is."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []

    @property
    def prompts(self) -> list[str]:
        return [each["messages"][0]["content"] for each in self.asked]


@contextmanager
def serving(answer: Answering) -> Iterator[Stub]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(stub.asked)
                stub.asked.append(body)
                stub.paths.append(self.path)
                stub.keys.append(self.headers["Authorization"])
            reply = answer(body["messages"][0]["content"], number)
            waiting.wait(reply.seconds)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                pass  # whoever asked has left

        def log_message(self, *_: object) -> None:
            pass

    waiting = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub = Stub(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        waiting.set()
        server.shutdown()
        server.server_close()
        thread.join()


def sentences_of(prompt: str) -> list[str]:
    """Read the sentences of a question back: JSON strings, numbered."""
    return [json.loads(each) for each in re.findall(r'(?m)^(?:\d+\. )?(".*")$', prompt)]


def is_fit(prompt: str) -> bool:
    return prompt.startswith("A description")


def is_yes(prompt: str) -> bool:
    """Whether it asks of one sentence, yes or no."""
    return is_fit(prompt) and "Does this sentence fit it?" in prompt


def by_word(prompt: str, _: int = 0) -> Reply:
    """Name a list by words that most of its sentences have; a sentence fits that has a word of the description."""
    sentences = [set(re.findall(r"[a-z]{4,}", each.lower())) for each in sentences_of(prompt)]
    if not is_fit(prompt):
        listed, contrast = sentences[:8], sentences[8:]  # of FAST
        more = {
            word: sum(word in each for each in listed) - 3 * sum(word in each for each in contrast)
            for word in sorted(set().union(*listed))
        }
        return completion(f"NAME: {' '.join(sorted(more, key=more.__getitem__)[-5:])}")
    described = set(re.findall(r"[a-z]{4,}", prompt.split("\n")[0].split(": ", 1)[1].lower()))
    if is_yes(prompt):
        return completion("Yes" if sentences[0] & described else "No.")
    fits = [str(number) for number, each in enumerate(sentences, 1) if each & described]
    return completion(", ".join(fits) or "none")


def telling(text: str, likely: dict[str, float]) -> Reply:
    """Answer with the probabilities of what could have been the first token."""
    top = [{"token": token, "logprob": math.log(value)} for token, value in likely.items()]
    content = [{"token": text, "logprob": math.log(likely.get(text, 1e-6)), "top_logprobs": top}]
    whole: dict[str, Any] = json.loads(completion(text).body)
    whole["choices"][0]["logprobs"] = {"content": content}
    return Reply(json.dumps(whole).encode())


def by_share(prompt: str, _: int = 0) -> Reply:
    """As by_word, but of one sentence always yes, more or less likely by its share of words of the description."""
    if not is_yes(prompt):
        return by_word(prompt)
    sentence = re.findall(r"[a-z]{4,}", sentences_of(prompt)[0].lower())
    described = set(re.findall(r"[a-z]{4,}", prompt.split("\n")[0].split(": ", 1)[1].lower()))
    share = sum(each in described for each in sentence) / max(1, len(sentence))
    return telling("Yes", {"Yes": 0.5 + 0.4 * share, "No": 0.4 - 0.35 * share, "The": 0.01})
