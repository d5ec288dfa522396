"""The only rooms that import azure.*: the genuine SDK goes in, the runner's own values come out."""
