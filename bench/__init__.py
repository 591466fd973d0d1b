"""What the hub costs, measured beside what it cannot do without: python -m bench --help.

One module per figure, each with a `measure(quick)`; the two sides of a comparison take turns
within one run, so that another machine, or a busy one, moves both.
"""
