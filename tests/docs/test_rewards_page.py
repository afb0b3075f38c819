"""The pages name what there is."""

from __future__ import annotations

import re

import guerdon.rewards
from tests.docs.blocks import ROOT


def test_every_reward_is_in_the_table() -> None:
    page = (ROOT / "docs" / "rewards.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(guerdon.rewards.__all__)
