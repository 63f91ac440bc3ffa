"""Cuts the threads of ConvoSumm into the sentences that people wrote in them."""

import re
from dataclasses import dataclass

from features import Sentence

HEADER = re.compile(r'\s*Name: "(.*?)"\s+Email: "(.*?)".*?Subject: "(.*?)"\s(.*)', re.S)
QUOTE = re.compile(r"_{4,}\s*Original message|-{3,}\s*Original Message|^-- ?$|^_{5,}$|^-{5,}$", re.I | re.M)
ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|mr|mrs|ms|dr|st|no|sec|fig)\.$", re.I)


@dataclass
class Thread:
    """A thread: subject, sentences in order, and the summary that a person wrote."""

    subject: str
    sentences: list
    summary: str


def thread(source: str, summary: str) -> Thread | None:
    subject, made, message = "", [], 0
    for part in source.split("</s>"):
        found = HEADER.match(part)
        if not found:
            continue
        speaker, _, title, body = found.groups()
        subject = subject or title
        texts = sentences(body)
        made += [Sentence(text, message, place, first_name(speaker)) for place, text in enumerate(texts)]
        message += bool(texts)
    return Thread(subject, made, summary) if len(made) > 2 else None


def first_name(name: str) -> str:
    name = name.strip().strip('"')
    given = name.split(",", 1)[1] if "," in name else name
    return (given.split() or [name])[0]


def sentences(body: str) -> list:
    """Two to four spaces stand for the end of a line in this data, more for the end of a paragraph."""
    lines = QUOTE.split(re.sub(r" {2,4}(?! )", "\n", re.sub(r" {5,}", "\n\n", body)))[0].split("\n")
    kept = "\n".join(line for line in lines if not line.lstrip().startswith((">", "|")))
    made = []
    for paragraph in re.split(r"\n\s*\n", kept):
        made += [text for text in split(" ".join(paragraph.split())) if worth(text)]
    return made


def split(text: str) -> list:
    parts, start = [], 0
    for found in re.finditer(r"[.!?][\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])", text):
        if ABBREVIATED.search(text[start : found.end()].rstrip()):
            continue
        parts.append(text[start : found.end()].strip())
        start = found.end()
    return [part for part in [*parts, text[start:].strip()] if part]


def worth(text: str) -> bool:
    """Three words of letters at least, no address of a page alone, no attribution line."""
    words = [word for word in text.split() if re.search(r"[A-Za-z]{2}", word)]
    return len(words) >= 3 and not re.search(r"\bwrote:$|={4,}|\*{4,}|-{4,}|_{4,}", text)
