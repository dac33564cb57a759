"""What a data set asks of a system: its fingerprint, and planners that fit settings to it.

Arrays in, numbers out: nothing here reads a file but :mod:`.fingerprint`, and nothing
trains.  ``mmseg-plugins fit`` is the program; the rules are
written down in docs/fit_to_data.md.
"""
