"""Disks without room."""

import os
from pathlib import Path


def fill(path: Path) -> None:
    """Writes a file until its disk takes no more byte."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(file, bytes(65536)):
            pass
    except OSError:
        pass
    finally:
        os.close(file)
