"""A small server with OpenAI's chat completions for a model on this machine, probabilities of tokens included.

    python examples/chat_server.py smollm2 --port 8080
    neurolect name my-run --endpoint http://127.0.0.1:8080/v1 --model smollm2 --set name.ask=sentence --yes

MODEL is a folder or a name of Hugging Face's hub, or `smollm2`. It listens on this machine only, answers one
question at a time, takes the likeliest token whatever the temperature, and knows `messages`, `max_tokens`,
`logprobs` and `top_logprobs`. llama.cpp's and vLLM's servers do more: this one is to try judges with, and to test.
"""

import argparse
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from neurolect.folders.models import locate_model

LONGEST = 1 << 20
"""Bytes of a request that are read at most."""
MOST_LIKELY = 20


class Chat:
    """A model and its tokenizer."""

    def __init__(self, name: str, *, dtype: str = "auto") -> None:
        self.name = name
        folder, _ = locate_model(name)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        ends = self._model.generation_config.eos_token_id
        known = [self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])]
        self._ends = {each for each in known if each is not None} or {0}
        self._lock = threading.Lock()

    @torch.inference_mode()
    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Give what OpenAI's chat completions give."""
        most, n_likely = int(body.get("max_tokens", 256)), min(int(body.get("top_logprobs", 0)), MOST_LIKELY)
        prompt = self._tokenizer.apply_chat_template(
            body["messages"], add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )["input_ids"]
        with self._lock:
            chosen, reported, ended = self._write(prompt, most, n_likely)
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": self._text(chosen)},
            "finish_reason": "stop" if ended else "length",
        }
        if body.get("logprobs"):
            choice["logprobs"] = {"content": reported}
        usage = {"prompt_tokens": prompt.shape[1], "completion_tokens": len(chosen)}
        return {"object": "chat.completion", "model": self.name, "choices": [choice], "usage": usage}

    def _write(
        self, prompt: torch.Tensor, most: int, n_likely: int
    ) -> tuple[list[int], list[dict[str, Any]], bool]:
        """Give the likeliest tokens one after another, and what could have been in the place of each."""
        made = self._model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=most,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=next(iter(self._ends)),
            output_logits=True,
            return_dict_in_generate=True,
        )
        chosen: list[int] = []
        reported: list[dict[str, Any]] = []
        for token, logits in zip(made.sequences[0, prompt.shape[1] :].tolist(), made.logits, strict=True):
            if token in self._ends:
                return chosen, reported, True
            logarithms = logits[0].float().log_softmax(-1)
            likely = [self._reported(each, logarithms) for each in logarithms.topk(n_likely).indices.tolist()]
            chosen.append(token)
            reported.append(self._reported(token, logarithms) | {"top_logprobs": likely})
        return chosen, reported, False

    def _reported(self, token: int, logarithms: torch.Tensor) -> dict[str, Any]:
        return {"token": self._text([token]), "logprob": round(float(logarithms[token]), 5)}

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))


def server_of(chat: Chat, port: int) -> ThreadingHTTPServer:
    """Make a server on this machine that answers at ``/v1/chat/completions``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if self.path != "/v1/chat/completions":
                self._send(404, {"error": {"message": f"there is no {self.path}"}})
            elif size > LONGEST:
                self._send(413, {"error": {"message": f"more than {LONGEST} bytes"}})
            else:
                try:
                    self._send(200, chat.answer(json.loads(self.rfile.read(size))))
                except (KeyError, TypeError, ValueError) as error:
                    self._send(400, {"error": {"message": f"no chat: {error!r}"}})

        def _send(self, status: int, whole: dict[str, Any]) -> None:
            data = json.dumps(whole).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder, a name of the hub, or smollm2")
    parser.add_argument("--port", type=int, default=8080, help="default 8080; 0 takes any that is free")
    parser.add_argument("--dtype", default="auto", help="float32 is faster on most CPUs; default as stored")
    given = parser.parse_args()
    server = server_of(Chat(given.model, dtype=given.dtype), given.port)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
