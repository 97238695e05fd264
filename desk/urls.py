from django.urls import path

from desk import views

urlpatterns = [
    path("enrollments/<uuid:enrollment_id>/timeline", views.Timeline.as_view(), name="timeline"),
    path("enrollments/<uuid:enrollment_id>/next-step", views.NextStep.as_view(), name="next-step"),
]
