"""Writes `plugins/extract/src/tagger/shapes.json`: what the shapes of some texts are, for the plugin's test.

    python models/recipes/golden.py
"""

import json
from pathlib import Path

import shapes
from encoder import tokenizer

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    "Hello, my name is Jane McDonald.",
    "jo\n4342432153328663\nacct 5423 and ssn 123-45-6789",
    "mail: jo.doe@example.com; tel. 020 7946 0958",
    "ORDER HP-2048 (urgent!)\n\n\tThanks,\nÉlodie",
    "A",
    "12 Mill Lane, Leeds LS1 4AB",
]


def main() -> None:
    encoder, cases = tokenizer(), []
    for text in TEXTS:
        offsets = encoder.encode(text).offsets
        bytes_before = [len(text[:place].encode()) for place in range(len(text) + 1)]
        cases.append({
            "text": text,
            "offsets": [[bytes_before[start], bytes_before[end]] for start, end in offsets],
            "rows": [[round(float(value), 3) for value in row] for row in shapes.of(text, offsets)],
        })  # fmt: skip
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (ROOT / "plugins" / "extract" / "src" / "tagger" / "shapes.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
