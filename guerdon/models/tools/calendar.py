"""Dates: the day of the week, days between two dates, and the date so many days on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from guerdon.frozen import FrozenDict
from guerdon.models.tool import Tool
from guerdon.registry import register

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DATE = {"type": "string", "description": "a date as YYYY-MM-DD", "maxLength": 40}


@register("tool")
@dataclass(frozen=True)
class Calendar(Tool):
    """Arithmetic of dates: ``week_day`` of ``date``, ``day_difference`` (absolute) to ``other``, ``target_day`` ``days`` later.

    It does not know what day it is. Source: Themis 2023 (arXiv 2310.01045).

    >>> calendar = Calendar()
    >>> calendar.run({"operation": "target_day", "date": "2020-02-27", "days": 3}).text
    '2020-03-01'
    >>> calendar.run({"operation": "week_day", "date": "yesterday"}).text
    "Error: 'yesterday' is no date; write YYYY-MM-DD."
    """

    purpose = "Tells the day of the week, the days between two dates, or the date a number of days later or earlier."
    parameters = FrozenDict(
        {
            "properties": {
                "operation": {"type": "string", "enum": ["week_day", "day_difference", "target_day"]},
                "date": _DATE,
                "other": {**_DATE, "description": "the second date, for day_difference"},
                "days": {"type": "integer", "description": "how many days later, for target_day; earlier if negative"},
            },
            "required": ["operation", "date"],
        }
    )

    def answer(self, arguments: Mapping[str, Any]) -> str:
        start = day_of(arguments["date"])
        if arguments["operation"] == "week_day":
            return WEEKDAYS[start.weekday()]
        needed = "other" if arguments["operation"] == "day_difference" else "days"
        if needed not in arguments:
            raise ValueError(f"argument {needed!r} is missing, which {arguments['operation']} needs")
        if needed == "other":
            return str(abs((day_of(arguments["other"]) - start).days))
        try:
            return (start + timedelta(days=int(arguments["days"]))).isoformat()
        except OverflowError:
            raise ValueError("that date is out of reach; years go from 1 to 9999") from None


def day_of(text: str) -> date:
    """The date a text states as YYYY-MM-DD, blanks and quotes at its ends aside.

    >>> day_of(" '2024-2-9' ")
    datetime.date(2024, 2, 9)
    """
    try:
        year, month, day = (int(part) for part in text.strip(" \t\r\n'\"").split("-"))
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no date; write YYYY-MM-DD") from None
