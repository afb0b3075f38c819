"""Scoring files: rows are read, scored and written chunk by chunk, and a run that was stopped goes on where it stopped.

* :mod:`~guerdon.scoring.data` opens JSONL, Parquet and Hugging Face data as rows.
* :mod:`~guerdon.scoring.layout` says which column is what, and which rows cannot be scored.
* :mod:`~guerdon.scoring.chunks` cuts rows where no group reaches across.
* :mod:`~guerdon.scoring.journal` keeps what is written and how far it counts.
* :mod:`~guerdon.scoring.run` brings these together.
* :mod:`~guerdon.scoring.summary` and :mod:`~guerdon.scoring.explanation` read what a run left.
"""
