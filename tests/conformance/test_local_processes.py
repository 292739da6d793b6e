"""The local backend with several trials at once, in processes of their own."""

from __future__ import annotations

from typing import ClassVar

import pytest

from hyperbridge.backends.local import Local
from hyperbridge.testing import BackendContract


class TestLocalProcesses(BackendContract):
    parallelism = 3
    child_setup: ClassVar[str] = "from hyperbridge.backends.local import Local"
    child_backend: ClassVar[str] = 'Local(workers="processes")'

    @pytest.fixture
    def backend(self) -> Local:
        return Local(workers="processes")
