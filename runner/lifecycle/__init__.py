"""The life of a run: begun, carried to its end, taken up again, held against its lock, made anew, judged."""
