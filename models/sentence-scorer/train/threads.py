"""Reads the threads of ConvoSumm and BC3 as messages, and has the stage itself cut them into sentences and into what the encoder reads."""

import html
import json
import re
import subprocess
import xml.etree.ElementTree as tree
from dataclasses import dataclass
from pathlib import Path

import sources
from features import Sentence

ROOT = Path(__file__).resolve().parents[3]
HEADER = re.compile(r'\s*Name: "(.*?)"\s+Email: "(.*?)".*?Subject: "(.*?)"\s(.*)', re.S)
# Words in a row that show that two threads share a message, and the share of them from which on they do.
SHINGLE, SHARED = 12, 0.05


@dataclass
class Thread:
    """A thread: subject, sentences in order, the summaries that people wrote, and what the encoder reads of it: the ids of each row,
    and for each sentence and the subject the tokens `[row, from, to]` that it is."""

    subject: str
    sentences: list
    summaries: list
    rows: list
    places: list
    title: list


def convosumm(data: Path, split: str) -> list:
    """Each thread as the fields of a submission, with its `summaries`."""
    return [fields(source, summary) for source, summary in sources.convosumm(data, split)]


def fields(source: str, summary: str) -> dict:
    found = [match.groups() for part in source.split("</s>") if (match := HEADER.match(part))]
    messages = [
        {"from": html.unescape(f"{name} <{address}>"), "body": lines(html.unescape(body))}
        for name, address, _, body in found
    ]
    subject = next((html.unescape(subject) for _, _, subject, _ in found if subject), "")
    return {"subject": subject, "messages": messages, "summaries": [summary]}


def lines(body: str) -> str:
    """Two to four spaces stand for the end of a line in this data, more for the end of a paragraph."""
    return re.sub(r" {2,4}(?! )", "\n", re.sub(r" {5,}", "\n\n", body)).strip()


def bc3(data: Path) -> list:
    """As `convosumm`, with three summaries each."""
    corpus, annotation = (tree.parse(data / "bc3" / f"{name}.xml").getroot() for name in ("corpus", "annotation"))
    summaries = {
        thread.findtext("listno").strip(): [
            " ".join((sentence.text or "").strip() for sentence in one.find("summary").findall("sent"))
            for one in thread.findall("annotation")
        ]
        for thread in annotation.findall("thread")
    }
    return [
        {
            "subject": thread.findtext("name").strip(),
            "messages": [
                {"from": html.unescape(one.findtext("From") or ""), "body": text(one.find("Text"))}
                for one in thread.findall("DOC")
            ],
            "summaries": summaries[thread.findtext("listno").strip()],
        }
        for thread in corpus.findall("thread")
    ]


def text(element: tree.Element) -> str:
    sentences = [html.unescape("".join(one.itertext())).rstrip(" ") for one in element.findall("Sent")]
    return re.sub(r" *\n\s*\n+", "\n", "\n".join(sentences))


def apart(threads: list, others: list) -> list:
    """The threads that share no message with any of the others."""
    known = [shingles(other) for other in others]
    kept = []
    for thread in threads:
        own = shingles(thread)
        if all(len(own & other) <= SHARED * len(own) for other in known):
            kept.append(thread)
    return kept


def shingles(thread: dict) -> set:
    words = re.findall(r"[a-z0-9]+", " ".join(one["body"] for one in thread["messages"]).lower())
    return {tuple(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1)}


def cut(threads: list) -> list:
    """The threads with their sentences, as the stage reads them; those without two sentences are left out."""
    command = ["cargo", "run", "--quiet", "--release", "--package", "summarize", "--example", "sentences"]
    given = "".join(json.dumps({"subject": one["subject"], "messages": one["messages"]}) + "\n" for one in threads)
    ran = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"`{' '.join(command)}` failed:\n{ran.stderr}")
    made = []
    for one, line in zip(threads, ran.stdout.splitlines(), strict=True):
        read = json.loads(line)
        places = [row.pop("tokens") for row in read["sentences"]]
        found = [Sentence(**{**row, "speaker": row["speaker"] or ""}) for row in read["sentences"]]
        if len(found) > 2:
            made.append(Thread(one["subject"], found, one["summaries"], read["rows"], places, read["title"]))
    return made
