"""Which link may stand for a video call."""

from urllib.parse import urlsplit

MOST_CHARACTERS = 500


def call_fault(url: str) -> str:
    """Say what keeps a text from being the link to a call, or nothing.

    Opened by a tap on the phone of whoever stays: a page on the web by https, whose host can be read, without
    a name or password in it.
    """
    if len(url) > MOST_CHARACTERS:
        return f"Give at most {MOST_CHARACTERS} characters."
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "Give the link as it is copied, without spaces."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is not a link."
    if parts.scheme != "https" or not host or "." not in host:
        return "Give a link that begins with https://."
    return "Give a link without a name or password in it." if "@" in parts.netloc else ""
