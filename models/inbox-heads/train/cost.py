"""What a text of thirty tokens costs: processor time of the trunk and of the heads, on one thread of onnxruntime.

    python models/inbox-heads/train/cost.py [--model FOLDER]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes"))

from encoder import session  # noqa: E402

TOKENS = 30
ROUNDS = 200


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", type=Path, default=ROOT / "inbox-heads" / "3.4.0", help="folder of the heads")
    options = arguments.parse_args()
    trunk, heads = session(), session(options.model / "model.onnx")
    mask = np.ones((1, TOKENS), np.int64)
    words = {"input_ids": np.arange(2000, 2000 + TOKENS)[None], "attention_mask": mask}
    (states,) = trunk.run(["states"], words)
    below = spent(lambda: trunk.run(["states"], words))
    above = spent(lambda: heads.run(None, {"states": states, "attention_mask": mask}))
    print(f"{TOKENS} tokens: trunk {below:.2f}, heads {above:.2f}, together {below + above:.2f} ms of processor (medians of {ROUNDS})")


def spent(run) -> float:
    """Milliseconds, the median; the first tenth of the rounds is not counted."""
    found = []
    for _ in range(ROUNDS + ROUNDS // 10):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return 1000 * float(np.median(found[ROUNDS // 10 :]))


if __name__ == "__main__":
    main()
