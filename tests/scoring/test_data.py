"""What the user calls data, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from guerdon.errors import UserError
from guerdon.scoring.arrow import HuggingFaceDataset, ParquetFile
from guerdon.scoring.data import open_data
from guerdon.scoring.jsonl import JsonLines
from tests.scoring.files import record, write_lines

READABLE = "give a .jsonl, .jsonl.gz or .parquet file"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("none.jsonl", f"data 'none.jsonl' does not exist; {READABLE}"),
        ("none", f"data 'none' does not exist; {READABLE}"),
        ("a/b/c/d:train", f"data 'a/b/c/d:train' does not exist; {READABLE}"),
        ("none.parquet:train", "data 'none.parquet:train' is no file, and not to be had from the Hugging Face hub"),
    ],
)
def test_data_that_is_not_there(data: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def nothing(*_: object, **__: object) -> None:
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", nothing)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as found:
        open_data(data)
    assert str(found.value).startswith(message)


def test_files_are_told_by_their_suffix(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.ndjson", "a.json", "a.jsonl.gz"):
        write_lines(tmp_path / name, [record(0)])
        assert open_data(str(tmp_path / name)) == JsonLines(tmp_path / name)
    for name in ("a.csv", "a.gz", "a.csv.gz"):
        (tmp_path / name).touch()
        with pytest.raises(UserError, match=r"has the suffix '.*', which says nothing; give a \.jsonl"):
            open_data(str(tmp_path / name))
    with pytest.raises(UserError, match="holds no dataset that datasets saved with save_to_disk"):
        open_data(str(tmp_path))


def test_saved_datasets_and_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_list([record(i) for i in range(5)])
    dataset.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict(train=dataset, test=dataset.select([0])).save_to_disk(str(tmp_path / "splits"))
    datasets.DatasetDict(train=dataset).save_to_disk(str(tmp_path / "single"))
    saved = open_data(str(tmp_path / "saved"))
    assert isinstance(saved, HuggingFaceDataset)
    assert saved.fingerprint() == open_data(str(tmp_path / "saved")).fingerprint()
    assert [row.record["id"] for row in saved.rows()] == [0, 1, 2, 3, 4]
    assert len(list(open_data(str(tmp_path / "splits:test")).rows())) == 1
    assert len(list(open_data(str(tmp_path / "single")).rows())) == 5
    with pytest.raises(UserError, match=r"say which split of '.*splits', as .*splits:SPLIT; Choices: test, train"):
        open_data(str(tmp_path / "splits"))
    with pytest.raises(UserError, match=r"there is no split 'tset' of '.*'.*did you mean 'test'"):
        open_data(str(tmp_path / "splits:tset"))
    with pytest.raises(UserError, match="has no splits; leave out ':train'"):
        open_data(str(tmp_path / "saved:train"))
    (tmp_path / "saved" / "data-00000-of-00001.arrow").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="cannot be read"):
        open_data(str(tmp_path / "saved"))

    asked = []

    def load(name: str, config: str | None, *, split: str) -> object:
        asked.append((name, config, split))
        return dataset

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert len(list(open_data("someone/some-set:train").rows())) == 5
    open_data("someone/some-set:main:train[:10%]")
    assert asked == [("someone/some-set", None, "train"), ("someone/some-set", "main", "train[:10%]")]


def test_parquet_can_be_read_from_any_row(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    records = [record(i) for i in range(3000)]
    pa.parquet.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet", row_group_size=700)
    source = open_data(str(tmp_path / "a.parquet"))
    assert isinstance(source, ParquetFile)
    assert source.columns == ("prompt", "completion", "reference", "id")
    rows = list(source.rows())
    assert [row.record["id"] for row in rows] == list(range(3000))
    assert [row.after.number for row in rows] == list(range(1, 3001))
    for start in (0, 1, 699, 700, 701, 1399, 2100, 2999, 3000):
        place = rows[start - 1].after if start else rows[0].after._replace(number=0, offset=0)
        assert [row.after.number for row in source.rows(place)] == list(range(start + 1, 3001))
    assert source.share(rows[1499].after) == 0.5
