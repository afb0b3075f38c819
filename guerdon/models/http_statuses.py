"""What a server's status says: which failures are worth another try, how long to wait, and which are the caller's to mend."""

from __future__ import annotations

RETRYABLE = frozenset({408, 409, 424, 425, 429, 500, 502, 503, 504, 529})
REFUSED_SET_UP = frozenset({401, 403, 404, 405, 407})
REFUSED_CONTENT = frozenset({400, 413, 422})
LONGEST_PAUSE = 60.0

_LENGTH_WORDS = ("token", "too long", "length", "too large", "maximum context", "exceed")


def retry_after(header: str | None) -> float:
    """Seconds a ``Retry-After`` header asks for, at most a minute; a date or nonsense counts as nothing asked.

    >>> retry_after("2"), retry_after("next year"), retry_after(None)
    (2.0, 0.0, 0.0)
    """
    try:
        return min(LONGEST_PAUSE, max(0.0, float(header or 0)))
    except ValueError:
        return 0.0


def refused_for_length(status: int, said: str) -> bool:
    """Whether a refusal of content is one of its length.

    >>> refused_for_length(400, "This model's maximum context length is 512"), refused_for_length(400, "bad role")
    (True, False)
    """
    return status in REFUSED_CONTENT and (status == 413 or any(word in said.lower() for word in _LENGTH_WORDS))
