#!/usr/bin/env python3
"""A page as a scanner gives it: 150 dpi, grey, up to a degree askew, unevenly lit, noisy, as JPEG in a PDF.

    python scan.py FOLDER/dev/*.pdf --to SCANS                        # SCANS/NAME-scan.pdf, those that make.py writes
    python scan.py FOLDER/dev/*.pdf --to SCANS --turn 90 --askew 5    # on their sides, and up to five degrees askew

Needs pypdfium2, pillow and numpy. What a page loses at its corners when it is turned is lost, as on a scanner's glass.
"""

import argparse
import io
import random
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

import pdf

DPI = 150
ASKEW = 1.2  # degrees at most
QUALITY = 70
TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}  # pillow's go the other way


def scanned(data: bytes, seed: str, turn: int = 0, askew: float = ASKEW) -> bytes:
    """The scan of a PDF's first page that lies on the glass `turn` degrees clockwise and up to `askew` more either way."""
    own = random.Random(seed)
    noise = np.random.default_rng(own.randrange(2**32))
    page = pypdfium2.PdfDocument(data)[0].render(scale=DPI / 72, grayscale=True).to_pil().convert("L")
    if turn:
        page = page.transpose(TURNS[turn])
    page = page.rotate(own.uniform(-askew, askew), resample=Image.Resampling.BICUBIC, expand=False, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(own.uniform(0.2, 0.6)))
    grey = np.asarray(page, np.float32)
    height, width = grey.shape
    light = 1 - own.uniform(0, 0.12) * np.linspace(0, 1, width)[None, :] - own.uniform(0, 0.06) * np.linspace(0, 1, height)[:, None]
    grey = grey * light * own.uniform(0.93, 1.0) + own.uniform(0, 18) * (1 - grey / 255) + noise.normal(0, own.uniform(2, 7), grey.shape)
    specks = noise.random(grey.shape) < own.uniform(0, 0.0004)
    grey = np.where(specks, noise.integers(0, 120, grey.shape), grey)
    file = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    made = pdf.picture(file.getvalue(), width, height)
    return sideways(made) if turn in (90, 270) else made


def sideways(made: bytes) -> bytes:
    """A PDF of `pdf.picture` with its page's height for its width: the same length, so that its offsets stay right."""
    for upright, flat in [(b"0 0 595 842", b"0 0 842 595"), (b"595 0 0 842 0 0 cm", b"842 0 0 595 0 0 cm")]:
        made = made.replace(upright, flat, 1)
    return made


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("files", type=Path, nargs="+")
    arguments.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    arguments.add_argument("--turn", type=int, default=0, choices=[0, *TURNS], help="degrees clockwise")
    arguments.add_argument("--askew", type=float, default=ASKEW, metavar="DEGREES", help="at most, either way (%(default)s)")
    options = arguments.parse_args()
    from make import SEED  # the same seeds, so the same pages without options

    options.to.mkdir(parents=True, exist_ok=True)
    for file in options.files:
        scan = scanned(file.read_bytes(), f"{SEED} {file.stem}", options.turn, options.askew)
        (options.to / f"{file.stem}-scan.pdf").write_bytes(scan)


if __name__ == "__main__":
    main()
