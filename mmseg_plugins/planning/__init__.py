"""What a data set asks of a system: measures of its objects, and settings that fit them.

Arrays in, numbers out: nothing here reads a file but :mod:`.collect`, and nothing
trains.  ``tools/analysis_tools/fit_to_data.py`` is the program; the rules are
written down in docs/fit_to_data.md.
"""
