"""Turns a short utterance into something like an e-mail: subject, greeting, the request, a remark, a closing.

The remarks carry urgency or sentiment; each belongs to one split only, so that no split is judged on a remark that it
was trained on.
"""

import numpy as np

SUBJECTS = ["Question", "Help", "Request", "Hello", "My case", "Please read", "Contact form", "Enquiry", "Need some help", "Re: your service"]
GREETINGS = ["Hi,", "Hello,", "Dear team,", "Good morning,", "Dear Sir or Madam,", "Hey there,", "To whom it may concern,", "Good afternoon,"]
OPENINGS = [
    "I have been a customer for several years.",
    "I hope that you can help me.",
    "I am writing about the following.",
    "I could not find an answer on your website.",
    "I tried to call but nobody picked up.",
    "This is about my customer number 20417.",
]
CLOSINGS = ["Thanks,", "Kind regards,", "Best,", "Yours faithfully,", "Many thanks in advance,", "Regards,", "Cheers,"]
NAMES = ["Anna Novak", "J. Mensah", "Karl", "Mrs Doyle", "Sofia R.", "Dmitri Levin", "Li Wei", "Tom Archer", "Fatima Z.", "H. Jansen"]

# (remark, urgency, sentiment); None leaves what the request itself has; angry is negative with the flag.
REMARKS = {
    "train": [
        ("This is very urgent, please deal with it today.", "high", None),
        ("I need this solved by tonight.", "high", None),
        ("I cannot do anything until this is fixed.", "high", "negative"),
        ("Please answer at once, time is running out!", "high", "negative"),
        ("Money is being taken right now, act immediately!", "critical", "negative"),
        ("HELP, this is an emergency!!!", "critical", "negative"),
        ("There is no hurry at all.", "low", None),
        ("Whenever you have a moment is fine.", "low", None),
        ("I only ask out of interest.", "low", "neutral"),
        ("I am very disappointed.", None, "negative"),
        ("This is really annoying and I am fed up.", None, "angry"),
        ("It makes me angry to have to write again.", None, "angry"),
        ("I am quite upset about this.", None, "negative"),
        ("You have always been great, thank you so much.", None, "positive"),
        ("I am very happy with your service otherwise.", None, "positive"),
        ("Your colleague was wonderful last time!", None, "positive"),
        ("I have written about this before and had no reply.", None, "negative"),
        ("Frankly, I had expected better of you.", None, "negative"),
        ("This has cost me a whole day already.", None, "negative"),
        ("It cannot be that I have to run after you for this.", None, "negative"),
        ("I am worried sick about it.", None, "negative"),
        ("Nobody at your end seems to feel responsible.", None, "negative"),
        ("I do not accept this and expect you to put it right.", None, "negative"),
        ("Something has clearly gone wrong on your side, and it is me who pays for it.", None, "negative"),
        ("You helped me so well in spring, I have not forgotten it.", None, "positive"),
        ("It is a pleasure to deal with you.", None, "positive"),
        ("I enclose the details.", None, None),
        ("A short answer by mail is enough.", None, None),
        ("I am asking for my own planning.", None, None),
        ("My number with you is 55-1820.", None, None),
        ("We talked about it on the telephone on Tuesday.", None, None),
        ("Please let me know what you need from me.", None, None),
        ("You can reach me by e-mail.", None, None),
        ("This is ridiculous, and I am fed up with all of you!", None, "angry"),
        ("You are nothing but thieves.", None, "angry"),
        ("Are you people too stupid to read?", None, "angry"),
        ("STOP TREATING ME LIKE AN IDIOT.", None, "angry"),
        ("Your lies make me sick, you will hear from my lawyer.", None, "angry"),
        ("What an incompetent bunch.", None, "angry"),
        ("I am absolutely furious.", None, "angry"),
    ],
    "dev": [
        ("It has to be sorted out today, the deadline is this evening.", "high", None),
        ("Every minute counts, somebody is doing harm as we speak!", "critical", "negative"),
        ("Take your time, it is not pressing.", "low", None),
        ("What a let-down this has been.", None, "negative"),
        ("For the third time I ask you to mend this.", None, "negative"),
        ("I wonder whether anybody there reads my letters.", None, "negative"),
        ("Thank you for the advice last week, it was spot on.", None, "positive"),
        ("I am sending this from my wife's address.", None, None),
        ("I really love what you do.", None, "positive"),
        ("I look forward to your answer.", None, None),
        ("It is outrageous how you cheat honest people.", None, "angry"),
        ("I HAVE HAD ENOUGH OF THIS NONSENSE!", None, "angry"),
    ],
    "test": [
        ("Please see to it straight away, tomorrow is too late.", "high", None),
        ("Stop this instant, we are losing money by the second!", "critical", "negative"),
        ("It can wait until next month.", "low", None),
        ("I find this unacceptable.", None, "angry"),
        ("Thanks a million, you are the best.", None, "positive"),
        ("My details are below.", None, None),
    ],
}


def letter(text: str, other: str | None, split: str, random: np.random.Generator) -> tuple:
    """(text, urgency or None, sentiment or None, whether angry): the request as an e-mail, perhaps with a second one of its kind."""
    lines, urgency, feeling = [], None, None
    if random.random() < 0.6:
        lines.append(pick(GREETINGS, random))
    if random.random() < 0.3:
        lines.append(pick(OPENINGS, random))
    lines.append(sentence(text))
    if other and random.random() < 0.5:
        lines.append(sentence(other))
    if random.random() < 0.6:
        remark, urgency, feeling = REMARKS[split][random.integers(len(REMARKS[split]))]
        lines.insert(int(random.integers(1, len(lines) + 1)), remark)
    if random.random() < 0.7:
        lines += [pick(CLOSINGS, random), pick(NAMES, random)]
    angry, feeling = feeling == "angry", "negative" if feeling == "angry" else feeling
    body = (" " if random.random() < 0.6 else "\n").join(lines)
    draw = random.random()
    if draw < 0.35:
        return f"{pick(SUBJECTS, random)}\n\n{body}", urgency, feeling, angry
    if draw < 0.65:
        return f"{' '.join(text.split()[:6])}\n\n{body}", urgency, feeling, angry
    return body, urgency, feeling, angry


def pick(items: list, random: np.random.Generator) -> str:
    return items[int(random.integers(len(items)))]


def sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
