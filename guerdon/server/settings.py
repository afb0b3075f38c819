"""ServerSettings: what a reward server allows and how it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from guerdon.errors import UserError
from guerdon.intake import IntakeOptions

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class ServerSettings:
    """Limits and conventions of a reward server.

    Attributes:
        token: bearer token that every request but ``/health`` and ``/ready`` must carry; None: none, on loopback only.
        fallback: the number that dialects without "not scored" give in its place, counted in the metrics; None: the request
            fails with status 503 and the reason.
        max_body: bytes of a request.
        max_samples: samples of a request.
        max_depth: levels of nesting in a request.
        deadline: seconds from a request's last byte to its answer; then status 504, and its samples are withdrawn.
        body_deadline: seconds a client has for sending a request.
        drain: seconds that requests under way have when the server is told to stop.
        log_texts: whether logs may hold prompts and completions.
    """

    token: str | None = field(default=None, repr=False)
    fallback: float | None = None
    max_body: int = 16 << 20
    max_samples: int = 4096
    max_depth: int = 64
    deadline: float = 120.0
    body_deadline: float = 20.0
    drain: float = 30.0
    log_texts: bool = False
    intake: IntakeOptions = field(default_factory=IntakeOptions)

    def __post_init__(self) -> None:
        for name in ("max_body", "max_samples", "max_depth", "deadline", "body_deadline", "drain"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"{name}={getattr(self, name)!r} must be positive")
        if self.fallback is not None and not math.isfinite(self.fallback):
            raise UserError(f"fallback={self.fallback!r} must be a finite number, or None")
        if self.token is not None and (
            not self.token or not self.token.isascii() or self.token.split() != [self.token]
        ):
            raise UserError("token must be ASCII without spaces; leave it out for none")

    def check_host(self, host: str) -> None:
        """Raise where the server would answer anyone who can reach it.

        Raises:
            UserError: a host beyond loopback and no token.
        """
        if host not in LOOPBACK and self.token is None:
            raise UserError(
                f"host={host!r} can be reached from other machines; set a token (GUERDON_TOKEN), or use 127.0.0.1"
            )
