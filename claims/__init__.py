"""Claims in miniature: for each paper a seeded CPU experiment in which it must beat what the paper argues against.

Every module of this package gives ``CLAIMS``, a tuple of :class:`claims.claim.Claim`. ``python -m claims`` (``make claims``)
runs them and writes docs/claims.md; a losing claim is shown as losing.
"""
