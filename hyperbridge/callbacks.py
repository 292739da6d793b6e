"""Callbacks by which LightGBM, XGBoost and Keras report to fmin's pruner, a line each.

Examples:
    >>> from hyperbridge import callbacks
    >>> report = callbacks.lightgbm()  # lightgbm.train(..., valid_sets=[...], callbacks=[report])
"""

from hyperbridge.worker.callbacks import keras, lightgbm, xgboost

__all__ = ["keras", "lightgbm", "xgboost"]
