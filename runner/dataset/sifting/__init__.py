"""The way of all rows: to the split they are for, or to those that are left out."""
