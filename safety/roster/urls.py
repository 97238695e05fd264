from django.urls import path

from safety.roster import views

urlpatterns = [
    path("on-call-shifts", views.Shifts.as_view(), name="on-call-shifts"),
    path(
        "on-call-shifts/<uuid:shift_id>/cancellations",
        views.ShiftCancellations.as_view(),
        name="on-call-shift-cancellations",
    ),
    path("on-call-gaps", views.Gaps.as_view(), name="on-call-gaps"),
    path("on-call-test-pages", views.TestPages.as_view(), name="on-call-test-pages"),
]
