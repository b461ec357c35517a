"""How fast does `neurolect serve` answer, next to one page that holds everything?

    python benchmarks/bench_explorer.py RUN [--clients 20] [--seconds 20]

Each client asks for one thing a second: the first answer, a column, a card of a random neuron, a further page of a
list. The plain way is all cards in one JSON file, which a page has to fetch and parse before it shows anything.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from urllib.request import urlopen

from neurolect.explorer import Answers
from neurolect.store import open_run

PORT = 8797
ADDRESS = f"http://127.0.0.1:{PORT}"


def fetch(key: str) -> float:
    """Ask for a key; give the seconds."""
    start = time.perf_counter()
    with urlopen(f"{ADDRESS}/data/{key}", timeout=60) as answer:
        answer.read()
    return time.perf_counter() - start


def peak_mb(process: int) -> float:
    """Give the most memory that a process has had."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def ask(seed: int, seconds: float, addresses: list[str], columns: list[str], taken: dict[str, list[float]]) -> None:
    """Be one client: a question a second."""
    choose, until = random.Random(seed), time.monotonic() + seconds
    time.sleep(choose.random())
    while time.monotonic() < until:
        began = time.monotonic()
        address = choose.choice(addresses)
        kind, key = choose.choice(
            [
                ("start", "start"),
                ("column", f"column/0/{choose.choice(columns)}/0"),
                ("card", f"card/0/{address}"),
                ("card", f"card/0/{address}"),
                ("list", f"list/0/{address}/top/1"),
            ]
        )
        taken[kind].append(fetch(key))
        time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    run = open_run(given.run)
    addresses = run.neurons().column("address").to_pylist()
    command = [sys.executable, "-m", "neurolect", "serve", str(given.run), "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        began = time.monotonic()
        while True:
            try:
                fetch("start")
                break
            except OSError:
                time.sleep(0.05)
        ready = time.monotonic() - began
        print(f"{run.n_neurons:,} neurons, load {os.getloadavg()[0]:.1f}; ready after {ready:.1f} s")
        print(f"first overview {fetch('overview/0'):.2f} s, first card {fetch(f'card/0/{addresses[0]}'):.2f} s")
        with urlopen(f"{ADDRESS}/data/start", timeout=60) as answer:
            columns = [each["name"] for each in json.load(answer)["runs"][0]["columns"] if not each["costly"]]
        taken: dict[str, list[float]] = defaultdict(list)
        clients = [
            threading.Thread(target=ask, args=(seed, given.seconds, addresses, columns, taken))
            for seed in range(given.clients)
        ]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        for kind, seconds in sorted(taken.items()):
            milliseconds = [1000 * each for each in seconds]
            high = statistics.quantiles(milliseconds, n=20)[-1]
            middle = statistics.median(milliseconds)
            print(f"{kind:7} {len(seconds):4} asked, median {middle:6.1f} ms, 95th percentile {high:6.1f} ms")
        print(f"server's peak {peak_mb(server.pid):,.0f} MB")
    finally:
        server.terminate()
        server.wait()
    answers, began = Answers([given.run]), time.process_time()
    everything = json.dumps([answers.get(f"card/0/{address}") for address in addresses])
    made = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.json"
        path.write_text(everything, encoding="utf-8")
        start = time.perf_counter()
        json.loads(path.read_text(encoding="utf-8"))
        print(
            f"all cards in one JSON: {path.stat().st_size / 1e6:,.0f} MB, made in {made:,.0f} CPU s, "
            f"read and parsed in {time.perf_counter() - start:.1f} s before anything is shown"
        )


if __name__ == "__main__":
    main()
