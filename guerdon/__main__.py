"""``python -m guerdon``: the command line."""

from guerdon.cli import app

if __name__ == "__main__":
    app(prog_name="guerdon")
