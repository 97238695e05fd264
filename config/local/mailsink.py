"""A mail server that sends nothing on: each message becomes a file, `<recipient>/<nnnn>.eml`."""

import argparse
import asyncio
import os
import re
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """Keeps every message for every recipient."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Write the message once for each recipient; a reader never sees half of one."""
        content = envelope.content or b""
        for recipient in envelope.rcpt_tos:
            box = self.folder / mailbox(recipient)
            box.mkdir(parents=True, exist_ok=True)
            number = 1 + max((int(file.stem) for file in box.glob("[0-9]*.eml")), default=0)
            draft = box / ".draft"
            draft.write_bytes(content if isinstance(content, bytes) else content.encode())
            draft.rename(box / f"{number:04}.eml")
        return "250 Kept"


def mailbox(recipient: str) -> str:
    """Return the folder name for a recipient's address."""
    return re.sub(r"[^a-z0-9@._+-]", "_", recipient.lower()).lstrip(".")[:200] or "_"


async def serve(port: int, folder: Path) -> None:
    """Serve SMTP on 127.0.0.1 until the process is told to stop."""
    sink = Sink(folder)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(sink), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    options = parser.parse_args()
    os.umask(0o077)
    asyncio.run(serve(options.port, options.dir))
