"""Writing what holds customers' names: into a file for its owner only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from connector.errors import UsageError
from connector.private_files import open_private


def write_private(path: Path, content: bytes) -> None:
    """Write the file, readable by its owner alone. Raises UsageError where that can't be."""
    try:
        with os.fdopen(open_private(path), "wb") as file:
            file.write(content)
    except OSError as error:
        msg = f"{path}: can't be written ({error.strerror})"
        raise UsageError(msg) from error


def write_out(path: Path | None, content: bytes) -> bool:
    """Write to the file, or without one to standard output; True where it is a file."""
    if path is None:
        sys.stdout.write(content.decode("utf-8"))
        return False
    write_private(path, content)
    return True
