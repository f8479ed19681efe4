"""`python -m synthderm.study build|power|serve|analyse|export`: the same as `synthderm study`."""

import argparse
import sys

from synthderm.study.cli import add_arguments


def main(arguments: list[str] | None = None) -> None:
    """Run a command; an error that the user can mend is one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="synthderm.study", description="A perceptual study: can people tell?"
    )
    add_arguments(parser)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
