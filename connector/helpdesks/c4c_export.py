"""Exports of SAP C4C, of Freshdesk and their like: files in, tickets out; what can't be written becomes files.

`read_exports` reads files; `ExportReader` is a helpdesk account that is a file or a folder of them; `ExportWriter` and
`write_changes` write change files for C4C's Data Workbench and a work list for agents.
"""

from connector.helpdesks.exports.account import ExportReader
from connector.helpdesks.exports.read import Export, read_exports
from connector.helpdesks.exports.tables import Limits
from connector.helpdesks.exports.writer import ExportWriter, write_changes

__all__ = ["Export", "ExportReader", "ExportWriter", "Limits", "read_exports", "write_changes"]
