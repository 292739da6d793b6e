"""Backends of another package: a whole one, one without methods, and one without a name."""

from hyperbridge.backends.base import Backend
from hyperbridge.backends.local import Local


class Mine(Local):
    name = "mine"
    help = "mine"


class Half(Backend):
    name = "mine"
    help = "mine"


class Nameless(Local):
    pass
