"""Packs from disk or from kept texts to policies. A pack with any problem yields no policy, never half of one."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector.core.policy import Policy
from connector.errors import ConfigurationError
from connector.mapping.assemble import Assembly, assemble
from connector.mapping.nodes import MAX_BYTES, Node, compose, decode
from connector.mapping.problems import MappingError, Problem, in_order

__all__ = [
    "LoadResult",
    "MappingError",
    "load_pack",
    "load_policy",
    "load_policy_from_texts",
    "load_texts",
    "pack_texts",
]

MAX_FILES = 500
_ON_CALL = ".ics"
_ENDINGS = (".yaml", ".yml", _ON_CALL)
_NOT_POLICY = "cases"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of a pack: its policy, or None where there is any error, and everything found wrong.

    `assembly` is what was read on the way, for lint.
    """

    policy: Policy | None
    problems: tuple[Problem, ...] = ()
    assembly: Assembly | None = field(default=None, compare=False, repr=False)


def load_pack(path: str | os.PathLike[str]) -> LoadResult:
    """The policy of a folder (or of one file) with all its problems. Raises nothing for whatever the files hold."""
    files, problems = _read(Path(path))
    root = _root(Path(path))
    texts: dict[str, str] = {}
    lost: list[str] = []
    for file, raw in files.items():
        text, wrong = decode(raw, file, root)
        problems += wrong
        if wrong:
            lost.append(raw[:MAX_BYTES].decode("utf-8", "replace"))
        else:
            texts[file] = text
    return _load(texts, root, problems, _digest(files), lost)


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """The policy of a pack. Raises MappingError with all its problems."""
    return _policy_of(load_pack(path))


def load_texts(texts: Mapping[str, str], root: str = "") -> LoadResult:
    """A pack kept in memory as file name -> text (as `pack_texts` gives them). `root` names it in messages."""
    kept = dict(sorted(texts.items()))
    return _load(kept, root, [], _digest({file: text.encode("utf-8", "surrogatepass") for file, text in kept.items()}))


def load_policy_from_texts(texts: Mapping[str, str], root: str = "") -> Policy:
    """The policy of a kept version, with the digest it had. Raises MappingError with all its problems."""
    return _policy_of(load_texts(texts, root))


def pack_texts(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts of all policy files of a pack, by their name in it: what a store keeps of a version.

    Raises MappingError where a file can't be read.
    """
    files, problems = _read(Path(path))
    texts = {}
    for file, raw in files.items():
        texts[file], wrong = decode(raw, file, _root(Path(path)))
        problems += wrong
    if problems:
        raise MappingError(in_order(problems))
    return texts


def _policy_of(result: LoadResult) -> Policy:
    if result.policy is None:
        raise MappingError(result.problems)
    return result.policy


def _load(
    texts: Mapping[str, str], root: str, problems: list[Problem], digest: str, unreadable: Sequence[str] = ()
) -> LoadResult:
    roots: list[Node] = []
    lost = list(unreadable)
    attached = {file: text for file, text in texts.items() if file.endswith(_ON_CALL)}
    for file, text in texts.items():
        if file in attached:
            continue
        node, wrong = compose(text, file, root)
        problems += wrong
        if node is not None and node.kind != "null":
            roots.append(node)
        elif wrong:
            lost.append(text)
    if not roots:
        if not problems:
            hint = "add a file with pack: {name: ..., language: es}"
            problems.append(Problem("E010", "", 0, 0, "the pack holds no policy", hint, root=root))
        return LoadResult(None, tuple(in_order(problems)))
    try:
        assembly = assemble(roots, problems, "\n".join(lost), attached)
    except ConfigurationError as error:  # a plug-in that can't be loaded
        problems.append(Problem("E014", "", 0, 0, str(error), root=root))
        return LoadResult(None, tuple(in_order(problems)))
    found = tuple(in_order(problems))
    good = all(problem.is_warning for problem in found)
    return LoadResult(assembly.policy(digest, root) if good else None, found, assembly)


def _read(path: Path) -> tuple[dict[str, bytes], list[Problem]]:
    """The bytes of all policy files by their name in the pack, sorted, and what could not be read."""
    problems: list[Problem] = []

    def unreadable(file: str, error: OSError) -> None:
        text = f"can't be read: {error.strerror or error}"
        problems.append(Problem("E008", file, 0, 0, text, "check the path and its permissions", root=_root(path)))

    if not path.exists():
        return {}, [Problem("E010", "", 0, 0, "there is no such file or folder", "check the path", root=str(path))]
    found: dict[str, Path] = {}
    if path.is_file():
        found[path.name] = path
    else:
        for folder, folders, names in os.walk(path, onerror=lambda error: unreadable("", error)):
            here = Path(folder)
            folders[:] = [name for name in folders if not name.startswith(".") and name != _NOT_POLICY]
            for name in names:
                if name.endswith(_ENDINGS) and not name.startswith("."):
                    found[(here / name).relative_to(path).as_posix()] = here / name
    if len(found) > MAX_FILES:
        text = f"the folder holds {len(found)} YAML files; a pack has at most {MAX_FILES}"
        return {}, [Problem("E007", "", 0, 0, text, "name the pack's own folder", root=str(path))]
    files: dict[str, bytes] = {}
    for file, place in sorted(found.items()):
        try:
            files[file] = _bytes(place, path)
        except OSError as error:
            unreadable(file, error)
    return files, problems


def _bytes(place: Path, pack: Path) -> bytes:
    """A file's bytes, of an overlong one enough to say so. Raises OSError.

    What a link that leads out of the pack points at would be shown in messages and kept in the state to whoever may
    write the pack, read with the daemon's rights; and a pipe would hold the daemon.
    """
    if pack.is_dir() and not place.resolve().is_relative_to(pack.resolve()):
        raise OSError(errno.ELOOP, "it is a link that leads out of the pack's folder")
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        return file.read(32 * MAX_BYTES)


def _root(path: Path) -> str:
    """How the folder of the pack's files is named in messages."""
    return ("" if str(path.parent) == "." else str(path.parent)) if path.is_file() else str(path)


def _digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and bytes of all policy files, sorted: the same text, the same digest."""
    digest = hashlib.sha256()
    for file, raw in sorted(files.items()):
        for part in (file.encode("utf-8", "surrogateescape"), raw):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
