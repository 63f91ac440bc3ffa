"""Writes `model.toml`, the card that the host checks a model against."""

import hashlib
from pathlib import Path

import half


class Card:
    """The card of one model. Call `write` last: it takes the digest of `model.onnx` as it lies in the folder."""

    def __init__(self, name: str, version: str, summary: str, licence: str, source: str):
        self._head = {
            "name": name,
            "version": version,
            "format": "onnx",
            "summary": summary,
            "licence": licence,
            "source": source,
        }
        self._tables = []
        self._own = []

    def input(self, name: str, element: str, dims: list, pad: int | None = None) -> None:
        lines = [f"type = {text(element)}", f"dims = {array(dims)}"]
        self._tables.append((f"inputs.{name}", lines + ([] if pad is None else [f"pad = {pad}"])))

    def output(self, name: str, dims: list, labels: list | None = None) -> None:
        lines = ['type = "f32"', f"dims = {array(dims)}"]
        self._tables.append((f"outputs.{name}", lines + ([f"labels = {array(labels)}"] if labels else [])))

    def batch(self, most: int, length: str | None = None) -> None:
        lines = ['axis = "batch"'] + ([f"length = {text(length)}"] if length else []) + [f"max = {most}"]
        self._tables.append(("batch", lines))

    def limit(self, axis: str, most: int) -> None:
        self._tables.append(("limits", [f"{axis} = {most}"]))

    def graph_for(self, devices: list, path: str, recipe: str) -> None:
        """A graph that these devices compute with in place of `model.onnx`; the repository does not hold it, `recipe` makes it."""
        self._own.append((path, [f"devices = {array(devices)}", f"from = {{ recipe = {text(recipe)} }}"]))

    def halved(self, folder: Path) -> None:
        """The graph for GPUs that `half.py` makes of `model.onnx` as it lies in the folder."""
        half.make(folder)
        self.graph_for(half.DEVICES, half.HALF, half.command(folder))

    def write(self, folder: Path) -> None:
        lines = ["schema = 1", *(f"{key} = {text(value)}" for key, value in self._head.items())]
        for path, further in [("model.onnx", []), *self._own]:
            data = (folder / path).read_bytes()
            lines += ["", "[[files]]", f"path = {text(path)}"]
            lines += [f"sha256 = {text(hashlib.sha256(data).hexdigest())}", f"bytes = {len(data)}", *further]
        for name, table in self._tables:
            lines += ["", f"[{name}]", *table]
        (folder / "model.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def array(values: list) -> str:
    return "[" + ", ".join(text(value) if isinstance(value, str) else str(value) for value in values) + "]"
