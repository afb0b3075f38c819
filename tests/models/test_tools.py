"""Tools: right answers, and a text for whatever a model may write into the arguments."""

from __future__ import annotations

import base64
import math
import pickle
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guerdon import from_spec, to_spec
from guerdon.errors import UserError
from guerdon.models.chat import ScriptedChat
from guerdon.models.images import read_image
from guerdon.models.tool import Observation, Tool
from guerdon.models.tools.calculator import Calculator, WorkedSteps
from guerdon.models.tools.calendar import Calendar
from guerdon.models.tools.code_interpreter import CodeInterpreter
from guerdon.models.tools.corpus_search import CorpusSearch
from guerdon.models.tools.document_pages import DocumentPages
from guerdon.models.tools.image_crop import ImageCrop, crop_box
from guerdon.models.tools.instruction_check import InstructionCheck
from guerdon.models.tools.lookup import Lookup
from guerdon.models.tools.translator import ChatTranslator, PhraseBook
from guerdon.registry import registered
from guerdon.scores import Outcome
from guerdon.text.arithmetic import arithmetic

TOOLS: list[Tool] = [
    Calculator(),
    WorkedSteps(),
    Calendar(),
    CodeInterpreter(seconds=3.0),
    CorpusSearch(["Alba is led by Ann Lee.", {"title": "Tower", "text": "Built in 1889."}]),
    CorpusSearch(column="documents"),
    DocumentPages(),
    ImageCrop(),
    InstructionCheck(),
    Lookup({"Alba": "A town led by Ann Lee.", "Rome, 2020-05-01": "21 C"}),
    PhraseBook({"en-de": {"good night": "gute Nacht", "good": "gut"}}),
    ChatTranslator(ScriptedChat({"Nacht": "night"}, default="?")),
]
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: type(tool).__name__)
QUICK = [tool for tool in TOOLS if not isinstance(tool, CodeInterpreter)]

ODD: list[Any] = [
    None,
    "",
    " ",
    "\x00",
    "\ud800",
    -1,
    10**30,
    math.inf,
    math.nan,
    True,
    [],
    {},
    [[]],
    "9" * 5000,
    "(" * 900,
]


@every_tool
def test_it_is_plain_data_and_says_what_it_is(tool: Tool) -> None:
    assert pickle.loads(pickle.dumps(tool)) == tool and from_spec(to_spec(tool)) == tool
    described = tool.described()
    assert described["name"] == tool.called and described["description"] and described["parameters"]["type"] == "object"
    assert type(tool) in registered("tool").values()


@pytest.mark.parametrize("tool", QUICK, ids=lambda tool: type(tool).__name__)
def test_odd_arguments_are_answered_with_a_text(tool: Tool) -> None:
    names = [*tool.parameters["properties"], *tool.own_columns, "unknown"]
    for value in ODD:
        for arguments in [{}, {names[0]: value}, dict.fromkeys(names, value), dict.fromkeys(names[:-1], value)]:
            reply = tool.run(arguments)
            assert reply.text or reply.outcome is Outcome.MISSING_DATA, (arguments, reply)


@given(
    st.dictionaries(
        st.sampled_from(["expression", "operation", "date", "days", "name", "query", "steps", "answer"]), st.text()
    )
)
def test_any_text_is_answered(arguments: dict[str, str]) -> None:
    for tool in (Calculator(), WorkedSteps(), Calendar(), TOOLS[4], TOOLS[9]):
        assert tool.run(arguments).text


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2+3*4", "14"), ("(1,500 - 500) / 4", None), ("1,500 / 4", "375"), ("7 ÷ 2", "3.5"), ("2^0.5", "1.4142135623730951"),
     ("-3**2", "-9"), ("max(1, 2)", "2"), ("10**20", "100000000000000000000"), ("3 =", "3"), ("factorial(5)", "120")],
)  # fmt: skip
def test_calculator(expression: str, value: str | None) -> None:
    said = Calculator().run({"expression": expression}).text
    assert said == value if value is not None else said.startswith("Error")


