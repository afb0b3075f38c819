"""The demonstration data: admission-test questions with expert explanations, written for guerdon. See README.md beside this file."""
