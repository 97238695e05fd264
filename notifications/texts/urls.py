from django.urls import path

from notifications.texts import views

urlpatterns = [
    path("me/text-number", views.TextNumbers.as_view(), name="text-number"),
    path(
        "me/text-number/confirmation",
        views.TextNumberConfirmations.as_view(),
        name="text-number-confirmation",
    ),
]
