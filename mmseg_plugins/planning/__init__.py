"""What a data set asks of a system: its fingerprint, and planners that fit settings to it.

Arrays in, numbers out: nothing here reads a file but :mod:`.fingerprint`, and nothing
trains.  ``tools/analysis_tools/fit_to_data.py`` is the program; the rules are
written down in docs/fit_to_data.md.
"""
