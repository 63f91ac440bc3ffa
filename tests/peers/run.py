"""Sets up the peers, measures them and this host with one loader, and writes the table and the picture.

    python3 tests/peers/run.py                   all of it, in order
    python3 tests/peers/run.py setup [NAME…]     virtual environments in target/peers, by the locks
    python3 tests/peers/run.py measure [NAME…]   the others are asked at half of this host's rate, too: `fleetwright` before them;
                                                 the ideal loop, this host and LitServe take turns, three rounds
    python3 tests/peers/run.py table             README.md and peers.svg out of what was measured

Wants Python 3.11, `cargo xtask setup`, `cargo xtask guests`, and for `generative` `cargo xtask generative` after them. Names: see SUBJECTS.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
from pathlib import Path

import generative
import llama
import price

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = Path(os.environ.get("PEERS_DIR", ROOT / "target" / "peers"))
HOST = Path(os.environ.get("PEERS_HOST", ROOT / "target" / "release" / "fleetwright"))
FIRST_PORT = 18200
ENVIRONMENTS = ("bare", "litserve", "bentoml", "ray", "pytriton", "llama")
PEERS = ("litserve", "bentoml", "ray", "triton")
VARIANTS = ("own", "shared", "light")
SUBJECTS = ["ideal", "fleetwright", "fleetwright-light", "layers", "share", "generative"] + [f"{peer}-{variant}" for peer in PEERS for variant in VARIANTS]
CLIENTS = "16"
STARTS = 3
# Those that goals compare take turns, so that a ratio is of one time, and its median of several.
IN_TURNS = ["ideal", "fleetwright", "fleetwright-light", "litserve-own", "litserve-shared", "litserve-light"]
ROUNDS = 3


def python(environment: str) -> str:
    return str(WORK / environment / "bin" / "python")


# ── Set-up ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def setup(names: list) -> None:
    if sys.version_info[:2] != (3, 11):
        raise SystemExit(f"the locks are for Python 3.11, and this is {platform.python_version()}: run it with `python3.11`")
    for name in names or ENVIRONMENTS:
        made = WORK / name
        if (made / "ready").exists():
            continue
        print(f"== {name}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(made)], check=True)
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(HERE / "locks" / f"{name}.lock")]
        subprocess.run([python(name), *words], check=True)
        if name == "llama":
            llama.build(made, HERE / "locks" / "llama-source.lock")
        (made / "ready").touch()


# ── Servers ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def port_of(subject: str) -> int:
    """Each has its own: one that has just ended may hold on to it for a while. Triton takes three."""
    return FIRST_PORT + 10 * SUBJECTS.index(subject)


def shipped_fleet() -> list:
    """What says that the host serves the shipped fleet. The peers classify a letter once: so does this fleet here."""
    fleet = WORK / "fleet.toml"
    shipped = (ROOT / "fleet.toml").read_text()
    assert shipped.count("asks = 8") == 1
    fleet.write_text(shipped.replace("asks = 8", "asks = 0"))
    return ["--fleet", str(fleet), "--plugins", "plugins", "--models", "models", "--state", ".fleetwright"]


def server(subject: str) -> tuple:
    """The command, what it needs of its environment, and where it is asked."""
    port = str(port_of(subject))
    if subject.startswith("fleetwright"):
        words = [str(HOST), "serve", "--listen", f"127.0.0.1:{port}"]
        if subject == "fleetwright-light":
            plugins = WORK / "light"
            plugins.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "target" / "guests" / "guest-empty.wasm", plugins / "empty.wasm")
            words += ["--fleet", "tests/fleets/light.toml", "--plugins", str(plugins), "--state", str(WORK / "light-state")]
            words += ["--models", "models"]
        else:
            words += shipped_fleet()
        return words, {"FLEETWRIGHT_LOG": "error"}, "/v1/submissions", ROOT
    peer, variant = subject.split("-")
    if peer == "litserve":
        return [python("litserve"), "serve_litserve.py", variant, port], {}, "/predict", HERE
    if peer == "bentoml":
        words = [python("bentoml"), "-m", "bentoml", "serve", "serve_bentoml:Fleet", "--host", "127.0.0.1"]
        words += ["--port", port, "--timeout-keep-alive", "600"]
        return words, {"PEER_VARIANT": variant, "BENTOML_DO_NOT_TRACK": "True"}, "/submissions", HERE
    if peer == "ray":
        return [python("ray"), "serve_ray.py", variant, port], {}, "/submissions", HERE
    # The wheel's interpreter is to be of this Python, and not of another 3.11 that the system has.
    library = {"LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR"), "PYTRITON_HOME": str(WORK / "triton")}
    return [python("pytriton"), "serve_triton.py", variant, port], library, "/v2/models/fleet/infer", HERE


def bodies(subject: str) -> Path:
    file = WORK / ("bodies-triton.jsonl" if subject.startswith("triton") else "bodies.jsonl")
    words = ["triton"] if subject.startswith("triton") else []
    text = subprocess.run([python("bare"), str(HERE / "letters.py"), *words], check=True, capture_output=True).stdout
    file.write_bytes(text)
    return file


def answers(url: str, body: bytes) -> bool:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


def tree(root: int) -> list:
    """A process and all that it started, with what tells it from a later one of its number."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)] = (int(words[1]), words[19])
    found, more = {root}, True
    while more:
        more = {pid for pid, (parent, _) in parents.items() if parent in found} - found
        found |= more
    return [(pid, parents[pid][1]) for pid in found if pid in parents]


