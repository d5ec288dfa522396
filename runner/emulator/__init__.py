"""A localhost Azure ML that the genuine SDK talks to; started with `python -m runner.emulator`."""
