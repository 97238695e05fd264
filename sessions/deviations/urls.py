from django.urls import path

from sessions.deviations import views

urlpatterns = [
    path("deviations", views.Deviations.as_view(), name="deviations"),
    path(
        "sessions/<uuid:session_id>/deviations",
        views.SessionDeviations.as_view(),
        name="session-deviations",
    ),
    path(
        "deviations/<uuid:deviation_id>/assessments",
        views.DeviationAssessments.as_view(),
        name="deviation-assessments",
    ),
]
