"""The features of a sentence within its thread, exactly as card.md specifies them for the plugin."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

NAMES = """
centroid degree near_first near_opening near_message near_earlier near_others near_subject
place message first_message last_message opening early closing place_in_message message_length messages thread
opener first_of_speaker speaker_share speakers
length log_length square_length short content frequency spread subject
question ends_question asking_word request opinion duty first_person begins_i leans negation thanks that if because will
symbols digits code capitals address
""".split()
REQUEST = set("agree because like need please problem propose request should suggest think want".split())
OPINION = set(
    "agree believe disagree feel guess hope object prefer propose recommend suggest support think understand "
    "wonder".split()
)
DUTY = set("must need needs should".split())
ASKING = set("any anyone are can could do does how is should what when where which who why would".split())
LEANING = set("also and but he however it otherwise she so that then there therefore these they this those".split())
NEGATION = set("can cannot didn doesn don isn never no not".split())
THANKS = set("cheers regards sorry thank thanks".split())
PREFIXES = {"re", "fw", "fwd", "aw"}
FUNCTION = set(
    "a about after all also am an and any are as at be because been but by can could did do does don for from get had "
    "has have he her here him his how i if in into is it its just like me more my no not now of on one only or other "
    "our out over said same she should so some such than that the their them then there these they this those to too "
    "up us use used very was we were what when where which while who will with would you your".split()
)
CODE = set("<>{}[]=/\\_*|#")


@dataclass
class Sentence:
    """A sentence: its text, its message (from 0), its place in that message (from 0), who wrote it, if it is whole."""

    text: str
    message: int
    place: int
    speaker: str = ""
    whole: bool = True

    def __post_init__(self):
        self.words = len(self.text.split())


def tokens(text: str) -> list:
    """Maximal runs of alphanumeric characters, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def features(sentences: list, vectors: np.ndarray, subject: str, title: np.ndarray | None) -> np.ndarray:
    """f32 [sentences, 51]; `vectors` are their embeddings, f32 [sentences, 384], `title` the subject's, if there is one."""
    words = [tokens(sentence.text) for sentence in sentences]
    columns = np.hstack(
        [likeness(sentences, vectors, title), places(sentences), wording(sentences, words, subject), signs(sentences, words)]
    )
    assert columns.shape[1] == len(NAMES)
    return columns.astype(np.float32)


def likeness(sentences: list, vectors: np.ndarray, title: np.ndarray | None) -> np.ndarray:
    messages = np.array([sentence.message for sentence in sentences])
    near = vectors @ vectors.T
    others = np.maximum(near - np.diag(np.diag(near)), 0)
    rows = []
    for index, message in enumerate(messages):
        rows.append(
            [
                mean_likeness(near, index, messages >= 0),
                others[index].sum() / max(1, len(sentences) - 1),
                mean_likeness(near, index, messages == 0),
                near[index, 0],
                mean_likeness(near, index, messages == message),
                others[index, :index].max(initial=0),
                others[index, messages != message].max(initial=0),
                0 if title is None else vectors[index] @ title,
            ]
        )
    return np.array(rows)


def mean_likeness(near: np.ndarray, index: int, among: np.ndarray) -> float:
    """The product with the mean of some vectors at length one; 0 where there are none."""
    length = np.sqrt(max(float(near[np.ix_(among, among)].sum()), 0.0))
    return float(near[index, among].sum()) / max(length, 1e-9)


def places(sentences: list) -> np.ndarray:
    count = len(sentences)
    messages = 1 + max(sentence.message for sentence in sentences)
    sizes = Counter(sentence.message for sentence in sentences)
    spoken = Counter(sentence.speaker for sentence in sentences)
    first = {}
    for sentence in sentences:
        first.setdefault(sentence.speaker, sentence.message)
    rows = []
    for index, sentence in enumerate(sentences):
        size = sizes[sentence.message]
        rows.append(
            [
                index / count,
                sentence.message / messages,
                sentence.message == 0,
                sentence.message == messages - 1,
                sentence.place == 0,
                sentence.place <= 1,
                sentence.place + 1 >= size,
                sentence.place / max(1, size - 1),
                min(size, 20) / 20,
                min(messages, 12) / 12,
                min(count, 50) / 50,
                sentence.speaker == sentences[0].speaker,
                sentence.message == first[sentence.speaker],
                spoken[sentence.speaker] / count,
                min(len(spoken), 6) / 6,
            ]
        )
    return np.array(rows, float)


def wording(sentences: list, words: list, subject: str) -> np.ndarray:
    content = [[word for word in row if len(word) > 1 and word not in FUNCTION] for row in words]
    told = Counter(word for row in content for word in row)
    spread = Counter(word for _, word in {(s.message, word) for s, row in zip(sentences, content) for word in row})
    messages = 1 + max(sentence.message for sentence in sentences)
    titles = set(tokens(subject)) - PREFIXES
    rows = []
    for sentence, row, heavy in zip(sentences, words, content):
        length = len(sentence.text.split())
        rows.append(
            [
                min(length, 60) / 60,
                np.log1p(length) / 4,
                (min(length, 40) / 40) ** 2,
                length < 6,
                len(heavy) / max(1, len(row)),
                sum(np.log1p(told[word]) for word in heavy) / max(1, len(heavy)),
                sum(spread[word] / messages for word in heavy) / max(1, len(heavy)),
                len(titles & set(row)) / max(1, len(titles)),
            ]
        )
    return np.array(rows, float)


def signs(sentences: list, words: list) -> np.ndarray:
    rows = []
    for sentence, row in zip(sentences, words):
        text, present, first = sentence.text, set(row), row[0] if row else ""
        share = lambda holds: sum(map(holds, text)) / max(1, len(text))  # noqa: E731
        rows.append(
            [
                "?" in text,
                text.endswith("?"),
                first in ASKING,
                bool(present & REQUEST),
                bool(present & OPINION),
                bool(present & DUTY),
                bool(present & {"i", "we"}),
                first == "i",
                first in LEANING,
                bool(present & NEGATION),
                bool(present & THANKS),
                "that" in present,
                "if" in present,
                bool(present & {"because", "since"}),
                bool(present & {"will", "ll"}),
                share(lambda c: not c.isalpha() and not c.isspace()),
                share(lambda c: c in "0123456789"),
                share(lambda c: c in CODE),
                share(str.isupper),
                "http" in text or "@" in text,
            ]
        )
    return np.array(rows, float)
