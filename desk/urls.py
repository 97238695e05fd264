from django.urls import include, path

from desk import views

urlpatterns = [
    path("", include("desk.clinic.urls")),
    path("enrollments/<uuid:enrollment_id>/timeline", views.Timeline.as_view(), name="timeline"),
    path("enrollments/<uuid:enrollment_id>/next-step", views.NextStep.as_view(), name="next-step"),
]
