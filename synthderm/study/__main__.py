"""`python -m synthderm.study build|power|serve|analyse`: the same commands as `synthderm study`."""

import argparse
import sys

from synthderm.study.cli import add_commands


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="synthderm.study", description="The perceptual study: can people tell?"
    )
    add_commands(parser)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
