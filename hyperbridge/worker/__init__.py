"""What runs next to the objective, in a process that has neither hyperbridge nor hyperopt.

The modules of this package are pickled by value, so they import the standard library alone.
"""
