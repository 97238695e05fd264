"""Five hundred ways to send what nobody should: each makes a request out of a valid body."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

Body = dict[str, Any]
BIG = b'{"description": "' + b"a" * 10_000_000 + b'"}'


@dataclass(frozen=True)
class Sent:
    """What goes over the wire beside method and path."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    content_type: str = "application/json"


@dataclass(frozen=True)
class Payload:
    """One hostile request: of what kind, which, and how it is made out of a valid body."""

    category: str
    name: str
    make: Callable[[Body], Sent]


CODEPOINTS = (
    *range(0x20),
    *(0x7F, 0x80, 0x85, 0xA0, 0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F),
    *(0x2028, 0x2029, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2060, 0x2061, 0x2064, 0x2066, 0x2067, 0x2068),
    *(0x2069, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFDD0, 0xFEFF, 0xFFF9, 0xFFFD, 0xFFFE, 0xFFFF),
    *(0x1F600, 0x1F468, 0xE0001, 0xE0100, 0x10FFFF),
)
STRINGS = (
    "",
    " ",
    "\n",
    "a" * 121,
    "a" * 10_001,
    "a" * 200_000,
    "\N{COMBINING ACUTE ACCENT}" * 1000,
    "ﷺ" * 500,
    "' OR '1'='1",
    "'; DROP TABLE accounts_patient; --",
    '") UNION SELECT null--',
    "\\'; SELECT pg_sleep(5)--",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}",
    "{% debug %}",
    "${jndi:ldap://127.0.0.1/a}",
    "%s%n%x%d",
    "%(name)s",
    "{0.__class__}",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "a\r\nSet-Cookie: x=1",
    "a\r\nBcc: everybody@example.org",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "@SUM(1)",
    "null",
    "None",
    "undefined",
    "NaN",
    "Infinity",
    "-0",
    "1e309",
    "0x1F",
    "1_000",
    "1,5",
    "٣",
    "①",
    "0000-00-00",
    "2026-02-30",
    "9999-12-31",
    "10000-01-01",
    "-0001-01-01",
    "2026-13-01T00:00:00Z",
    "2026-01-01T24:00:01Z",
    "2026-01-01T00:00:00+99:99",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-01-01T00:00:00",
    "P1D",
    "Etc/GMT+99",
    "../America/New_York",
    "America/New_York\x00",
    "ADA@EXAMPLE.ORG",
    "ada@example.org, cyd@example.org",
    "ada@@example.org",
    '"a b"@example.org',
    "a@" + "b" * 250 + ".org",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "{0199c0de-0000-7000-8000-000000000001}",
    "urn:uuid:0199c0de-0000-7000-8000-000000000001",
    "0199c0de00007000800000000000000g",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    10**17,
    1.5,
    -0.0,
    1e-300,
    1e300,
    [],
    {},
    [[]],
    [{}],
    [None],
    ["a"],
    [1, "a", None, {}],
    {"a": 1},
    {"": ""},
    {"$ne": None},
    {"__proto__": {}},
    {"id": "x"},
    ["a"] * 5_000,
    {str(n): n for n in range(2_000)},
    "yes",
    "0199c0de-0000-7000-8000-000000000001",
    "2026-03-02T17:00:00Z",
)
RAW = (
    b"",
    b" ",
    b"\x00",
    b"null",
    b"true",
    b"1",
    b'"a"',
    b"[]",
    b"[{}]",
    b"{",
    b"}",
    b"{}}",
    b"{}{}",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b"{'a':1}",
    b"{a:1}",
    b'{"a":1 /* c */}',
    b"// c\n{}",
    b'{"a":1,"a":2}',
    b'{"a":{"b":1,"b":2}}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-Infinity}',
    b'{"a":1e400}',
    b'{"a":-1e400}',
    b'{"a":01}',
    b'{"a":+1}',
    b'{"a":.5}',
    b'{"a":0x1}',
    b'{"a":' + b"9" * 19 + b"}",
    b'{"a":' + b"9" * 5_000 + b"}",
    b'{"a":-' + b"9" * 5_000 + b"}",
    b'{"a":1.' + b"9" * 5_000 + b"}",
    b'{"a":1e' + b"9" * 300 + b"}",
    b'{"a":"\\u0000"}',
    b'{"\\u0000":1}',
    b'{"a":"\\ud800"}',
    b'{"a":"\\udc00\\ud800"}',
    b'{"a":"\\u12"}',
    b'{"a":"\\x41"}',
    b'{"a":"\x00"}',
    b'{"a":"\x1f"}',
    b'{"a":"\n"}',
    b'{"a":"\xff"}',
    b'{"a":"\xc0\x80"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\xf4\x90\x80\x80"}',
    b'{"a":"',
    b'{"a":"' + b"\\" * 10_001,
    b'{"' * 1_000,
    b"[" * 21 + b"]" * 21,
    b"[" * 100_000,
    b'{"a":' * 21 + b"1" + b"}" * 21,
    b'{"a":' * 30_000,
    b'{"a":[' * 50 + b"]}" * 50,
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    "{}".encode("utf-32"),
    b"\xff\xfe\xfd",
    gzip.compress(b"{}"),
    b"a=1&b=2",
    b"<a/>",
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    b"\x80\x04\x95.",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
    b" " * 200_000 + b"{}",
    b"{" + b" " * 300_000 + b"}",
    b'{"a":"' + b"a" * 262_144 + b'"}',
    BIG,
)
HEADERS: tuple[tuple[str, str], ...] = (
    *(
        ("Idempotency-Key", value)
        for value in (
            "",
            " ",
            "a" * 101,
            "a" * 100_000,
            "\x7f",
            "é",
            "a\tb",
            "'--",
            "null",
            "../..",
            "%00",
            "0",
        )
    ),
    *(
        ("If-Match", value)
        for value in ("", "*", '"v0"', '"v999999999999"', 'W/"v1"', "v1", '"', "a" * 9_000, "é")
    ),
    *(("If-None-Match", value) for value in ("*", '"v1"', "é")),
    *(
        ("Authorization", value)
        for value in (
            "Capability",
            "Capability ",
            "Capability " + "a" * 9_000,
            "Capability é",
            "Capability \x7f",
            "Basic YTpi",
            "Basic !",
            "Bearer x",
            "Bearer",
            "Negotiate",
            " ",
        )
    ),
    *(("X-Session-Token", value) for value in ("", "x", "a" * 9_000, "é", "'--", "../x", "\x7f")),
    *(("Accept", value) for value in ("text/html", "*/*;q=x", "application/xml", ";;;", "a" * 9_000, "é")),
    *(("Accept-Language", value) for value in ("xx", "*", "a" * 9_000, "../etc")),
    *(("X-Forwarded-For", value) for value in ("127.0.0.1", "x", "1.1.1.1, 2.2.2.2", "a" * 9_000, "é")),
    *(("X-Forwarded-Proto", value) for value in ("https", "http", "x")),
    *(("X-Forwarded-Host", value) for value in ("evil.example", "a,b", "é")),
    *(("X-HTTP-Method-Override", value) for value in ("DELETE", "PATCH", "x")),
    ("X-Original-URL", "/admin/"),
    ("X-Rewrite-URL", "/admin/"),
    ("X-Real-IP", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1;host=evil.example"),
    ("X-Remote-User", "ben@clinic.example"),
    ("Remote-User", "ben@clinic.example"),
    *(("Cookie", value) for value in ("sessionid=x", "sessionid=" + "a" * 9_000, "é=é", ";;;=")),
    ("X-CSRFToken", "x"),
    *(("Origin", value) for value in ("null", "https://evil.example", "é")),
    *(("Referer", value) for value in ("https://evil.example/", "é")),
    *(("Host", value) for value in ("evil.example", "127.0.0.1:99999", "a b", "")),
    ("Content-Encoding", "gzip"),
    ("Transfer-Encoding", "chunked"),
    ("Expect", "100-continue"),
    ("Range", "bytes=0-1"),
)
CONTENT_TYPES = (
    "",
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=x",
    "application/json;;;",
    "application/vnd.api+json",
    "application/json, text/html",
    "é/é",
    "a" * 5_000,
)
QUERIES = (
    "%00",
    "x=%00",
    "x=%ff",
    "x=%ed%a0%80",
    "x=%e2%80%ae",
    "x=%",
    "%zz=1",
    "x=" + "a" * 9_000,
    "&".join(f"a{n}=1" for n in range(1_500)),
    "cursor=x",
    "cursor=%00",
    "cursor=bz05OTk5OTk5",
    "page_size=-1",
    "page_size=9999999999999999999",
    "limit=x",
    "format=xml",
    "format=api",
    "status=x",
    "status[]=x",
    "id=1&id=2",
    "patient=x",
    "ordering=password",
    "search=' OR 1=1--",
    "_method=DELETE",
    "x[$ne]=1",
    quote("{{7*7}}"),
    "next=//evil.example",
)


def _leaves(value: Any, new: Any) -> Any:
    """Return the same shape with every string in it replaced."""
    if isinstance(value, dict):
        return {key: _leaves(item, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item, new) for item in value]
    return new if isinstance(value, str) else value


def _json(body: Any, **more: Any) -> Sent:
    return Sent(json.dumps(body).encode(), **more)


def _nth(body: Body, place: int, value: Any) -> Body:
    names = sorted(body)
    return body | {names[place % len(names)]: value} if names else {"x": value}


def _everywhere(text: str, body: Body) -> Sent:
    return _json(_leaves(body, text))


def _as_key(text: str, body: Body) -> Sent:
    return _json(body | {text: 1})


def _all_fields(value: Any, body: Body) -> Sent:
    return _json(dict.fromkeys(body, value))


def _one_field(place: int, value: Any, body: Body) -> Sent:
    return _json(_nth(body, place, value))


def _raw(raw: bytes, _: Body) -> Sent:
    return Sent(raw)


def _with(more: Mapping[str, Any], body: Body) -> Sent:
    return _json(body, **more)


def payloads() -> Iterator[Payload]:
    """Yield every hostile payload; the same ones each time."""
    for code in CODEPOINTS:
        text = f"Ada{chr(code)}Example"
        yield Payload("character", f"U+{code:04X}", partial(_everywhere, text))
        if code < 0x80 or 0xD800 <= code < 0xE000:
            yield Payload("key", f"U+{code:04X}", partial(_as_key, text))
    for number, text in enumerate(STRINGS):
        yield Payload("text", f"{number}", partial(_everywhere, text))
        yield Payload("text once", f"{number}", partial(_one_field, number, text))
    for number, value in enumerate(VALUES):
        yield Payload("type", f"{number}", partial(_all_fields, value))
        for place in range(4):
            yield Payload(f"type of field {place}", f"{number}", partial(_one_field, place, value))
    for number, raw in enumerate(RAW):
        yield Payload("raw", f"{number}", partial(_raw, raw))
    for number, (name, value) in enumerate(HEADERS):
        yield Payload("header", f"{number} {name}", partial(_with, {"headers": {name: value}}))
    for number, kind in enumerate(CONTENT_TYPES):
        yield Payload("content type", f"{number}", partial(_with, {"content_type": kind}))
    for number, query in enumerate(QUERIES):
        yield Payload("query", f"{number}", partial(_with, {"query": query}))
