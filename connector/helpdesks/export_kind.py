"""The kinds `c4c-export` and `freshdesk-export`: files that people export, in a folder that is watched."""

from __future__ import annotations

from connector.errors import ConfigurationError
from connector.helpdesks.base import HelpdeskKind, Opening, Reader, Writer
from connector.helpdesks.c4c_export import ExportReader


def _open(opening: Opening) -> tuple[Reader, Writer | None]:
    if opening.path is None:
        msg = f"account '{opening.name}': helpdesk '{opening.kind}' needs `path` (a file, a folder or a pattern)"
        raise ConfigurationError(msg)
    own = opening.maps.get(opening.kind.removesuffix("-export"))
    return ExportReader(opening.name, opening.path, own or opening.maps, clock=opening.clock), None


KIND = HelpdeskKind(
    names=("c4c-export", "freshdesk-export"),
    doc="Exported files: CSV, XLSX or SpreadsheetML. Changes become files to import and a work list.",
    open=_open,
    by_file=True,
)
