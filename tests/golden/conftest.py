"""Adapters are imported by the runner; pytest does not look for doctests in them."""

collect_ignore_glob = ["adapters/*"]
