"""Losses in torch. torch is imported when one is computed."""
