"""The floor: a bare DRF view with the same token check, doing one INSERT or one SELECT."""

import json
from typing import Any

from django.db import connection
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import TokenAuthentication
from core.database import as_owner

TABLE = "bench_floor"


def make_table() -> None:
    """Make the floor's table and the rows that it reads."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(f"CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, body jsonb NOT NULL)")
        cursor.execute(
            f"INSERT INTO {TABLE} (body) SELECT jsonb_build_object('n', n) FROM generate_series(1, 1000) n"  # noqa: S608
        )


class Floor(APIView):
    """As little as a view of this kind can do."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request, number: int | None = None) -> Response:
        """Read one row, or the first 20."""
        where, values = ("WHERE id = %s", [number]) if number else ("ORDER BY id LIMIT 20", [])
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, body FROM {TABLE} {where}", values)  # noqa: S608
            rows: list[Any] = cursor.fetchall()
        return Response([{"id": row[0], "body": row[1]} for row in rows])

    def post(self, request: Request) -> Response:
        """Write one row."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {TABLE} (body) VALUES (%s) RETURNING id",  # noqa: S608
                [json.dumps(request.data)],
            )
            row = cursor.fetchone()
        return Response({"id": row[0]}, status=201)
