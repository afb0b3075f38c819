"""The final answer of a completion: in an answer tag, in a box, or after a phrase such as "the answer is"."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from guerdon.text.boxed import boxed_spans, extract_boxed
from guerdon.text.tags import extract_tag

# What is said before an answer, by language: the noun, what may qualify it after the noun, what leads to the answer.
# Some are written without accents too, as the language is often typed so.
_PHRASES: tuple[tuple[str, str, str], ...] = (
    # English
    (r"answers?|option|choice", r"choice|option|here|to (?:the|this) question", r"is|are|would be|must be|should be"),
    # Italian, Spanish, Portuguese, Catalan, French, Romanian
    (r"risposta|opzione|soluzione", r"corretta|giusta|esatta|finale|definitiva", r"è|e'|e’|sarà|sarebbe"),
    (r"respuesta|opción|opcion", r"correcta|final|definitiva", r"es|sería|seria"),
    (r"resposta|opção|opcao|opció", r"correta|correcta|certa|final|definitiva", r"é|és|seria"),
    (r"réponse|reponse", r"correcte|finale|exacte|juste|attendue", r"est|serait"),
    (r"răspunsul|raspunsul|răspuns|raspuns", r"corect|final", r"este|e"),
    # German, Dutch, Swedish, Danish and Norwegian
    (r"antwort|lösung|loesung|antwoord", r"juiste|lautet", r"ist|lautet|wäre|is|luidt"),
    (r"svaret|svar|svaralternativet", r"", r"är|er|blir"),
    # Polish, Czech and Slovak, Hungarian, Finnish, Turkish
    (r"odpowiedź|odpowiedz|odpowiedzią", r"poprawna|końcowa|prawidłowa", r"to|jest|brzmi"),
    (r"odpověď|odpoveď|odpoved", r"", r"je|zní"),
    (r"válasz", r"", r"az?|:"),
    (r"vastaus", r"", r"on"),
    (r"cevap|cevabı|cevabım|yanıt|yanıtı", r"", r"şudur|şu|seçeneği"),
    # Russian, Ukrainian, Bulgarian, Serbian, Greek
    (r"ответ|ответом|вариант", r"правильный|верный", r"это|является|будет|-|–|—"),
    (r"відповідь|отговор|отговорът|одговор", r"", r"це|є|е|је|-|–|—"),
    (r"απάντηση|απαντηση", r"", r"είναι|ειναι"),
    # Arabic, Persian, Hebrew, Urdu
    (r"الإجابة|الاجابة|الإجابه|الجواب|إجابة|جواب", r"الصحيحة|النهائية|الصحيح|النهائي", r"هي|هو"),
    (r"پاسخ|جواب", r"صحیح|درست|نهایی", r"است|ہے|عبارت است از"),
    (r"התשובה|תשובה", r"הנכונה|הסופית", r"היא"),
    # Hindi, Bengali, Swahili, Indonesian and Malay, Vietnamese
    (r"उत्तर|जवाब", r"", r"है|होगा|यह है"),
    (r"উত্তর", r"", r"হল|হলো|হচ্ছে"),
    (r"jibu", r"sahihi|la mwisho", r"ni"),
    (r"jawaban|jawapan|jawabannya|jawapannya", r"yang benar|akhir|akhirnya|yang betul", r"adalah|ialah"),
    (r"đáp án|câu trả lời|dap an", r"đúng|cuối cùng|chính xác", r"là|la"),
)
# Scripts without spaces between words.
_UNSPACED = (
    r"(?:答案|答え|正解|解答|回答|结论|結論|选项|選項|答|คำตอบ|정답|답변|답안|답)"
    r"(?:的|应该|應該|应|應|就|ที่ถูกต้อง|이|으로|은|는)?\s?(?:是|为|為|选|選|は|が|คือ|은|는)?"
    r"|故选|故選|因此选|因此選|所以选|所以選|应选|應選"
)
_HASHES = re.compile(r"(?<!#)####(?!#)")
_BEGINS_NUMBER = re.compile(r"\s{0,8}[-+$€£¥]?\s?[\d.]")
_SENTENCE_END = re.compile(r"[.!?।](?=\s+[^\W\d_a-z])|[。！？](?=\s*\w)")
_LAYERS = 8  # of markup around an answer
_COLON = r"[:：=﹕︰]"
_LEAD = r"[\s*_`]"
_SKIPPED = re.compile(rf"{_LEAD}*+")


@lru_cache(maxsize=1)
def _phrase_pattern() -> re.Pattern[str]:
    spaced = "|".join(
        rf"(?:{noun})\b(?:{_LEAD}{{1,4}}(?:{words}))?{_LEAD}{{0,4}}(?:{_COLON}|(?:{verbs})(?!\w)(?:{_LEAD}{{0,4}}{_COLON})?)"
        for noun, words, verbs in ((n, w or "(?!)", v) for n, w, v in _PHRASES)
    )
    return re.compile(rf"\b(?:{spaced})|(?:{_UNSPACED})(?:{_LEAD}{{0,4}}{_COLON})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that announces an answer (``text[start:end]``), and the answer it announces."""

    start: int
    end: int
    answer: str
    answer_start: int


def answer_phrases(text: str) -> list[Phrase]:
    """Every answer phrase of ``text`` with what it announces, in order; about thirty languages and ``####``.

    It announces its sentence on the same line, or on the next line that is not blank. ``####`` counts where a number
    follows it or nothing but whitespace follows its line, as it also heads sections. A phrase that announces nothing is
    left out. Linear in the length of the text.

    >>> [phrase.answer for phrase in answer_phrases("So the answer is 4. La risposta è: B")]
    ['4', 'B']
    """
    return [phrase for phrase in _phrases(text, backwards=False) if phrase is not None]


