from rest_framework.pagination import CursorPagination


class Paging(CursorPagination):
    """Pages of at most 100 by cursor, oldest first; version-7 ids sort by the time they were made."""

    ordering = "id"
    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
