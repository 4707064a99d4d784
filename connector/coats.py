"""The coats a secret travels in: what to look for, and take out, where a text may repeat one."""

from __future__ import annotations

import base64
from urllib.parse import quote


def coats(secret: str) -> tuple[str, ...]:
    """A secret as it is, quoted, in hexadecimal and packed as it is sent, longest first; none for very short ones."""
    if len(secret) < 4:
        return ()
    whole = secret.encode()
    packed = (base64.b64encode(part).decode().rstrip("=") for part in (whole, whole + b":X"))
    found = {secret, quote(secret, safe=""), quote(secret), whole.hex(), *packed}
    return tuple(sorted(found, key=len, reverse=True))
