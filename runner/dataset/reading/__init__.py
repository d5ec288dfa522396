"""Rows as they lie in files of every format, and which of their columns hold the conversations."""
