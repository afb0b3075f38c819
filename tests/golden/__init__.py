"""Golden cases: expected values of every method, mostly from authors' released code, and the runner that checks them.

A file holds one JSON object per line: ``method``, ``part``, ``case``, ``inputs``, ``expected``, ``tolerance``,
``source`` and optionally ``note``. ``adapters/<method with - as _>.py`` maps each part to the public function that
computes it.
"""
