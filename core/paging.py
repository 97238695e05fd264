from uuid import UUID

from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from core.errors import InputError, InvalidInput


class Paging(CursorPagination):
    """Pages of at most 100 by cursor, oldest first; version-7 ids sort by the time they were made."""

    ordering = "id"
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return where the page begins; raises `InvalidInput` for what no answer of ours has given."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_id(str(cursor.position)):
            detail = "Use the address that `next` or `previous` gave."
            raise InvalidInput(errors=[InputError(pointer="query:cursor", code="invalid", detail=detail)])
        return cursor


def _is_id(position: str) -> bool:
    try:
        UUID(position)
    except ValueError:
        return False
    return True
