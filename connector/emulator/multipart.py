"""Bodies of kind multipart/form-data, as clients send them with attachments: fields with types restored, and files."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any

from connector.emulator.shapes import Json

_NESTED = re.compile(r"(\w+)\[(\w*)\](\[\])?")
_WHOLE = re.compile(r"-?\d+")
_NUMBERS = frozenset(["status", "priority", "source"])
_FLAGS = frozenset({"private", "incoming"})


def read_multipart(content_type: str, body: bytes) -> tuple[Json, list[Json]]:
    """(fields, files): `tags[]` becomes a list, `custom_fields[x]` an object; a file keeps name, type and size."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode("latin-1", "replace")
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    fields: Json = {}
    files: list[Json] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        filename = part.get_filename()
        if filename is not None:
            files.append({"name": filename, "content_type": part.get_content_type(), "size": len(content)})
            continue
        _put(fields, name, content.decode("utf-8", "replace"))
    return fields, files


def _put(fields: Json, name: str, text: str) -> None:
    nested = _NESTED.fullmatch(name)
    if nested is None:
        fields[name] = _typed(name, text)
    elif not nested[2]:
        fields.setdefault(nested[1], []).append(text)
    else:
        inner = fields.setdefault(nested[1], {})
        if isinstance(inner, dict):
            inner[nested[2]] = text


def _typed(name: str, text: str) -> Any:
    if (name in _NUMBERS or name.endswith("_id")) and _WHOLE.fullmatch(text):
        return int(text)
    if name in _FLAGS and text in {"true", "false"}:
        return text == "true"
    return text
