"""One short module per paper: ``PAPER``, ``build()`` and what is unique to it."""
