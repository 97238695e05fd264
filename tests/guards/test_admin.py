"""The admin shows what our rooms registered, and nothing that another package brought along."""

import pytest
from django.contrib import admin
from django.urls import get_resolver

from accounts.admin import RoleAdmin
from notifications.admin import DeliveryAdmin


def test_every_page_is_one_of_ours():
    assert get_resolver().url_patterns
    for model, page in admin.site._registry.items():
        assert isinstance(page, RoleAdmin | DeliveryAdmin), model


@pytest.mark.django_db
def test_nobody_adds_changes_or_deletes_there(rf, ben):
    request = rf.get("/admin/")
    request.user = ben
    for page in admin.site._registry.values():
        assert not page.has_add_permission(request)
        assert not page.has_change_permission(request)
        assert not page.has_delete_permission(request)
