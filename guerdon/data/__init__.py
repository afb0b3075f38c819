"""The demonstration data: admission-test questions with expert explanations, written for guerdon; README.md is its card."""
