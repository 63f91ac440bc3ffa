"""Reads the public data sets from the folder that `--data` names. Nothing of them is copied into the project."""

import csv
import json
import re
from pathlib import Path


def banking77(data: Path, split: str) -> list:
    with open(data / "banking77" / f"{split}.csv", encoding="utf-8") as file:
        return [(row["text"].strip(), row["category"]) for row in csv.DictReader(file)]


def bitext(data: Path, split: str) -> list:
    names = {"train": "Training", "dev": "Validation", "test": "Testing"}
    path = data / "bitext" / f"Bitext_Sample_Customer_Service_{names[split]}_Dataset.csv"
    with open(path, encoding="utf-8") as file:
        return [(row["utterance"].strip(), row["intent"], row["tags"]) for row in csv.DictReader(file)]


def clinc150(data: Path, split: str) -> list:
    rows = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    names = {"train": "train", "dev": "val", "test": "test"}
    return [tuple(row) for part in ("", "oos_") for row in rows[part + names[split]]]


def multidogo(data: Path, domain: str, split: str) -> list:
    """(text, slot labels, intent) of the customers' sentences."""
    text = (data / "multidogo" / domain / f"{split}.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.split("\n")[1:]]
    return [(row[4], row[5], row[6].strip()) for row in rows if len(row) > 6 and row[4].strip()]


def cfpb(data: Path) -> list:
    """(narrative, product, issue, id), those without a narrative left out."""
    path = data / "cfpb" / "complaints_sample_6623.csv"
    with open(path, encoding="utf-8", errors="replace") as file:
        rows = [
            (row["Consumer complaint narrative"].strip(), row["Product"], row["Issue"], row["Complaint ID"])
            for row in csv.DictReader(file)
        ]
    return [row for row in rows if row[0]]


def nlupp(data: Path, domain: str, folds: range) -> list:
    """(text, set of intents) of the folds."""
    rows = []
    for fold in folds:
        text = (data / "nlupp" / "data" / domain / f"fold{fold}.json").read_text(encoding="utf-8")
        rows += [(row["text"], frozenset(row.get("intents", []))) for row in json.loads(text)]
    return rows


def goemotions(data: Path, split: str) -> list:
    """(text, set of emotions)."""
    folder = data / "goemotions"
    names = (folder / "labels.txt").read_text(encoding="utf-8").split()
    rows = []
    with open(folder / f"{split}.tsv", encoding="utf-8") as file:
        for line in file:
            text, emotions, _ = line.rstrip("\n").split("\t")
            rows.append((text, frozenset(names[int(index)] for index in emotions.split(","))))
    return rows


def convosumm(data: Path, split: str) -> list:
    """(source, summary): threads of e-mail as they lie in the file."""
    folder = data / "convosumm"
    names = {
        "val": "email.val.{}.remove_markers_simple_separator.txt",
        "test": "email.test125.{}.txt",
    }
    parts = [
        (folder / names[split].format(side)).read_text(encoding="utf-8").rstrip("\n").split("\n")
        for side in ("source", "target")
    ]
    if len(parts[0]) != len(parts[1]):
        raise SystemExit(f"`{folder}`: {len(parts[0])} sources, {len(parts[1])} summaries")
    return list(zip(*parts))


def messages(thread: str) -> list:
    """(subject, body) of each message of a thread of `convosumm`, None for one without a subject."""
    found = [re.match(r'.*?Subject: "(.*?)"\s(.*)', message, re.S) for message in thread.split("</s>")]
    return [message and (message[1], message[2]) for message in found]


def presidio(data: Path) -> list:
    """(text,) of letters with personal data that a program made up."""
    rows = json.loads((data / "presidio_synth" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    return [(row["full_text"],) for row in rows]
