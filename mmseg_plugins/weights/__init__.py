"""Released checkpoints of other implementations: one table, one function, one command.

:data:`table.RELEASES` lists them, :func:`convert.convert_weights` converts one; the other modules hold the maps from
the originals' names and layouts to this package's, as pure functions on state dicts.
"""
