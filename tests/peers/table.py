"""The table and the picture of README.md, out of what was measured."""

import json
import re
import statistics
from pathlib import Path
from typing import NamedTuple

import generative
import price

NAMES = {"litserve": "LitServe", "bentoml": "BentoML", "ray": "Ray Serve", "triton": "Triton (pytriton)"}
WORDS = {"own": "each stage its own encoder", "shared": "the encoder shared by hand", "light": "no model"}
GENERATIVE = "generative tokens a second at 8 streams ÷ llama.cpp's server"
BEGIN, END = "<!-- measured: run.py table -->", "<!-- end -->"


def saturated(found: dict) -> dict:
    return max((step for step in found["load"]["steps"] if step["mode"] == "closed"), key=lambda step: step["rate"])


def short(value, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def row(name: str, found: dict, ours: float) -> str:
    full, half = saturated(found), found["half"]["steps"][0]
    latency, calm = full["latency_ms"], half["latency_ms"]
    memory = full["memory"]
    failed = full["failed"] + half["failed"]
    cells = [
        name,
        f"**{short(full['rate'])}**",
        str(full["clients"]),
        short(latency["p50"]),
        short(latency["p99"]),
        f"{short(calm['p50'])} / {short(calm['p99'])} at {short(half['offered'])}",
        short(full["cpu"]["submission_ms"]),
        short((memory["proportional_bytes"] or 0) / 2**20, 0),
        str(memory["processes"]),
        short(found["ready"]) + (f" (start {found['starts']})" if found.get("starts", 1) > 1 else ""),
        str(failed),
        short(ours / full["rate"], 2),
    ]
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| server | answers/s | clients | p50 ms | p99 ms | p50 / p99 ms at a rate a second | CPU ms each | memory MiB | processes | ready s | failed | ours ÷ it |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def best(results: dict, variants: tuple, of) -> tuple:
    """The peer that is best at something, among those measured in these variants."""
    names = [name for name in results if "-" in name and name.split("-")[1] in variants and not name.startswith("fleetwright")]
    found = [(of(results[name]), name) for name in names]
    return max(found) if found else (None, None)


class Ratio(NamedTuple):
    what: str
    # "≥ 0.9", "≤ 1.5"; "–" where none was set.
    goal: str
    value: float
    digits: int
    note: str
    # Whether rounds have their own.
    in_turns: bool = True


def ratios(rounds: list) -> list:
    """A row for each ratio: the median of all rounds, and what each was where they differ."""
    each = [ratios_of(results) for results in rounds]
    rows = []
    for ratio in each[0]:
        same = sorted((one for all_ in each for one in all_ if one.what == ratio.what), key=lambda one: one.value)
        middle = same[(len(same) - 1) // 2] if ratio.goal[0] == "≥" else same[len(same) // 2]
        value, reached = f"{middle.value:.{middle.digits}f}", "–"
        if ratio.goal != "–":
            bound = float(ratio.goal[1:])
            reached = "yes" if (middle.value >= bound if ratio.goal[0] == "≥" else middle.value <= bound) else "**no**"
        turns = [f"{one.value:.{one.digits}f}" for all_ in each for one in all_ if one.what == ratio.what]
        note = middle.note + (f"; each round: {', '.join(turns)}" if ratio.in_turns and len(turns) > 1 else "")
        rows.append(f"| {ratio.what} | {ratio.goal} | **{value}** | {reached} | {note} |")
    if "generative" not in rounds[0]:
        rows.append(f"| {GENERATIVE} | ≥ 0.95 | not measured | **no** | the host had no llama.cpp |")
    return rows


def ratios_of(results: dict) -> list:
    ours, found = results["fleetwright"], []
    rate = saturated(ours)["rate"]

    def add(what: str, goal: str, value: float, note: str, digits: int = 2, in_turns: bool = True):
        found.append(Ratio(what, goal, value, digits, note, in_turns))

    ideal = results.get("ideal")
    if ideal:
        one, two = rate / ideal["one_thread"], rate / ideal["two_threads"]
        add("five stages ÷ the ideal loop on both cores", "≥ 0.90", two, f"{ideal['two_threads']:.1f} a second")
        add("… ÷ the ideal loop on one core", "–", one, f"{ideal['one_thread']:.1f} a second")
    for variant, goal in (("own", 2.0), ("shared", 1.3)):
        top, name = best(results, (variant,), lambda found: saturated(found)["rate"])
        if name:
            add(f"five stages ÷ the best peer, {WORDS[variant]}", f"≥ {goal}", rate / top, name)
    top, name = best(results, ("light",), lambda found: saturated(found)["rate"])
    if name and "fleetwright-light" in results:
        light = saturated(results["fleetwright-light"])["rate"]
        add("five light stages ÷ the best peer", "≥ 10", light / top, name)
    asked = ours["half"]["steps"][0]["offered"]
    calm = lambda found: -(found["half"]["steps"][0]["latency_ms"]["p99"] or 1e9)  # noqa: E731
    alike = {name: found for name, found in results.items() if "half" in found and abs(found["half"]["steps"][0]["offered"] - asked) < 0.5}
    top, name = best(alike, ("own", "shared"), calm)
    if name:
        add("p99 at half of our saturation ÷ the best peer's at that rate", "≤ 0.5", calm(ours) / top, name)
    small = lambda found: -saturated(found)["memory"]["proportional_bytes"]  # noqa: E731
    top, name = best(results, ("own", "shared"), small)
    if name:
        add("memory ÷ the smallest peer's", "≤ 0.5", small(ours) / top, name)
    add("from start to ready, models cached, s", "≤ 1.5", ours["ready"], "to the first answer")
    if "layers" in results:
        chains = {int(count): step["latency_ms"]["mean"] for count, step in results["layers"]["chains"].items()}
        each = 1000 * (chains[10] - chains[1]) / 9
        told = ", ".join(f"{count}: {1000 * mean:.0f}" for count, mean in sorted(chains.items()))
        add("µs for each further empty stage, 1 to 10 in a chain, in process", "≤ 40", each, f"µs by stages {told}", 1, False)
        value = price.shipped(results["layers"]["calls"])
        add("calls of the five stages ÷ the same components in bare wasmtime", "–", value, "all limits, batching and queues; below", 3, False)
    for step in results.get("share", {"steps": []})["steps"]:
        went, all_ = step["cpu"]["went"], step["cpu"]["submission_ms"]
        told = ", ".join(f"{name} {went[f'{name}_ms']:.1f}" for name in ("models", "guests", "host"))
        value = 100 * went["host_ms"] / all_
        add(f"the host's share of a submission's processor time, {step['clients']} at once, %", "≤ 1", value, f"ms: {told}", 1, False)
    if "generative" in results:
        streams = results["generative"]["streams"]
        value = statistics.median(generative.ratios(streams["8"]))
        alone = statistics.median(generative.ratios(streams["1"]))
        add(GENERATIVE, "≥ 0.95", value, f"{alone:.2f} at one stream", 2, False)
    return found


def written(rounds: list, results: dict) -> str:
    ours = saturated(results["fleetwright"])["rate"]
    machine = results["fleetwright"]["load"]["machine"]
    when = sorted({found["when"] for found in results.values()})
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mib'] // 1024} GiB, {machine['system']}; {' to '.join(when)}.",
        "",
        "| ratio | goal | measured | reached | |",
        "|---|---|---|---|---|",
        *ratios(rounds),
        "",
        "Five stages with their models:",
        "",
        HEAD,
    ]
    for name in sorted((n for n in results if "load" in results[n] and not n.endswith("light")), key=lambda n: -saturated(results[n])["rate"]):
        peer, _, variant = name.partition("-")
        title = f"{NAMES[peer]}, {WORDS[variant]}" if variant else "**Fleetwright**"
        lines.append(row(title, results[name], ours))
    light = results.get("fleetwright-light")
    if light:
        ours = saturated(light)["rate"]
        lines += ["", "Five light stages, no model:", "", HEAD]
        for name in sorted((n for n in results if n.endswith("light")), key=lambda n: -saturated(results[n])["rate"]):
            peer = name.split("-")[0]
            lines.append(row(NAMES.get(peer, "**Fleetwright**, five sandboxes"), results[name], ours))
    if "layers" in results:
        lines += ["", "The price of our layers, by call and in turns, in process:", "", *price.table(results["layers"]["calls"])]
    if "generative" in results:
        lines += ["", "A generative stage, over HTTP, in turns:", "", *generative.table(results["generative"])]
    ideal = results.get("ideal")
    if ideal:
        lines += [
            "",
            f"A request is {ideal['rows_a_request']:.2f} rows and {ideal['tokens_a_request']:.0f} tokens for the encoder; {ideal['equal_rows_left_out']} "
            f"rows of all {ideal['requests']} requests were equal to another of theirs. The ideal loop, requests a second by batching: "
            + "; ".join(f"{name}: {rate}" for name, rate in ideal["ways"].items())
            + ".",
        ]
    return "\n".join(lines)


STYLE = (
    "<style>svg { font: 12px system-ui, sans-serif; background: #fdfdfc; } text { fill: #1c2024; } .dim { fill: #5b646d; } "
    ".us { fill: #2266b8; } .peer { fill: #b9c2ca; } @media (prefers-color-scheme: dark) { svg { background: #14171a; } "
    "text { fill: #e6e9ec; } .dim { fill: #98a2ab; } .us { fill: #6aa9ee; } .peer { fill: #4a545d; } }</style>"
)


def picture(results: dict) -> str:
    """Answers a second, a bar each, with models and without; tokens a second of a generative stage."""
    parts, y = [], 26
    groups = [
        ("five stages with their models: answers a second", [n for n in results if "load" in results[n] and not n.endswith("light")]),
        ("five light stages: answers a second", [n for n in results if n.endswith("light")]),
    ]
    groups = [(title, [(saturated(results[name])["rate"], name) for name in names]) for title, names in groups]
    if "ideal" in results:
        groups[0][1].extend([(results["ideal"]["two_threads"], "ideal loop, both cores"), (results["ideal"]["one_thread"], "ideal loop, one core")])
    if "generative" in results:
        speeds = results["generative"]["streams"]["8"]
        bars = [(statistics.median(speeds[side]), name) for side, name in (("ours", "fleetwright"), ("theirs", "llama.cpp's server"))]
        groups.append(("a generative stage, 8 streams: tokens a second", bars))
    for title, bars in groups:
        most = max((rate for rate, _ in bars), default=1)
        parts.append(f'<text x="12" y="{y}">{title}</text>')
        y += 12
        for rate, name in sorted(bars, reverse=True):
            peer, _, variant = name.partition("-")
            label = f"{NAMES[peer]}, {variant}" if peer in NAMES else name
            kind = "us" if peer == "fleetwright" else "peer"
            width = 400 * rate / most
            parts.append(f'<text x="190" y="{y + 13}" text-anchor="end">{label}</text>')
            parts.append(f'<rect class="{kind}" x="200" y="{y + 2}" width="{width:.1f}" height="15" rx="2"/>')
            parts.append(f'<text class="dim" x="{206 + width:.1f}" y="{y + 13}">{rate:,.1f}</text>')
            y += 21
        y += 26
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{y - 20}" viewBox="0 0 680 {y - 20}" role="img">'
    return f"{head}<title>This host beside its peers</title>{STYLE}{''.join(parts)}</svg>\n"


def speed(found: dict) -> float:
    """By what rounds are ordered."""
    return saturated(found)["rate"] if "load" in found else found.get("two_threads", 0.0)


def write(results: Path, here: Path) -> None:
    measured = {file.stem: json.loads(file.read_text()) for file in sorted(results.glob("*.json"))}
    most = max(len(turns) for turns in measured.values())
    rounds = [{name: turns[min(number, len(turns) - 1)] for name, turns in measured.items()} for number in range(most)]
    # Of each, the round in the middle.
    found = {name: sorted(turns, key=speed)[len(turns) // 2] for name, turns in measured.items()}
    readme = here / "README.md"
    text = readme.read_text()
    pattern = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.S)
    readme.write_text(pattern.sub(lambda _: f"{BEGIN}\n{written(rounds, found)}\n{END}", text))
    (here / "peers.svg").write_text(picture(found))
    print(written(rounds, found))
