"""Preference data: pairs from scores, token rewards for them, and human texts partly rephrased by a model."""
