"""Writes rouge.json and stems.json: what the package `rouge-score` says of texts that were written for this.

    pip install rouge-score==0.1.2 nltk==3.10.4
    python host/measure/tests/golden/make.py
"""

import json
import random
from pathlib import Path

from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer

SEED = 7
PAIRS = 100
SENTENCES = """
Anna: The courier left the parcel with a neighbour who denies having received it.
We are replying to your complaint about the delayed refunds of 39.00 EUR.
Could you please cancel my subscription before the renewal on 2026-12-01?
Our accountants noticed three duplicated charges on the corporate cards.
The replacement router keeps restarting; nothing in the troubleshooting guide helped.
Flying with two babies, we were tied to the earlier booking and paid for the later one.
Happily, the dispute was resolved without involving the regulators.
I'm tired of apologising — your agents' promises were never kept!
She agreed, conditionally, to the rational adjustment of the instalments.
Skies over Zürich were grey, and the café's terminal declined every card.
Operators hesitated to relate the organisational changes to the customers.
News: inning after inning, outings and cannings of the supporters' club.
He is dying to know whether the electricity bill was electrically miscalculated.
Bill no. 4711/B, issued 03/04/2026, shows a total of 1,249.50 and no tax.
Nobody has answered the third, fourth and fifth reminder.
Answer the reminder, nobody said, and answer it by Friday.
Generalisation and oscillators aside, feudalism, callousness and decisiveness are formal words.
The geologist's apology, an analogy to archaeology, was hopefully sincere.
Please confirm: is delivery on Monday possible, or must I fetch the parcel myself?
Yes. Yes! Yes?
The team proceeds, succeeds and exceeds; proceed, succeed, exceed.
Controlling the rolling controller, she hopped, hissed, fizzed, failed and filed.
My flat-mate's sister-in-law sized up the conflated, troubled agreement.
Responsibility and sensibility, formality and sensitivity: all of it probate.
Kündigung bestätigt; мы подтверждаем; 已取消。
""".strip().split("\n")
ROOTS = """abil account activ adjust agree alli analog analys annoy apolog appli arriv at bl book bray broth bull buy
calcul call cancel care caress cat ceas charg claim communic compl confirm conflat connect consist contr controll cri
custom declin defens delay deliver depend describ die differ digit dispos dri ed electr enjoy excit fail fall fals feed
feud fiz flat flow fly form general geo gyroscop happi hate hiss homolog hop hope hopp ide industri inflat infer inform
insur invoic iron irrit issu lay lie liv log lov marr measur modern mot motor nation need net obey observ oper organ
oscill own pay pi pla play plaster pon possibl predict pri privat prob process profession program prov quick radic rat
rational receiv redund refund regul relat reli renew reorgan repli replac repres requir resolv respons revis riv roll
sad sens siz sk sky spi statist stress sub sued suffic sympath syzyg tan tax technolog terribl theo ti toy transfer tri
triplic troubl univers us val valid vibr vietnam vil visual whit wid wil worri x y yes yield yy""".split()
ENDINGS = """ "" s es ies ss sses ed ied eed ing ying y ly e er or al ally ational tional ence ency ance ancy enci anci izer ize
izes ized izing ization isation ation ations ator ators alism iveness fulness ousness aliti ality iviti ivity biliti bility
icate icated ative alize alized iciti icity ical ically ful fully ness nesses able ably ible ibly ant ement ements ment ent
ently ion ions sion tion ou ism ate ates iti ous ously ive ives eli entli ousli bli ll lled lling le led ling logi logy
ying 1 2026""".replace('""', " ").split(" ")


def main() -> None:
    folder = Path(__file__).resolve().parent
    plain = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    stemmed = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    chosen = random.Random(SEED)
    rows = []
    for text, references in pairs(chosen):
        rows.append(
            {
                "text": text,
                "references": references,
                "plain": measures(plain.score_multi(references, text)),
                "stemmed": measures(stemmed.score_multi(references, text)),
            }
        )
    (folder / "rouge.json").write_text(lines(rows), encoding="utf-8")
    stemmer = PorterStemmer()
    words = sorted({root + ending.strip() for root in ROOTS for ending in ENDINGS} | {"skies", "dying", "news", "howe", "outings"})
    words = chosen.sample(words, 4000)
    (folder / "stems.json").write_text(lines([[word, stemmer.stem(word)] for word in sorted(words)]), encoding="utf-8")


def pairs(chosen: random.Random):
    """Texts of a few sentences against one to three references that share some of them, words moved and dropped."""
    yield "", ["Nothing was said."]
    yield "Nothing was said.", [""]
    yield "…—…", ["?!"]
    for _ in range(PAIRS - 3):
        told = chosen.sample(SENTENCES, chosen.randint(1, 4))
        references = []
        for _ in range(chosen.randint(1, 3)):
            kept = [sentence for sentence in told if chosen.random() < 0.7] + chosen.sample(SENTENCES, chosen.randint(0, 2))
            references.append(" ".join(stirred(sentence, chosen) for sentence in kept))
        yield " ".join(told), references


def stirred(sentence: str, chosen: random.Random) -> str:
    words = [word for word in sentence.split() if chosen.random() > 0.15]
    if len(words) > 2 and chosen.random() < 0.5:
        place = chosen.randrange(len(words) - 1)
        words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


def measures(scores: dict) -> list:
    return [scores[name].fmeasure for name in ("rouge1", "rouge2", "rougeL")]


def lines(rows: list) -> str:
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


if __name__ == "__main__":
    main()
