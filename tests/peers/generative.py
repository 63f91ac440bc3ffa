"""Tokens a second of this host and of llama.cpp's own server: the same file, the same prompts, the same threads, in turns.

    python3 tests/peers/generative.py [--server PATH] [--threads N] [--rounds N] [--requests N] [--tokens N]

Wants a host built with llama.cpp and the model pulled (`cargo xtask generative`), and llama.cpp's `llama-server`: named, or built by
`run.py setup llama`, or on PATH. It is compiled for this machine's processor, as the host is. A stream sends its next request when it has
the answer to the last; tokens are those that the servers say they wrote, seconds those of all streams together, prompts included. `run.py
measure generative` keeps what was found for the table.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = Path(os.environ.get("FLEETWRIGHT_BIN", ROOT / "target" / "release" / "fleetwright"))
MODEL = ROOT / ".fleetwright" / "models" / "smollm2" / "1.0.0" / "SmolLM2-135M-Instruct.Q4_1.gguf"
BUILT = Path(os.environ.get("PEERS_DIR", ROOT / "target" / "peers")) / "llama" / "bin" / "llama-server"
OURS, THEIRS = 18402, 18403
SUBJECTS = ["the sea", "a lighthouse", "an old clock", "the first train", "a lost letter", "winter in the north", "a garden", "two brothers"]
ASK = "Write a long story about {}."
STREAMS = (1, 8)

FLEET = """
schema = 1
name = "bench"
[inference]
threads = {threads}
[defaults.limits]
deadline = "300s"
concurrency = 64
[models.writer]
use = "smollm2@1"
threads = {threads}
run = "5m"
[[stage]]
name = "write"
plugin = "generate@1"
reads = ["body"]
models = {{ writer = "writer" }}
config = {{ prompt = "Write a long story about {{body}}.", tokens = {tokens} }}
"""


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def ours(subject: str, _tokens: int) -> tuple:
    answer = post(f"http://127.0.0.1:{OURS}/v1/submissions", {"body": subject})["stages"]["write"]["answer"]
    return answer["tokens"], answer["text"]


def theirs(subject: str, tokens: int) -> tuple:
    prompt = f"<|im_start|>user\n{ASK.format(subject)}<|im_end|>\n<|im_start|>assistant\n"
    asked = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": True}
    answer = post(f"http://127.0.0.1:{THEIRS}/completion", asked)
    return answer["tokens_predicted"], answer["content"]


def wait(url: str, process: subprocess.Popen) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise SystemExit(f"`{process.args[0]}` ended with {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"`{url}` does not answer")


def measure(ask, streams: int, requests: int, tokens: int) -> float:
    """Tokens a second of all streams together."""
    written, failed = [], []

    def stream(number: int) -> None:
        try:
            for turn in range(requests):
                written.append(ask(SUBJECTS[(number + turn) % len(SUBJECTS)], tokens)[0])
        except Exception as error:  # a stream that ends early would make the figure wrong
            failed.append(error)

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(streams)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    if failed:
        raise SystemExit(f"a request failed: {failed[0]}")
    return sum(written) / took


def arguments(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    built = str(BUILT) if BUILT.is_file() else None
    parser.add_argument("--server", default=os.environ.get("LLAMA_SERVER") or built or shutil.which("llama-server"))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=128)
    return parser.parse_args(words)


def missing(given: argparse.Namespace) -> str | None:
    """What has to be done first."""
    if not given.server:
        return "there is no `llama-server`: `python3.11 tests/peers/run.py setup llama` builds one, or name one with `--server`"
    if not MODEL.is_file():
        return f"`{MODEL}` is not there: run `cargo xtask generative`"
    told = subprocess.run([HOST, "doctor"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if "this build has no llama.cpp" in told:
        return f"`{HOST}` has no llama.cpp: build it by `cargo xtask generative`"
    return None


def measured(given: argparse.Namespace) -> dict:
    """Starts both servers and compares them."""
    folder = Path(tempfile.mkdtemp(prefix="generative-"))
    fleet = folder / "fleet.toml"
    fleet.write_text(FLEET.format(threads=given.threads, tokens=given.tokens))
    host = [str(HOST), "serve", "--listen", f"127.0.0.1:{OURS}", "--fleet", str(fleet), "--state", str(folder / "state")]
    host += ["--deadline", "300s", "--plugins", str(ROOT / "plugins"), "--models", str(ROOT / "models")]
    (folder / "state").mkdir()
    (folder / "state" / "models").symlink_to(ROOT / ".fleetwright" / "models")
    server = [given.server, "-m", str(MODEL), "--host", "127.0.0.1", "--port", str(THEIRS), "-np", "8", "-c", str(8 * 1024)]
    server += ["-t", str(given.threads), "-tb", str(given.threads)]
    log = (folder / "log").open("w")
    started = [subprocess.Popen(words, stdout=log, stderr=log) for words in (host, server)]
    try:
        wait(f"http://127.0.0.1:{OURS}/readyz", started[0])
        wait(f"http://127.0.0.1:{THEIRS}/health", started[1])
        return compared(given)
    except SystemExit as error:
        raise SystemExit(f"{error}\n{(folder / 'log').read_text()[-2000:]}") from error
    finally:
        for process in started:
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


def compared(given: argparse.Namespace) -> dict:
    """By streams: tokens a second of both, in each round."""
    equal = sum(ours(subject, given.tokens)[1].strip() == theirs(subject, given.tokens)[1].strip() for subject in SUBJECTS)
    found = {streams: {"ours": [], "theirs": []} for streams in STREAMS}
    for streams, speeds in found.items():
        for number in range(given.rounds):
            # Who is first changes: what a machine does meanwhile meets both.
            order = [("ours", ours), ("theirs", theirs)]
            for name, ask in order if number % 2 == 0 else reversed(order):
                speeds[name].append(measure(ask, streams, given.requests, given.tokens))
    version = subprocess.run([given.server, "--version"], capture_output=True, text=True, check=False)
    version = next((line for line in (version.stdout + version.stderr).split("\n") if line.startswith("version")), "version unknown")
    return {"threads": given.threads, "tokens": given.tokens, "equal": equal, "texts": len(SUBJECTS), "server": version, "streams": found}


def table(found: dict) -> list:
    """Lines of Markdown."""
    lines = [
        f"{found['threads']} threads, {found['tokens']} tokens an answer; {found['equal']} of {found['texts']} texts are equal; llama.cpp's server: {found['server']}.",
        "",
        "| streams | this host, tokens/s | llama.cpp's server | ratio, each round |",
        "|---|---|---|---|",
    ]
    for streams, speeds in found["streams"].items():
        mine, other = (statistics.median(speeds[name]) for name in ("ours", "theirs"))
        each = ", ".join(f"{one:.2f}" for one in ratios(speeds))
        lines.append(f"| {streams} | {mine:.1f} | {other:.1f} | **{statistics.median(ratios(speeds)):.2f}** ({each}) |")
    return lines


def ratios(speeds: dict) -> list:
    """This host's speed by the server's, in each round."""
    return [mine / other for mine, other in zip(speeds["ours"], speeds["theirs"])]


def main() -> None:
    given = arguments(sys.argv[1:])
    reason = missing(given)
    if reason:
        raise SystemExit(reason)
    print("\n".join(table(measured(given))))


if __name__ == "__main__":
    main()
