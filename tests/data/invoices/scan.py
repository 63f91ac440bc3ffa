"""A page as a scanner gives it: 150 dpi, grey, up to a degree askew, unevenly lit, noisy, as JPEG in a PDF."""

import io
import random

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

import pdf

DPI = 150
ASKEW = 1.2  # degrees at most
QUALITY = 70


def scanned(data: bytes, seed: str) -> bytes:
    own = random.Random(seed)
    noise = np.random.default_rng(own.randrange(2**32))
    page = pypdfium2.PdfDocument(data)[0].render(scale=DPI / 72, grayscale=True).to_pil().convert("L")
    page = page.rotate(own.uniform(-ASKEW, ASKEW), resample=Image.Resampling.BICUBIC, expand=False, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(own.uniform(0.2, 0.6)))
    grey = np.asarray(page, np.float32)
    height, width = grey.shape
    light = 1 - own.uniform(0, 0.12) * np.linspace(0, 1, width)[None, :] - own.uniform(0, 0.06) * np.linspace(0, 1, height)[:, None]
    grey = grey * light * own.uniform(0.93, 1.0) + own.uniform(0, 18) * (1 - grey / 255) + noise.normal(0, own.uniform(2, 7), grey.shape)
    specks = noise.random(grey.shape) < own.uniform(0, 0.0004)
    grey = np.where(specks, noise.integers(0, 120, grey.shape), grey)
    file = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    return pdf.picture(file.getvalue(), width, height)
