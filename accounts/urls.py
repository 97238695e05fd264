from django.urls import include, path

from accounts import views

urlpatterns = [
    path("me", views.Me.as_view(), name="me"),
    path("", include("accounts.staff.urls")),
    path("", include("accounts.break_glass.urls")),
    path("", include("accounts.policies.urls")),
]