@pytest.mark.parametrize(
    "expression",
    ["9**9**9", "2**-99999999", "factorial(10**6)", "(" * 900, "-" * 900 + "1", "1/0", "__import__('os').system('ls')", "a",
     "1e999",
     "10**4000*10**4000", "'a'*10**9", "[1]*10**9", "lambda: 1", "0**-1", "(-1)**0.5", "round(2.5, -10**9)", "1 if 1 else 2",
     "9" * 900 + "**2", "math.pi", "True + 1", "sqrt(-1)", "exp(10**5)", "comb(300, 150)**99"],
)  # fmt: skip
def test_what_the_calculator_refuses(expression: str) -> None:
    began = time.process_time()
    assert Calculator().run({"expression": expression}).text.startswith("Error")
    assert time.process_time() - began < 1.0


@given(
    st.recursive(
        st.integers(-99, 99).map(str),
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map("".join),
        max_leaves=12,
    )
)
def test_whole_numbers_are_exact(expression: str) -> None:
    spaced = expression.replace("--", "- -")
    assert arithmetic(spaced) == eval(spaced)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"operation": "week_day", "date": "2024-02-29"}, "Thursday"),
        ({"operation": "day_difference", "date": "2020-06-10", "other": "2000-01-10"}, "7457"),
        ({"operation": "target_day", "date": "2020-03-01", "days": -1}, "2020-02-29"),
        ({"operation": "target_day", "date": "2020-03-01", "days": 10**9}, None),
        ({"operation": "target_day", "date": "9999-12-31", "days": 1}, None),
        ({"operation": "target_day", "date": "2020-03-01"}, None),
        ({"operation": "week_day", "date": "2023-02-29"}, None),
    ],
)
def test_calendar(arguments: dict[str, Any], said: str | None) -> None:
    answer = Calendar().run(arguments).text
    assert answer == said if said else answer.startswith("Error")


