"""Which language a text is in, told by its script and, in Latin script, by its commonest words; unsure is an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from guerdon.text.scripts import dominant_script, script_counts

_BY_SCRIPT: Mapping[str, str] = MappingProxyType(
    {
        "arabic": "ar",
        "devanagari": "hi",
        "greek": "el",
        "han": "zh",
        "hangul": "ko",
        "hebrew": "he",
        "hiragana": "ja",
        "katakana": "ja",
        "thai": "th",
    }
)
# Words that are frequent in a language; a word of several languages counts for each of them.
_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        language: frozenset(words.split())
        for language, words in {
            "cs": "a se na je že v ve to s z do o i jako ale by jsem jsi byl byla bylo pro za od po který která které už "
            "tak jen jeho její nebo když ze k ke si ho mu jsou není co jak tím",
            "de": "der die das und ist nicht ein eine einen einem einer ich sie er es wir ihr zu in den dem des mit auf "
            "für von im war hat sich auch als wie an bei nach noch aber oder wenn so nur werden wird sind",
            "en": "the and of to in is it that was he she for on with as at by his her be are this have from or not but "
            "they you we had which an were there their what so if would has been",
            "es": "el la los las de que y en un una es no se por con para su del al lo como más pero sus le ya o este "
            "sí porque esta entre cuando muy sin sobre también me hasta hay donde quien era fue está",
            "fr": "le la les de des du et en un une est que qui dans pour pas sur au aux avec ce cette il elle ne se son "
            "sa ses plus par mais ou nous vous ils était sont comme tout être fait leur où si",
            "it": "il lo la i gli le di che e è un una in non per con del della dei delle al alla nel nella si da come "
            "ma anche più sono era questo questa suo sua ha ho mi ci se o quando dove cosa",
            "nl": "de het een en van ik te dat die in is niet zijn op aan met als voor had er maar om hem dan zou of wat "
            "mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft",
            "pt": "o a os as de que e do da em um uma para com não é se na no por mais dos das como mas ao ele ela foi "
            "seu sua ou quando muito há nos já está eu também só pelo pela até isso era ser",
        }.items()
    }
)
_LETTERS: Mapping[str, str] = MappingProxyType(
    {"cs": "ěřůčžšďťň", "de": "ßäöü", "es": "ñ¿¡", "fr": "œçêèàù", "pt": "ãõ", "it": "ìò"}
)
_UKRAINIAN = frozenset("іїєґ")


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language a text is in; None where it cannot be told.

    Known are ar, cs, de, el, en, es, fr, he, hi, it, ja, ko, nl, pt, ru, th, uk and zh. Another language in one of their scripts
    may be taken for one of them, or be None. Short texts in Latin script are None unless their words tell. Linear.

    >>> (
    ...     language_of("Die Nacht ist nicht lang."),
    ...     language_of("夜は長い。"),
    ...     language_of("长夜渐次消逝。"),
    ...     language_of("42"),
    ... )
    ('de', 'ja', 'zh', None)
    """
    text = unicodedata.normalize("NFC", text)
    script = dominant_script(text)
    if script == "han":
        kana = script_counts(text, "hiragana")[0] + script_counts(text, "katakana")[0]
        return "ja" if kana > 0.03 * script_counts(text, "japanese")[0] else "zh"
    if script == "cyrillic":
        return "uk" if _UKRAINIAN & set(text.lower()) else "ru"
    if script == "latin":
        return _latin(text.lower())
    return _BY_SCRIPT.get(script or "")


def base_language(code: str | None) -> str | None:
    """A language code without region and script: ``zh-CN`` and ``zh_Hans`` are ``zh``.

    >>> base_language(" zh-CN "), base_language("pt_BR"), base_language("")
    ('zh', 'pt', None)
    """
    base = (code or "").strip().lower().replace("_", "-").partition("-")[0]
    return base or None


def _latin(text: str) -> str | None:
    words = "".join(c if c.isalpha() else " " for c in text).split()
    hits = {language: sum(word in known for word in words) for language, known in _WORDS.items()}
    for language, letters in _LETTERS.items():
        hits[language] += 2 * sum(text.count(letter) for letter in letters)
    best, second = sorted(hits, key=lambda language: -hits[language])[:2]
    clear = hits[best] >= max(1, 0.08 * len(words)) and hits[best] > hits[second]
    return best if clear else None
