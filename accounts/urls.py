from django.urls import include, path

urlpatterns = [
    path("", include("accounts.staff.urls")),
    path("", include("accounts.break_glass.urls")),
    path("", include("accounts.policies.urls")),
]