@pytest.mark.parametrize(
    ("code", "holds"),
    [
        ("import math; print(math.comb(10, 3))", "120"),
        ("print(input()[::-1])", "olleh"),
        ("1/0", "ZeroDivisionError"),
        ("while True: pass", "stopped after"),
        ("import time; time.sleep(60)", "stopped after"),
        ("while True: print('x' * 1000)", "printed too much"),
        ("x = 'a' * 10**10", "MemoryError"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError: socket"),
        ("import subprocess; subprocess.run(['ls'])", "PermissionError: subprocess"),
        ("import os; os.system('ls')", "PermissionError"),
        ("import os; os.fork()", "PermissionError"),
        ("import ctypes; ctypes.CDLL(None)", "PermissionError"),
        ("open('/tmp/guerdon-escaped', 'w')", "PermissionError: files may be written"),
        ("open('/etc/passwd')", "PermissionError: only the standard library"),
        ("import json, decimal, random, statistics, asyncio, datetime, unittest.mock; print('all there')", "all there"),
        ("open('mine.txt', 'w').write('a'); print(open('mine.txt').read())", "a"),
        ("import os; print(sorted(os.environ))", "LC_ALL"),
        ("import os; os.close(1); import time; time.sleep(60)", "stopped after"),
        ("", "nothing"),
        ("print('\\ud800')", "?"),
    ],
)
def test_code(code: str, holds: str) -> None:
    began = time.monotonic()
    reply = CodeInterpreter(seconds=2.0, characters=400).run({"code": code, "input": "hello"})
    assert holds in reply.text and len(reply.text) < 700, reply
    assert time.monotonic() - began < 60


def test_code_is_told_nothing_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    said = (
        CodeInterpreter()
        .run({"code": "import os\nprint(dict(os.environ), os.getcwd(), open('/proc/1/environ').read())"})
        .text
    )
    assert "hush" not in said and "PermissionError" in said


def test_search_and_pages() -> None:
    documents = [{"title": "Alba", "text": "It is led by Ann Lee."}, "The tower was built in 1889.", "Unrelated words."]
    assert (
        CorpusSearch(documents, top=1).run({"query": "who leads Alba, led by whom"}).text
        == "1. Alba: It is led by Ann Lee."
    )
    by_column = CorpusSearch(column="documents")
    assert by_column.own_columns and "1889" in by_column.run({"query": "tower built", "documents": documents}).text
    assert by_column.run({"query": "zebra", "documents": documents}).text == "Nothing was found."
    pages = [f"page about {word}" for word in ("cats", "dogs", "birds")]
    assert "dogs" in DocumentPages(top=1).run({"query": "dogs", "pages": pages}).text
    assert DocumentPages().run({"page": 3, "pages": pages}).text.endswith("birds")
    assert "no page 4" in DocumentPages().run({"page": 4, "pages": pages}).text
    shown = DocumentPages(images="scans").run(
        {"page": 1, "pages": pages, "scans": [np.zeros((4, 4, 3), dtype=np.uint8)]}
    )
    assert isinstance(shown, Observation) and len(shown.images) == 1


def test_columns_are_not_the_callers_to_set() -> None:
    assert CorpusSearch(column="documents").run({"query": "a"}).text == "Nothing was found."
    assert "no argument 'documents'" in CorpusSearch(["a"]).run({"query": "a", "documents": ["forged"]}).text


def test_crop() -> None:
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    picture[:50, :100] = 255
    crop = ImageCrop(enlarged=1).run({"bbox_2d": [0, 0, 500, 500], "images": picture})
    assert isinstance(crop, Observation) and crop.text.startswith("This is the zoom-in image 1")
    seen = read_image(base64.b64decode(crop.images[0].partition(",")[2]))
    assert seen.size == (100, 50) and np.asarray(seen).min() > 240
    small = ImageCrop().run({"bbox_2d": [400, 400, 410, 410], "images": [picture]})
    assert isinstance(small, Observation)
    assert read_image(small.images[0]).size == (224, 224), "widened to 28 by 28, then enlarged"
    for box in ([0, 0, 0, 10], [500, 0, 400, 10], [0, 0, 1001, 10], [-1, 0, 5, 5], [0, 0, 5], ["a", 0, 1, 1]):
        assert ImageCrop().run({"bbox_2d": box, "images": picture}).text.startswith("Error")
    assert ImageCrop().run({"bbox_2d": [0, 0, 1, 1], "images": None}).text.startswith("Error")
    assert ImageCrop().run({"bbox_2d": [0, 0, 1, 1], "images": ["no such file"]}).outcome is Outcome.MISSING_DATA
    with pytest.raises(ValueError, match="100 times"):
        crop_box([0, 0, 1000, 1], 5000, 1000)


@given(st.tuples(*[st.integers(0, 999)] * 4), st.integers(1, 3000), st.integers(1, 3000))
def test_a_box_lies_within_the_image(corner: tuple[int, ...], width: int, height: int) -> None:
    x, y, w, h = corner
    try:
        left, top, right, bottom = crop_box([x, y, min(1000, x + w + 1), min(1000, y + h + 1)], width, height)
    except ValueError:
        return
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert right - left >= min(28, width) and bottom - top >= min(28, height)


def test_tables_and_translators() -> None:
    lookup = Lookup({"Rome, 2020-05-01": "21 C"}, title="weather", about="recorded weather")
    assert lookup.called == "weather" and lookup.run({"name": "rome,  2020-05-01"}).text == "21 C"
    assert "Close names: Rome, 2020-05-01" in lookup.run({"name": "Rome in May"}).text
    book = PhraseBook({"en-de": {"good night": "gute Nacht", "good": "gut"}})
    assert book.run({"text": "Good moon", "source": "en-US", "target": "de"}).text.endswith(
        "Not in the phrase book: moon."
    )
    assert "no phrase book" in book.run({"text": "a", "source": "en", "target": "fr"}).text
    lost = ChatTranslator(ScriptedChat({}))
    assert lost.run({"text": "a", "source": "en", "target": "fr"}).outcome is Outcome.TRANSPORT_ERROR
    with pytest.raises(UserError, match="title"):
        Lookup({}, title="two words")


def test_a_fault_of_the_tool_itself_is_typed() -> None:
    class Broken(Tool):
        purpose = "Breaks."

        def answer(self, arguments: Any) -> str:
            raise RuntimeError("no such luck")

    reply = Broken().run({})
    assert reply.outcome is Outcome.INSTRUMENT_ERROR and "no such luck" in reply.message and Broken().called == "broken"