def alive(pid: int, began: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return False
    return words[19] == began and words[0] != "Z"


class NotServing(Exception):
    """A server that ended, or did not answer in time."""


class Serving:
    """A server that answers, ended with all that it started."""

    def __init__(self, subject: str):
        words, environment, self.path, folder = server(subject)
        self.url = f"http://127.0.0.1:{port_of(subject)}"
        self.bodies = bodies(subject)
        first = self.bodies.read_bytes().split(b"\n", 1)[0]
        log = open(WORK / f"{subject}.log", "wb")
        began = time.perf_counter()
        self.process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log
        )
        while not answers(self.url + self.path, first):
            if self.process.poll() is not None or time.perf_counter() - began > 180:
                self.end()
                raise NotServing(f"`{subject}` does not serve: {WORK / f'{subject}.log'} says why")
            time.sleep(0.01)
        self.ready = time.perf_counter() - began
        if subject.startswith("fleetwright"):
            self.settle()

    def settle(self) -> None:
        """Waits until every stage runs optimised code, as it does from the start once that is kept."""
        until = time.monotonic() + 600
        while b'"quick"' in urllib.request.urlopen(self.url + "/v1/fleet", timeout=10).read():
            if time.monotonic() > until:
                self.end()
                raise SystemExit("a stage still runs quick code after ten minutes: `fleetwright ps` says which")
            time.sleep(0.5)

    def end(self) -> None:
        all_ = tree(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        last = time.monotonic() + 20
        while any(alive(*one) for one in all_) and time.monotonic() < last:
            self.process.poll()
            time.sleep(0.1)
        for pid, began in all_:
            if alive(pid, began):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def started(subject: str) -> tuple:
    """The server, and how often it was started: a peer's processes may fail to meet one another. Ours has one try."""
    tries = 1 if subject.startswith("fleetwright") else STARTS
    for number in range(1, tries + 1):
        try:
            return Serving(subject), number
        except NotServing as error:
            if number == tries:
                raise SystemExit(str(error)) from error
            print(f"   {error}; it is started again", file=sys.stderr)


# ── Measuring ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def bench(name: str, words: list) -> dict:
    out = WORK / "bench" / name
    command = [str(HOST), "bench", "--out", str(out), "--name", name, "--max-inflight", "512", *words]
    # Badly ends what had no answer at a load: the report says so.
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "FLEETWRIGHT_LOG": "error"}, check=False)
    return json.loads((out / "report.json").read_text())


