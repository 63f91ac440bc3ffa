"""Writes a public data set as a data file of `fleetwright eval`, to standard output.

    python models/recipes/eval_data.py banking77 --data FOLDER --split test > banking77.jsonl

Nothing is copied into the project: the rows come from the folder that `--data` names, and each card says where the public finds them.
`banking77`, `clinc150` and `goemotions` expect the data sets' own labels, of fleets whose heads have them; `inbox` expects what
`models/inbox-heads/train/mapping.py` makes of the intents, and is for the shipped fleet. The hand-labelled texts are written by
`models/inbox-heads/labelled`. `--stage` and `--at` say which stage is asked and where its answer stands, where that is not the default.
"""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import sources

# The groups of the GoEmotions paper (Demszky et al. 2020, table 4 and its hierarchy).
MOODS = {
    "positive": "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief",
    "negative": "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness",
    "ambiguous": "confusion curiosity realization surprise",
    "neutral": "neutral",
}
MESSAGE = re.compile(r'\s*Name: "(.*?)"\s+Email: "(.*?)".*?Subject: "(.*?)"\s(.*)', re.S)
DOMAINS = ("airline", "finance", "insurance", "software")
# What is personal and has a form, in the words of the data; then what each stage calls it.
PRESIDIO = {
    "extract": {"card": "CREDIT_CARD", "iban": "IBAN_CODE", "email": "EMAIL_ADDRESS", "phone": "PHONE_NUMBER", "person": "PERSON"},
    "comply": {
        "pan.luhn": "CREDIT_CARD",
        "pan.leak": "CREDIT_CARD",
        "iban.mod97": "IBAN_CODE",
        "id.us-ssn": "US_SSN",
        "id.us-driving-licence": "US_DRIVER_LICENSE",
        "email.address": "EMAIL_ADDRESS",
        "phone.number": "PHONE_NUMBER",
        "net.ip": "IP_ADDRESS",
        "net.url": "DOMAIN_NAME",
    },
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("name", choices=sorted(SETS), help="the data set")
    arguments.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    arguments.add_argument("--split", choices=["train", "dev", "test"], default="test", help="default: test")
    arguments.add_argument("--stage", help="the stage that is asked")
    arguments.add_argument("--at", help="JSON pointer to where its answer stands")
    arguments.add_argument("--tokens", help="only bodies of so many tokens, such as 28-32, to measure what an input of a length costs")
    options = arguments.parse_args()
    fits = within(options.tokens)
    for line in SETS[options.name](options):
        if "eval" in line or fits(line["fields"].get("body", "")):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def within(tokens: str | None):
    """Whether a text has so many tokens of the encoder's, both marks included."""
    if tokens is None:
        return lambda text: True
    from encoder import tokenizer

    low, high = map(int, tokens.split("-"))
    counted = tokenizer()
    return lambda text: low <= len(counted.encode(text).ids) <= high


def header(options: argparse.Namespace, stage: str, **more) -> dict:
    return {"eval": {"name": f"{options.name} {options.split}", "stage": options.stage or stage, **more}}


def sample(options: argparse.Namespace, place: int, body: str, **more) -> dict:
    return {"id": f"{options.name}-{options.split}-{place}", "fields": {"body": body}, **more}


def banking77(options: argparse.Namespace):
    at = options.at or "/type"
    yield header(options, "classify")
    for place, (text, intent) in enumerate(sources.banking77(options.data, options.split)):
        yield sample(options, place, text, expect={"answer": {at: intent}})


def clinc150(options: argparse.Namespace):
    at = options.at or "/type"
    yield header(options, "classify", out_of_scope={at: "oos"})
    for place, (text, intent) in enumerate(sources.clinc150(options.data, options.split)):
        yield sample(options, place, text, expect={"answer": {at: intent, "/out_of_scope": intent == "oos"}})


def goemotions(options: argparse.Namespace):
    """Each comment has one group or several, as in the paper: flags that are raised or not."""
    at = options.at or "/*"
    group = {emotion: mood for mood, emotions in MOODS.items() for emotion in emotions.split()}
    yield header(options, "classify")
    for place, (text, emotions) in enumerate(sources.goemotions(options.data, options.split)):
        moods = sorted({group[emotion] for emotion in emotions})
        yield sample(options, place, text, expect={"flags": {at: moods}})


def inbox(options: argparse.Namespace):
    """Bare requests of every source that has intents, with the types that they are mapped to."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "inbox-heads" / "train"))
    import examples

    at = options.at or "/type"
    yield header(options, "classify", out_of_scope={at: "other"})
    for place, (source, _, (kind, _), _, text) in enumerate(examples.mapped(options.data, options.split)):
        if source != "phrases":
            yield sample(options, place, text, group=source, expect={"answer": {at: kind}})


def multidogo(options: argparse.Namespace):
    """Customers' sentences with the spans of their slots: neighbouring words of one slot are one span."""
    at = options.at or "/entities"
    yield header(options, "extract")
    place = 0
    for domain in DOMAINS:
        for text, labels, _ in sources.multidogo(options.data, domain, options.split):
            words, tags = text.split(" "), labels.split(" ")
            if len(words) == len(tags):
                expect = {"spans": {at: slots(words, tags)}}
                yield sample(options, place, text, group=domain, expect=expect)
                place += 1


def slots(words: list, tags: list) -> list:
    spans, start, last = [], 0, "O"
    for word, tag in zip(words, tags):
        end = start + len(word.encode())
        if tag != "O" and tag == last:
            spans[-1]["end"] = end
        elif tag != "O" and word:
            spans.append({"kind": tag, "start": start, "end": end})
        start, last = end + 1, tag
    return spans


def presidio(options: argparse.Namespace):
    stage = options.stage or "comply"
    kinds = PRESIDIO[stage]
    at = options.at or {"extract": "/entities", "comply": "/flags"}[stage]
    yield header(options, stage, kinds=kinds)
    rows = json.loads((options.data / "presidio_synth" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    for place, row in enumerate(rows):
        text = row["full_text"]
        if {"extract": by_template(row), "comply": by_digest(text)}[stage] != options.split:
            continue
        spans = [
            {
                "kind": span["entity_type"],
                "start": len(text[: span["start_position"]].encode()),
                "end": len(text[: span["end_position"]].encode()),
            }
            for span in row["spans"]
            if span["entity_type"] in kinds.values()
        ]
        yield sample(options, place, text, expect={"spans": {at: spans}})


def by_template(row: dict) -> str:
    """As models/name-tagger/train/corpora.py splits it: rows of a template differ in the values alone."""
    return {3: "dev", 4: "test"}.get(row["template_id"] % 5, "train")


def by_digest(text: str) -> str:
    """As plugins/comply/examples/spans.rs splits it: the fifth that was looked at while its rules were written is dev."""
    return "test" if sum(hashlib.sha256(text.encode()).digest()) % 5 else "dev"


def convosumm(options: argparse.Namespace):
    """Threads of e-mail, message by message, with the summary that a person wrote."""
    at = options.at or "/summary"
    yield header(options, "summarize")
    split = {"dev": "val"}.get(options.split, options.split)
    for place, (source, summary) in enumerate(sources.convosumm(options.data, split)):
        found = [match.groups() for match in map(MESSAGE.match, source.split("</s>")) if match]
        if found:
            messages = [{"from": f"{name} <{address}>", "body": lines(body)} for name, address, _, body in found]
            yield {
                "id": f"{options.name}-{options.split}-{place}",
                "fields": {"subject": found[0][2], "messages": messages},
                "expect": {"summary": {at: summary}},
            }


def lines(body: str) -> str:
    """Two to four spaces stand for the end of a line in this data, more for the end of a paragraph."""
    return re.sub(r" {2,4}(?! )", "\n", re.sub(r" {5,}", "\n\n", body)).strip()


SETS = {
    "banking77": banking77,
    "clinc150": clinc150,
    "convosumm": convosumm,
    "goemotions": goemotions,
    "inbox": inbox,
    "multidogo": multidogo,
    "presidio": presidio,
}


if __name__ == "__main__":
    main()
