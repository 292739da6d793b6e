"""Keep an engine's own object on a Trials object, out of pickles and copies of it.

A study or a result grid can hold connections, locks and functions that do not pickle, and it has a
storage of its own. Scripts end with ``pickle.dump(trials, open(path, "wb"))``, often of hyperopt's
own Trials or of a subclass, so the ``__getstate__`` of a class of ours is not enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Attached:
    """An attribute of Trials that `attach` sets; None where it has not.

    Args:
        name: The name of the attribute.
    """

    def __init__(self, name: str) -> None:
        self.key = f"_attached_{name}"

    def __get__(self, trials: Any, owner: type | None = None) -> Any:
        """Return the value that a Trials object was given, or None."""
        box = None if trials is None else vars(trials).get(self.key)
        return None if box is None else box.value


class _Box:
    """Holds a value that becomes None when its owner is pickled or deep-copied."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return type(None), ()


def attach(trials: Any, name: str, value: Any) -> None:
    """Make a value an attribute of a Trials object; pickles and deep copies have None there.

    The first time, the root class of ``trials`` gets the attribute, which is None for all other
    objects. A class that has an attribute of this name already keeps it.

    Args:
        trials: A Trials object of any class.
        name: The name of the attribute.
        value: Any object.

    Examples:
        >>> import copy
        >>> class Trials: pass
        >>> trials = Trials()
        >>> attach(trials, "study", "a study")
        >>> trials.study, copy.deepcopy(trials).study, Trials().study
        ('a study', None, None)
    """
    cls = type(trials)
    if not hasattr(cls, name):
        root = cls.__mro__[-2]  # the last one is object
        setattr(root, name, Attached(name))
    vars(trials)[f"_attached_{name}"] = _Box(value)
