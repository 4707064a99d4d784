"""Files for their owner's eyes only: opened so that no link, no other's file and no umask can let anyone else in.

A file that holds customers' names is never written through a symbolic link or into a file that belongs to someone
else, both of which another user of a shared folder could have put there; and it is 0600 also where it was wider before.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Names of streams that are open already; some of them are links, and nobody else can have put those there.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/null", "/dev/fd/", "/proc/self/fd/")


def open_private(path: str | Path, *, append: bool = False) -> int:
    """A handle to write the file with: made, or emptied (unless `append`), mode 0600. The caller closes it.

    Pipes and devices, such as /dev/stdout, are opened as they are. Raises OSError, its `strerror` a reason for people.
    """
    place = os.fspath(path)
    if place.startswith(_STREAMS):
        return os.open(place, os.O_WRONLY | os.O_CLOEXEC)
    more = os.O_APPEND if append else 0
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | more, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "it is a symbolic link; name the file itself", place) from None
    try:
        _take(handle, place, empty=not append)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _take(handle: int, place: str, *, empty: bool) -> None:
    """Make an open file this user's alone, where it is a plain one."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        return
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"it belongs to another user, {found.st_uid}; give a new name", place)
    os.fchmod(handle, 0o600)
    if empty:
        os.ftruncate(handle, 0)


def read_own(path: Path, most: int) -> bytes:
    """The bytes of a plain file that this user, or the owner of its folder, made. Raises OSError, ValueError.

    `most`: bytes. Nothing is read through a link, and a pipe that nobody fills does not hold the reader.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            msg = "is no plain file"
            raise ValueError(msg)
        if found.st_uid not in {os.geteuid(), path.parent.stat().st_uid}:
            msg = f"belongs to another user, {found.st_uid}"
            raise ValueError(msg)
        if found.st_size > most:
            msg = f"larger than {most} bytes"
            raise ValueError(msg)
        return file.read(most + 1)


def shared_folder(folder: Path) -> str | None:
    """Why others could put files into the folder; None where this user or root alone can. Raises OSError."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "is no folder of its own"
    if found.st_uid not in {os.geteuid(), 0}:
        return None if os.geteuid() == 0 else f"belongs to another user, {found.st_uid}"
    if found.st_mode & 0o022:
        return f"can be written by others (mode {stat.S_IMODE(found.st_mode):03o}; `chmod 700` it)"
    return None
