from uuid import UUID

from django.utils.dateparse import parse_datetime
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from core.errors import InputError, InvalidInput


class Paging(CursorPagination):
    """Pages of at most 100 by cursor, oldest first; version-7 ids sort by the time they were made."""

    ordering: str | tuple[str, ...] = "id"
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100

    @staticmethod
    def is_position(position: str) -> bool:
        """Tell whether `position` can be where a page begins: an id."""
        try:
            UUID(position)
        except ValueError:
            return False
        return True

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return where the page begins; raises `InvalidInput` for what no answer of ours has given."""
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not self.is_position(str(cursor.position)):
            detail = "Use the address that `next` or `previous` gave."
            raise InvalidInput(errors=[InputError(pointer="query:cursor", code="invalid", detail=detail)])
        return cursor


class NewestFirst(Paging):
    """The same, newest first by the moment that the first of `ordering` holds."""

    @staticmethod
    def is_position(position: str) -> bool:
        """Tell whether `position` is a moment."""
        try:
            moment = parse_datetime(position)
        except ValueError:
            return False
        return moment is not None and moment.tzinfo is not None
