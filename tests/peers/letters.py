"""The requests that all servers are asked: texts of tests/data, each in eight variants of names, sums and dates."""

import email
import email.policy
import json
import re
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"
VARIANTS = 8
NAMES = ["Ruth Calder", "Imre Szabo", "Nell Okafor", "Paul Westin", "Dana Rowe", "Milo Haas", "Aya Brandt", "Finn Keller"]


def texts() -> list:
    """The fields of every text there, in order: no attachment, so that no server needs a parser of documents."""
    found = []
    for path in sorted(DATA.glob("0*")):
        if path.suffix == ".json":
            found.append(json.loads(path.read_text()))
        elif path.suffix == ".txt":
            subject, body = path.read_text().split("\n", 1)
            found.append({"subject": subject.removeprefix("Subject:").strip(), "body": body.strip()})
        else:
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            text = mail.get_body(("plain", "html"))
            body = text.get_content() if text else ""
            if text and text.get_content_type() == "text/html":
                body = re.sub(r"\s+\n", "\n", re.sub(r"<[^>]+>", " ", body))
            found.append({"subject": str(mail["Subject"]), "from": str(mail["From"]), "body": body.strip()})
    return found


def varied(text: str, number: int) -> str:
    """Other sums, days and signatures, drawn by the variant's number; the length stays about the same."""
    if number == 0:
        return text
    text = re.sub(r"\b(\d{2,3})\.(\d{2})\b", lambda m: f"{int(m[1]) + 7 * number}.{(int(m[2]) + 11 * number) % 100:02}", text)
    text = re.sub(r"\b(\d{1,2}) March 2025", lambda m: f"{(int(m[1]) + number) % 28 + 1} March 2025", text)
    return re.sub(r"(?m)^(Tom Ashdown|Priya Raman|Jane Whitfield|Owen Pritchard|Dolores Greer)$", NAMES[number], text)


def requests() -> list:
    made = []
    for number in range(VARIANTS):
        for fields in texts():
            one = dict(fields)
            one.pop("attachments", None)
            one["body"] = varied(one.get("body") or "", number)
            if one.get("messages"):
                one["messages"] = [{**m, "body": varied(m.get("body", ""), number)} for m in one["messages"]]
            if not one["body"]:
                one.pop("body")
            made.append(one)
    return made


def triton(item: dict) -> dict:
    """As the Open Inference Protocol wraps it."""
    return {"inputs": [{"name": "request", "shape": [1, 1], "datatype": "BYTES", "data": [json.dumps(item)]}]}


if __name__ == "__main__":
    wrap = triton if sys.argv[1:] == ["triton"] else dict
    for one in requests():
        print(json.dumps(wrap(one), ensure_ascii=False))
