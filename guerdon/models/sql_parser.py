"""The parser of SQL, run where it can be stopped: the profiles of statements. Needs sqlglot."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec

from guerdon.errors import MissingExtra
from guerdon.models.loaded import loaded
from guerdon.runtime import count
from guerdon.scores import Outcome
from guerdon.text.sql_syntax import SQLProfile, parse_sql, profile_from
from guerdon.verifier_pool import verifier_pool

SECONDS = 3.0
_KEPT = 20_000

#: A profile, None where the statement cannot be parsed, or why the parser itself could not be run.
Profile = SQLProfile | None | str


def profile_sql(statements: Sequence[str], dialect: str = "sqlite") -> list[Profile]:
    """The profile of each statement, in order; None where it is not one parseable statement, text where the parser failed to run.

    The parser runs in the verifier pool, 3 s a statement; one that takes longer cannot be parsed. Profiles are remembered.

    Raises:
        MissingExtra: sqlglot is not installed.

    >>> profile_sql(["SELECT a FROM t", "SELEC ((("])[0].tables, profile_sql(["SELEC ((("])
    (frozenset({'t'}), [None])
    """
    if find_spec("sqlglot") is None:
        raise MissingExtra("sqlglot", extra="sql")
    memory: _Profiles = loaded(("sql profiles",), _Profiles)
    return memory.get(statements, dialect)


class _Profiles:
    """The profiles of the last statements."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], SQLProfile | None] = OrderedDict()

    def get(self, statements: Sequence[str], dialect: str) -> list[Profile]:
        """The profile of each statement; those not kept are parsed, each once."""
        found: dict[tuple[str, str], Profile] = {}
        keys = [(statement, dialect) for statement in statements]
        with self._lock:
            found.update({key: self._kept[key] for key in keys if key in self._kept})
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        count("parses", len(missing))
        for key, checked in zip(missing, verifier_pool().map(parse_sql, missing, deadline=SECONDS), strict=True):
            if checked.outcome is Outcome.INSTRUMENT_ERROR:
                found[key] = checked.message
                continue
            found[key] = profile = profile_from(checked.value)
            with self._lock:
                self._kept[key] = profile
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return [found[key] for key in keys]
