"""The expected value of a verdict under the log-probabilities of the token it was said with."""

from __future__ import annotations

import math
from collections.abc import Mapping

from guerdon.models.chat import ChatReply


def expected_value(reply: ChatReply, values: Mapping[str, float], *, least: float = 0.5) -> float | None:
    """sum_c p(c) values[c] / sum_c p(c) over the choices c, at the last token of the reply that is one.

    p are the probabilities the reply carries for that place. None where it carries none, where the choices hold less than
    ``least`` of the probability, or where more than 1 % of it stands on a token that several choices begin with, such as
    "1" for 1 and 10, so that it cannot be shared out.

    Source: Liu et al. 2023, G-Eval (arXiv 2303.16634), the probability-weighted score.

    >>> from math import log
    >>> reply = ChatReply("4", logprobs=({"4": log(0.6), "5": log(0.4)},))
    >>> round(expected_value(reply, {"4": 4.0, "5": 5.0}), 6)
    4.4
    """
    if not reply.logprobs:
        return None
    known = {choice.lower(): value for choice, value in values.items()}
    said = _said(reply)
    place = next((i for i in reversed(range(len(said))) if said[i].strip().lower() in known), None)
    if place is None:
        return None
    mass = weighted = unclear = 0.0
    for token, logprob in reply.logprobs[place].items():
        word, p = token.strip().lower(), math.exp(min(float(logprob), 0.0))
        if word in known and not any(choice != word and choice.startswith(word) for choice in known):
            mass, weighted = mass + p, weighted + p * known[word]
        elif word and any(choice.startswith(word) for choice in known):
            unclear += p
    if mass < least or unclear > 0.01:
        return None
    return weighted / mass


def _said(reply: ChatReply) -> list[str]:
    """The token that was generated at each place: the one the text goes on with, the longest where several fit."""
    rest, said = reply.text, []
    for alternatives in reply.logprobs or ():
        fitting = max((token for token in alternatives if rest.startswith(token)), key=len, default="")
        said.append(fitting)
        rest = rest[len(fitting) :]
    return said
