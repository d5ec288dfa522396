"""Files that lie elsewhere, fetched in parts that are kept and gone on with."""
