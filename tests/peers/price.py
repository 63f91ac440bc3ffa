"""What this host's layers cost: chains of empty stages, and each shipped stage's call beside bare wasmtime's, without HTTP.

`run.py measure layers` keeps what was found for the table. Chains are asked by `fleetwright bench` in its own process; calls by
`host/runtime/benches/limits.rs`, which is compiled for it if need be and says in its head what a bare call does without.
"""

import json
import shutil
import subprocess
from pathlib import Path

CHAINS = (1, 2, 5, 10)
SECONDS = "8"
# As the tests are built: with other words cargo would compile all dependencies once more.
BUILD = ["cargo", "build", "--release", "--workspace", "--locked", "--lib", "--bins", "--tests", "--bench", "limits", "--message-format", "json-render-diagnostics"]


def chains(root: Path, work: Path, bodies: Path, bench) -> dict:
    """By number of stages: a step of the report of `bench`."""
    folder, found = work / "light", {}
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "target" / "guests" / "guest-empty.wasm", folder / "empty.wasm")
    for count in CHAINS:
        manifest = folder / f"chain-{count}.toml"
        stages = [f'[[stage]]\nname = "s{at}"\nplugin = "empty@1"\nreads = ["body"]\n' for at in range(count)]
        manifest.write_text('schema = 1\nname = "chain"\n' + "\n".join(stages))
        words = ["--fleet", str(manifest), "--plugins", str(folder), "--state", str(work / "light-state"), "--models", str(root / "models")]
        words += ["--body", str(bodies), "--clients", "1", "--warm", "1s", "--duration", "3s"]
        found[count] = bench(f"chain-{count}", words)["steps"][0]
    return found


def calls(root: Path) -> list:
    """Of each stage: microseconds of a call in bare wasmtime and as the host runs it."""
    built = subprocess.run(BUILD, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = (json.loads(line) for line in built.split("\n") if line.startswith("{"))
    (program,) = [said["executable"] for said in messages if said.get("executable") and said["target"]["kind"] == ["bench"]]
    told = subprocess.run([program, SECONDS, "--json"], cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told)["stages"]


def table(found: list) -> list:
    """Lines of Markdown."""
    lines = ["| stage | a call in bare wasmtime, µs | as this host runs it | ratio | middle half of pairs |", "|---|---|---|---|---|"]
    for one in found:
        low, high = one["ratios"]
        lines.append(f"| {one['name']} | {one['bare_us']:,.1f} | {one['limited_us']:,.1f} | **{one['ratio']:.3f}** | {low:.3f}–{high:.3f} |")
    return lines


def shipped(found: list) -> float:
    """The calls of all shipped stages together, by the same in bare wasmtime."""
    stages = [one for one in found if one["name"] != "(empty)"]
    return sum(one["limited_us"] for one in stages) / sum(one["bare_us"] for one in stages)
