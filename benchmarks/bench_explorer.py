"""How fast does `neurolect serve` answer, next to pages that load what they show in one go?

    python benchmarks/bench_explorer.py RUN [--clients 20] [--seconds 20] [--all-cards] [--export 2]

Each client asks for one thing a second: the first answer, a column, a card of a random neuron, a further page of a
list. `benchmarks/repeated_run.py` makes large runs. Next to it, on the same cards:

- all cards in one JSON file, which a page has to fetch and parse before it shows anything (of a large run estimated
  from 200 random cards, unless `--all-cards`);
- the pattern of inspect_ai's viewer: a file a neuron, whose heads are all read for the list of what there is, and
  which is sent whole when one is opened: here a neuron with all sentences of its lists.

`--export` writes a site of so many processes' cards and compares its size with what was said before.
"""

import argparse
import gzip
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
from typing import Any
from urllib.request import urlopen

from neurolect.explorer import Answers, export_folder
from neurolect.explorer.answers.cards import PAGE
from neurolect.store import Run, open_run

PORT = 8797
ADDRESS = f"http://127.0.0.1:{PORT}"
N_TRIED = 200


def fetch(key: str) -> float:
    """Ask for a key; give the seconds."""
    start = time.perf_counter()
    with urlopen(f"{ADDRESS}/data/{key}", timeout=60) as answer:
        answer.read()
    return time.perf_counter() - start


def of_process(process: int, name: str) -> float:
    """Give a number of bytes of a process in MB, as the system says it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def cpu_of(process: int) -> float:
    """Give the processor seconds that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


def serve(given: argparse.Namespace, run: Run) -> None:
    """Start a server, wait for its first page, and be its clients."""
    addresses = [run.index.address(each) for each in range(run.n_neurons)]
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
        load = os.getloadavg()[0]
        print(
            f"{run.n_neurons:,} neurons, load {load:.1f}; ready after {ready:.1f} s, {cpu_of(server.pid):.1f} CPU s"
        )
        print(f"first overview {fetch('overview/0'):.2f} s, first card {fetch(f'card/0/{addresses[0]}'):.2f} s")
        with urlopen(f"{ADDRESS}/data/start", timeout=60) as answer:
            columns = [each["name"] for each in json.load(answer)["runs"][0]["columns"] if not each["costly"]]
        time.sleep(given.settle)  # the table's columns are prepared meanwhile
        before = cpu_of(server.pid)
        taken = clients(given, addresses, columns)
        n_asked = sum(map(len, taken.values()))
        for kind, seconds in sorted(taken.items()):
            milliseconds = [1000 * each for each in seconds]
            high = statistics.quantiles(milliseconds, n=20)[-1]
            middle = statistics.median(milliseconds)
            print(f"{kind:7} {len(seconds):4} asked, median {middle:6.1f} ms, 95th percentile {high:6.1f} ms")
        print(
            f"{(cpu_of(server.pid) - before) / n_asked * 1000:.1f} CPU ms a question, load {os.getloadavg()[0]:.1f}"
        )
        print(
            f"server's peak {of_process(server.pid, 'VmHWM'):,.0f} MB, now {of_process(server.pid, 'VmRSS'):,.0f}"
        )
    finally:
        server.terminate()
        server.wait()


def clients(given: argparse.Namespace, addresses: list[str], columns: list[str]) -> dict[str, list[float]]:
    """Ask from many threads; give the seconds of every answer."""
    taken: dict[str, list[float]] = defaultdict(list)
    threads = [
        threading.Thread(target=ask, args=(seed, given.seconds, addresses, columns, taken))
        for seed in range(given.clients)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return taken


def one_file(answers: Answers, run: Run, *, whole: bool) -> None:
    """Put all cards into one JSON, and read it as a page would."""
    chosen = range(run.n_neurons) if whole else random.Random(0).sample(range(run.n_neurons), N_TRIED)
    began = time.process_time()
    everything = json.dumps([answers.get(f"card/0/{run.index.address(each)}") for each in chosen])
    made, share = time.process_time() - began, run.n_neurons / len(chosen)
    began = time.process_time()
    json.loads(everything)
    read = time.process_time() - began
    how = "" if share == 1 else f" (estimated from {len(chosen)})"
    print(
        f"all cards in one JSON{how}: {share * len(everything) / 1e6:,.0f} MB, made in {share * made:,.0f} CPU s, "
        f"parsed in {share * read:.1f} CPU s before anything is shown"
    )


def whole_file(answers: Answers, run: Run) -> None:
    """Write neurons as files with all their sentences: their heads are read for a list, one is sent whole."""
    heads: list[float] = []
    opened: list[tuple[float, int, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in random.Random(1).sample(range(run.n_neurons), 10):
            address = run.index.address(number)
            card: dict[str, Any] = answers.get(f"card/0/{address}")
            for side in run.sides:
                n = answers.get(f"list/0/{address}/{side}/0")["n"]
                pages = (answers.get(f"list/0/{address}/{side}/{page}")["rows"] for page in range(-(-n // PAGE)))
                card[f"all {side}"] = [row for rows in pages for row in rows]
            path = Path(folder) / f"{number}.json"
            path.write_text(json.dumps(card), encoding="utf-8")
            began = time.process_time()
            with path.open(encoding="utf-8") as file:
                file.read(4096)
            heads.append(time.process_time() - began)
            began = time.process_time()
            body = path.read_bytes()
            json.loads(body)
            opened.append((time.process_time() - began, len(body), len(gzip.compress(body, 6))))
    seconds, size, zipped = (statistics.median(each) for each in zip(*opened, strict=True))
    print(
        f"a file a neuron, sent whole: {size / 1e6:.1f} MB ({zipped / 1e6:.1f} compressed), {1000 * seconds:.0f} "
        f"CPU ms to parse; {run.n_neurons:,} heads {run.n_neurons * statistics.mean(heads):.2f} CPU s a listing, "
        f"{run.n_neurons * size / 1e9:,.1f} GB in all"
    )


def write(run: Path, workers: int) -> None:
    """Write a site; say how long it took and how large it was."""
    with tempfile.TemporaryDirectory(dir=run.parent) as folder:
        said: list[str] = []
        out, began, before = Path(folder) / "site", time.monotonic(), os.times()
        export_folder(run, to="site", out=out, workers=workers, announce=said.append)
        seconds, after = time.monotonic() - began, os.times()
        cpu, load = sum(after[:4]) - sum(before[:4]), os.getloadavg()[0]
        print(f"export, {workers} processes: {seconds:.0f} s, {cpu:.0f} CPU s, load {load:.1f}")
        sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
        before_it = said[0].rsplit(": ", 1)[1]
        print(f"said before: {before_it}; written: {sum(sizes) / 1e6:,.1f} MB in {len(sizes):,} files")
        code = [gzip.compress((out / name).read_bytes(), 9) for name in ("bundle.js", "style.css", "colours.css")]
        print(f"page code {sum(map(len, code)) / 1000:.1f} KB compressed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--settle", type=float, default=5.0, help="seconds between the first page and the clients")
    parser.add_argument("--all-cards", action="store_true")
    parser.add_argument("--export", type=int, default=0, help="write a site with so many processes")
    given = parser.parse_args()
    run = open_run(given.run)
    serve(given, run)
    answers = Answers([given.run])
    one_file(answers, run, whole=given.all_cards)
    whole_file(answers, run)
    if given.export:
        write(given.run, given.export)


if __name__ == "__main__":
    main()
