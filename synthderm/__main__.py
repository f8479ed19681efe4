"""`python -m synthderm`: the command line, as `synthderm`."""

import sys

from synthderm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
