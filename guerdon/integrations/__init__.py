"""Adapters: one module per trainer, each a translation and nothing else."""
