"""Races: guerdon and its peers side by side in one run, correctness checked before speed."""
