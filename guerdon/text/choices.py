"""The option a completion chooses in a multiple-choice question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from guerdon.text.answers import clean_answer, last_answer
from guerdon.text.boxed import boxed_spans
from guerdon.text.tags import tag_blocks
from guerdon.text.thinking import strip_thinking

#: The letters of a question's options unless told otherwise.
LETTERS = ("A", "B", "C", "D", "E")

# How many boxes and blocks are looked at, the last ones, and how many characters of each.
_MOST, _LONGEST = 32, 5_000

# What other scripts write for A, B, C, D, E: letters that look like them (Cyrillic) or label options in that order.
_ALIASES = {
    letter: latin
    for row in ("АВС Е", "ΑΒΓΔΕ", "أبجده", "ا", "אבגדה", "কখগঘঙ", "कखगघङ", "กขคงจ", "アイウエオ", "甲乙丙丁戊")
    for letter, latin in zip(row, "ABCDE", strict=False)
    if letter != " "
}
# Letters that are also words: followed by another word they are taken for that word.
_ALSO_WORDS = frozenset("AEIOUY")
_BEFORE = (
    r"(?:(?:the|an|la|l['’]|el|a|o|die|der|de|het)?\s?"
    r"(?:option|choice|letter|answer|alternative|opzione|lettera|opci[oó]n|letra|op[cç][aã]o|alternativa|lettre"
    r"|réponse|antwort|buchstabe|optie|opcja|вариант|буква|الخيار|विकल्प|seçenek|pilihan|jawaban|đáp án|选项|選項|选|選)"
    r"\s?[:：]?)"
)
_ARTICLE = r"(?:(?:the|la|el|il|a|o|de|die)\s|l['’])"
_BETWEEN = (
    r"(?:[,;/&+|、，；]|أو|و|या|और|或者|或|和|与|與|または|か|또는|\b(?:or|and|oder|und|ou|et|o|e|y|u|en|of|lub|i|albo"
    r"|или|и|або|та|ve|veya|atau|dan|hoặc|và|eller|och|og|או)\b)"
)
_BECAUSE = (
    r"(?:because|since|as|for|which|due|perch[eé]|poich[eé]|porque|ya|pois|parce|car|puisque|weil|denn|da|want|omdat"
    r"|ponieważ|bo|потому|так|çünkü|karena|vì|eftersom|fordi|protože)\b"
)
# "B is correct", for which there is no announcement before the letter.
_DECLARED = re.compile(
    r"(?<![\w'’])\(?\*{0,2}([A-Z])\*{0,2}\)?\s(?:is|è|ist|est|es|é|jest|är|is de)\s(?:(?:the|la|die|le|a|il|de)\s)?"
    r"(?:correct|right|best|true|corretta|giusta|esatta|richtig|richtige|correcte|juste|correcta|correta|certa|poprawna|juiste)\b"
)
_NEGATION = re.compile(r"(?:not|neither|none|non|no|nicht|kein\w*|pas|não|nao|nie|не|niet|değil|bukan|không|ليس)\b")


def extract_choice(
    text: str, options: Mapping[str, str] | Sequence[str] | None = None, *, letters: Iterable[str] = LETTERS
) -> str | None:
    """The letter of the option that ``text`` chooses; None if it chooses none, or several.

    The thinking is left out. Of the rest, the first of these that is there is read: the answer blocks, the boxes, the
    last answer phrase (see :func:`~guerdon.text.answers.answer_phrases`), "B is correct", the whole text, its first
    and last lines. There the option is named by its letter ("B", "(b)", "B) Rome", "option B") or by its text; in the
    whole text or a line nothing else may be said with it.

    Several different letters in one place ("A or B", two boxes, two answer blocks) shop for the answer and choose
    nothing. Of differing answer phrases the last counts, since one may correct oneself.

    Args:
        text: the completion.
        options: the options' texts by letter, or in order of ``letters``; None if only letters count.
        letters: the letters of the options, in order, where ``options`` does not give them.

    >>> extract_choice("I think the answer is (B)."), extract_choice("La risposta corretta è: C) Roma")
    ('B', 'C')
    >>> extract_choice("Rome", ["Paris", "Rome"]), extract_choice("The answer is A or B.")
    ('B', None)
    """
    if options is not None and not isinstance(options, Mapping):
        options = dict(zip(letters, options, strict=False))
    labels = tuple(str(label) for label in (letters if options is None else options))
    texts = {label: folded for label, said in (options or {}).items() if (folded := _folded(said))}
    visible = strip_thinking(text)
    claims = _claims(visible)
    if claims:
        chosen = [_named(claim, labels, texts, whole=False) for claim in claims]
    else:
        chosen = [_named(visible, labels, texts, whole=True)]
        if chosen == [None] and visible:
            edges = (visible.partition("\n")[0], visible.rpartition("\n")[2])
            named = (_named(line, labels, texts, whole=True) for line in edges)
            chosen = [letter for letter in named if letter is not None] or [None]
    different = {letter for letter in chosen if letter is not None}
    return chosen[-1] if len(different) == 1 else None


def _claims(text: str) -> list[str]:
    """What ``text`` offers as its answer in answer blocks, in boxes or after the last answer phrase."""
    blocks = tag_blocks(text, "answer") or tag_blocks(text, "answer", strict=False, unclosed=True)
    if blocks:
        return [claim for block in blocks[-_MOST:] for claim in (_announced(block.content) or [block.content])]
    return _announced(text)


def _announced(text: str) -> list[str]:
    boxes = [text[start : min(end, start + _LONGEST)] for start, end in boxed_spans(text)[-_MOST:] if end >= 0]
    if boxes:
        return boxes
    answer = last_answer(text)
    return list(dict.fromkeys(_DECLARED.findall(text))) if answer is None else [answer]


def _named(claim: str, labels: tuple[str, ...], texts: Mapping[str, str], *, whole: bool) -> str | None:
    """The label that ``claim`` names. ``whole``: it must be an option and nothing else."""
    if whole and len(claim) > _LONGEST:
        return None
    claim = clean_answer(_without_macros(unicodedata.normalize("NFKC", claim[:_LONGEST])))
    folded = _folded(claim)
    exact = [label for label, text in texts.items() if text == folded]
    if len(exact) == 1 and len(folded) > 1:
        return exact[0]
    lead, listed, rest = _leading_labels(claim, labels)
    if lead is not None:
        if len(listed) > 1:
            return None
        alone = not _folded(rest) or (lead in texts and _folded(rest) == texts[lead])
        return lead if alone or not whole else None
    if whole or _NEGATION.match(folded):
        return None
    return _mentioned(folded, texts)


def _leading_labels(claim: str, labels: tuple[str, ...]) -> tuple[str | None, set[str], str]:
    """The first label at the head of ``claim``, all labels listed there, and what follows the first."""
    head, listing = _label_patterns(labels)
    match = head.match(claim)
    if match is None:
        return None, set(), claim
    raw, bracketed = match["label"], bool(match["open"] or match["close"])
    rest = claim[match.end() :]
    lead = _canonical(raw, labels)
    if lead is None or (raw.islower() and raw != lead and not (bracketed or not rest.strip())):
        return None, set(), claim
    listed = {lead}
    position = match.end()
    while more := listing.match(claim, position):
        other = _canonical(more["label"], labels)
        if other is None or (more["label"].islower() and more["label"] != other):
            break
        listed.add(other)
        position = more.end()
    following = [_canonical(word, labels) for word in _folded(rest).split()[: len(labels)]]
    if None not in following:
        listed.update(letter for letter in following if letter is not None)
    wordlike = lead.upper() in _ALSO_WORDS or match["article"]
    if len(listed) == 1 and wordlike and not bracketed and not match["option"]:
        word_follows = re.match(r"\s+\w", rest) and not re.match(rf"\s+{_BECAUSE}", rest, re.IGNORECASE)
        if word_follows:
            return None, set(), claim
    return lead, listed, rest


@lru_cache(maxsize=64)
def _label_patterns(labels: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    known = sorted({*labels, *_ALIASES}, key=len, reverse=True)
    label = f"(?P<label>{'|'.join(re.escape(name) + _after(name) for name in known)})"
    one = rf"(?P<open>[(\[{{【「<]?)\s?[*_]{{0,3}}{label}[*_]{{0,3}}(?:\s?(?P<close>[)\]}}】」>.:]))?"
    head = re.compile(rf"(?P<option>{_BEFORE})?(?P<article>{_ARTICLE})?\s?[*_\"'“‘`$]{{0,3}}{one}", re.IGNORECASE)
    return head, re.compile(rf"\s{{0,3}}{_BETWEEN}{{1,2}}\s{{0,3}}{_BEFORE}?\s?{one}", re.IGNORECASE)


def _after(label: str) -> str:
    """What may not follow a label: the rest of a word, but for the particles that East Asian languages attach."""
    attached = "\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af" if label.isascii() else ""
    return rf"(?![^\W{attached}])(?!['’](?!d[ıi]r)\w)"


def _canonical(raw: str, labels: tuple[str, ...]) -> str | None:
    """The label that ``raw`` writes, in whatever case or script."""
    for form in (raw, raw.upper(), _ALIASES.get(raw.upper(), "")):
        for label in labels:
            if form == label or (form and form == label.upper()):
                return label
    return None


def _mentioned(folded: str, texts: Mapping[str, str]) -> str | None:
    """The only option whose text stands in ``folded``, texts that are part of a longer one found there aside."""
    padded = f" {folded} "
    found = [label for label, text in texts.items() if f" {text} " in padded]
    longest = [a for a in found if not any(a != b and texts[a] in texts[b] for b in found)]
    return longest[0] if len(longest) == 1 else None


def _without_macros(text: str) -> str:
    r"""``\text{B}`` -> ``B`` and the like."""
    return re.sub(r"\\(?:text|textbf|mathrm|mathbf|mathit|rm|bf)\s?\{([^{}]*)\}", r"\1", text).replace("\\", "")


def _folded(text: str) -> str:
    """Case, punctuation and runs of whitespace folded away."""
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] in "MS" else " " for c in text.casefold())
    return " ".join(kept.split())
