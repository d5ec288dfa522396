"""`python -m runner` is the console script `runner`."""

import sys

from runner.cli import main

sys.exit(main())
