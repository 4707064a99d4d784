"""Time zones as C4C writes them behind a date (`10.05.2026 09:00:00 CSTMEX`): SAP's codes and their IANA zones.

SAP's codes look like abbreviations and are not: `EST`, `CST` and the like name a zone with its summer time, those that
end in `NO` the same without. An IANA name or an offset is understood as well.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_ZONES = {
    "AFGHAN": "Asia/Kabul", "ALA": "America/Anchorage", "ALAW": "America/Adak", "AST": "America/Halifax",
    "ASTNO": "America/Puerto_Rico", "AUSACT": "Australia/Sydney", "AUSLHI": "Australia/Lord_Howe",
    "AUSNSW": "Australia/Sydney", "AUSNT": "Australia/Darwin", "AUSQLD": "Australia/Brisbane",
    "AUSSA": "Australia/Adelaide", "AUSTAS": "Australia/Hobart", "AUSVIC": "Australia/Melbourne",
    "AUSWA": "Australia/Perth", "AZOREN": "Atlantic/Azores", "AZT": "America/Phoenix", "BDT": "Asia/Dhaka",
    "BRAZIL": "America/Sao_Paulo", "BRZLAN": "America/Noronha", "BRZLEA": "America/Sao_Paulo",
    "BRZLWE": "America/Manaus", "CAT": "Africa/Maputo", "CET": "Europe/Berlin", "CHILE": "America/Santiago",
    "CHILEE": "Pacific/Easter", "CHINA": "Asia/Shanghai", "COLOMB": "America/Bogota", "CST": "America/Chicago",
    "CSTMEX": "America/Mexico_City", "CSTNO": "America/Regina", "CYPRUS": "Asia/Nicosia", "EAT": "Africa/Nairobi",
    "EET": "Europe/Athens", "EGYPT": "Africa/Cairo", "EST": "America/New_York", "EST_": "America/Toronto",
    "ESTNO": "America/Panama", "FLKLND": "Atlantic/Stanley", "GMTUK": "Europe/London", "GMT": "UTC",
    "GST": "Pacific/Guam", "HAW": "Pacific/Honolulu", "HAWAII": "Pacific/Honolulu", "INDIA": "Asia/Kolkata",
    "IRAN": "Asia/Tehran", "IRAQ": "Asia/Baghdad", "ISRAEL": "Asia/Jerusalem", "JAPAN": "Asia/Tokyo",
    "JORDAN": "Asia/Amman", "KOREA": "Asia/Seoul", "LBANON": "Asia/Beirut", "MEST": "Europe/Berlin",
    "CEST": "Europe/Berlin", "MEZ": "Europe/Berlin", "MESZ": "Europe/Berlin", "MST": "America/Denver",
    "MSTMEX": "America/Mazatlan", "MSTNO": "America/Phoenix", "NEPAL": "Asia/Kathmandu", "NST": "America/St_Johns",
    "NZCHA": "Pacific/Chatham", "NZST": "Pacific/Auckland", "PAKST": "Asia/Karachi", "PARAGY": "America/Asuncion",
    "PRGUAY": "America/Asuncion", "PERU": "America/Lima", "PST": "America/Los_Angeles", "PSTMEX": "America/Tijuana",
    "RUS02": "Europe/Kaliningrad", "RUS03": "Europe/Moscow", "RUS04": "Europe/Samara", "RUS05": "Asia/Yekaterinburg",
    "RUS06": "Asia/Omsk", "RUS07": "Asia/Krasnoyarsk", "RUS08": "Asia/Irkutsk", "RUS09": "Asia/Yakutsk",
    "RUS10": "Asia/Vladivostok", "SST": "Africa/Johannesburg", "SYRIA": "Asia/Damascus", "TURKEY": "Europe/Istanbul",
    "UAE": "Asia/Dubai", "UK": "Europe/London", "URUGUA": "America/Montevideo", "URUGUY": "America/Montevideo",
    "VENEZU": "America/Caracas", "VST": "America/Caracas", "WAT": "Africa/Lagos", "WDFT": "Europe/Berlin",
    "WET": "Europe/Lisbon",
}  # fmt: skip
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d{2})?")


@lru_cache(maxsize=512)
def zone_of(code: str) -> tzinfo | None:
    """The zone a code, an IANA name or an offset (`UTC+4`, `-06:00`) means; None where it is not known."""
    upper = code.strip().strip("()").upper()
    if upper in {"UTC", "Z", "GMT", "ZULU", "UT"}:
        return UTC
    if upper in _ZONES:
        return ZoneInfo(_ZONES[upper])
    offset = _OFFSET.fullmatch(upper)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        if span > timedelta(hours=14):
            return None
        return timezone(span if offset[1] == "+" else -span)
    if "/" not in code:
        return None
    try:
        return ZoneInfo(code.strip().strip("()"))
    except (KeyError, ValueError, OSError):
        return None