def last_answer(text: str) -> str | None:
    """What the last answer phrase of ``text`` announces (see :func:`answer_phrases`), None if there is none.

    >>> last_answer("The answer is 4. No, the answer is 5.")
    '5'
    """
    return next((phrase.answer for phrase in _phrases(text, backwards=True) if phrase is not None), None)


def _phrases(text: str, *, backwards: bool) -> Iterator[Phrase | None]:
    marks = [(m.start(), m.end(), False) for m in _phrase_pattern().finditer(text)]
    marks += [(m.start(), m.end(), True) for m in _HASHES.finditer(text)]
    marks.sort()
    newlines = [m.start() for m in re.finditer("\n", text)] if marks else []
    last_line = len(text.rstrip())
    for i in range(len(marks) - 1, -1, -1) if backwards else range(len(marks)):
        start, end, hashes = marks[i]
        begin = _after_blank(text, end)
        at = bisect_left(newlines, begin)
        stop = newlines[at] if at < len(newlines) else len(text)
        if i + 1 < len(marks):
            stop = min(stop, max(begin, marks[i + 1][0]))
        answer = text[begin:stop]
        if hashes and stop < last_line and not _BEGINS_NUMBER.match(answer):
            yield None
            continue
        cleaned = clean_answer(answer if hashes else first_sentence(answer))
        yield Phrase(start, end, cleaned, begin) if cleaned else None


def _after_blank(text: str, start: int) -> int:
    """Where the next character stands that is neither whitespace nor markdown emphasis."""
    skipped = _SKIPPED.match(text, start)
    return skipped.end() if skipped else start


# Words that a full stop follows within a sentence.
_ABBREVIATED = frozenset(
    "approx art cf col dr e.g eq est etc fig gen i.e inc jr ltd mr mrs ms mt no op p pp prof sr st vol vs".split()
)


def first_sentence(text: str) -> str:
    """The first sentence of ``text``, without its full stop if more follows; "A." and "Dr." do not end one.

    >>> first_sentence("42. I am sure."), first_sentence("B. Rome, as I said. Yes")
    ('42', 'B. Rome, as I said')
    """
    for stop in _SENTENCE_END.finditer(text):
        word = text[max(0, stop.start() - 12) : stop.start()].rsplit(None, 1)[-1:]
        short = not word or (len(word[0].strip("(*")) == 1 and word[0].strip("(*").isalpha())
        if stop.group()[0] in "。！？" or not (short or word[0].lower().lstrip("(") in _ABBREVIATED):
            return text[: stop.start()]
    return text


def clean_answer(answer: str) -> str:
    """``answer`` without outer whitespace, markdown emphasis, a box or dollar signs around all of it, and a full stop.

    >>> clean_answer(r" **$\\boxed{42}$**. ")
    '42'
    """
    answer = answer.strip()
    for _ in range(_LAYERS):
        before = answer
        answer = answer.strip(" \t\r\n*_`")
        if answer.endswith((".", "。", "।", "．")) and not answer.endswith(".."):
            answer = answer[:-1].rstrip()
        if len(answer) > 2 and answer[0] == answer[-1] == "$":
            answer = answer[1:-1].strip()
        if answer.startswith(("\\(", "\\[")) and answer.endswith(("\\)", "\\]")) and len(answer) >= 4:
            answer = answer[2:-2].strip()
        if answer.startswith(("\\boxed", "\\fbox")) and answer.endswith("}"):
            spans = boxed_spans(answer)
            if spans[:1] and spans[0][1] == len(answer) - 1:
                answer = answer[spans[0][0] : spans[0][1]].strip()
        if answer == before:
            break
    return answer


def final_answer(text: str) -> str | None:
    """The final answer that ``text`` states, None if it states none.

    The last ``<answer>`` block if there is any (up to the end of the text if none is closed), else the last box, else
    what follows the last answer phrase (:func:`answer_phrases`). A box around the whole of it is taken off. Thinking is
    not removed: pass :func:`~guerdon.text.thinking.strip_thinking` of a completion.

    >>> final_answer("<answer>Rome</answer>"), final_answer(r"so \\boxed{7}"), final_answer("The answer is 7.")
    ('Rome', '7', '7')
    >>> final_answer("I do not know") is None
    True
    """
    tagged = extract_tag(text, "answer")
    if tagged is None:
        tagged = extract_tag(text, "answer", strict=False, unclosed=True)
    if tagged is not None:
        spans = boxed_spans(tagged)
        whole = len(spans) == 1 and clean_answer(tagged) == text_of(tagged, spans[0])
        return text_of(tagged, spans[0]) if whole else tagged
    if "\\boxed" in text or "\\fbox" in text:
        boxed = extract_boxed(text)
        if boxed is not None:
            return boxed
    return last_answer(text)


def answer_or_all(text: str) -> str:
    """What stands after the first ``<answer>``, up to the next answer tag or the end; all of ``text`` without one. Stripped.

    Source: BLEUBERI 2025 (arXiv 2505.11080).

    >>> answer_or_all("so <answer> 4 </answer>."), answer_or_all(" 4 "), answer_or_all("<answer>4")
    ('4', '4', '4')
    """
    _, found, after = text.partition("<answer>")
    if not found:
        return text.strip()
    return after.partition("</answer>")[0].partition("<answer>")[0].strip()


def text_of(text: str, span: tuple[int, int]) -> str:
    """The stripped text of a character span.

    >>> text_of("a b c", (1, 3))
    'b'
    """
    return text[span[0] : span[1]].strip()