def kept(name: str) -> list:
    """What was measured, a round after the other."""
    file = WORK / "results" / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else []


def keep(name: str, found: dict, number: int) -> None:
    """Keeps what a round found, and those before it."""
    file = WORK / "results" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    rounds = [*kept(name)[: number - 1], {**found, "when": time.strftime("%Y-%m-%d")}]
    file.write_text(json.dumps(rounds, indent=1))


def saturation(found: dict) -> float:
    return max(step["rate"] for step in found["load"]["steps"] if step["mode"] == "closed")


def half(subject: str) -> float:
    """Half of what this host answers, of the same kind of work."""
    ours = kept("fleetwright-light" if subject.endswith("light") else "fleetwright")
    if not ours:
        raise SystemExit("measure `fleetwright` and `fleetwright-light` first: the others are asked at half of their rate, too")
    return saturation(ours[-1]) / 2


def measure_server(subject: str, number: int) -> dict:
    light = subject.endswith("light")
    serving, starts = started(subject)
    try:
        own = ["--url", serving.url, "--path", serving.path, "--pid", str(serving.process.pid)]
        own += ["--body", str(serving.bodies), "--warm", "2s"]
        load = bench(subject, [*own, "--clients", CLIENTS, "--duration", "4s" if light else "8s"])
        found = {"ready": serving.ready, "starts": starts, "load": load}
        if subject.startswith("fleetwright"):
            keep(subject, found, number)
        found["half"] = bench(f"{subject}-half", [*own, "--rate", f"{half(subject):.2f}", "--duration", "6s" if light else "15s", "--deadline", "10s"])
    finally:
        serving.end()
    if subject.startswith("fleetwright"):
        # A second start finds everything compiled.
        again = Serving(subject)
        found["ready"] = again.ready
        again.end()
    return found


def measure_layers() -> dict:
    return {"chains": price.chains(ROOT, WORK, bodies("fleetwright"), bench), "calls": price.calls(ROOT)}


def measure_share() -> dict:
    """The shipped fleet in this process, alone and busy: whose processor time a submission is."""
    words = [*shipped_fleet(), "--body", str(bodies("fleetwright")), "--clients", "1,8", "--warm", "2s", "--duration", "8s"]
    return {"steps": bench("share", words)["steps"]}


def measure_generative() -> dict:
    given = generative.arguments([])
    reason = generative.missing(given)
    if reason:
        raise SystemExit(reason)
    return generative.measured(given)


def has_llama() -> bool:
    """Whether the generative stage can be measured; says why where not, and the table says that it was not."""
    reason = generative.missing(generative.arguments([]))
    if reason:
        print(f"== generative is left out: {reason}", file=sys.stderr)
    return not reason


ALONE = {"layers": measure_layers, "share": measure_share, "generative": measure_generative}


def measure(names: list) -> None:
    names = names or [name for name in SUBJECTS if name != "generative" or has_llama()]
    for number in range(1, ROUNDS + 1):
        for name in names:
            if name in IN_TURNS:
                measure_one(name, number)
    for name in names:
        if name not in IN_TURNS:
            measure_one(name, 1)


def measure_one(name: str, number: int) -> None:
    print(f"== {name}" + (f", {number} of {ROUNDS}" if name in IN_TURNS else ""), file=sys.stderr)
    if name == "ideal":
        found = json.loads(subprocess.run([python("bare"), "ideal.py"], cwd=HERE, check=True, capture_output=True).stdout)
    elif name in ALONE:
        found = ALONE[name]()
    else:
        found = measure_server(name, number)
    keep(name, found, number)


if __name__ == "__main__":
    words = sys.argv[1:]
    WORK.mkdir(parents=True, exist_ok=True)
    tasks = {"setup": setup, "measure": measure}
    if words and words[0] in tasks:
        tasks[words[0]](words[1:])
    elif not words or words == ["table"]:
        if not words:
            setup([])
            measure([])
        import table

        table.write(WORK / "results", HERE)
    else:
        raise SystemExit(__doc__)
