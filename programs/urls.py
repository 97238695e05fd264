from django.urls import path

from programs import views

urlpatterns = [
    path("programs", views.Programs.as_view(), name="programs"),
    path("enrollments", views.Enrollments.as_view(), name="enrollments"),
    path("enrollments/<uuid:enrollment_id>", views.EnrollmentDetail.as_view(), name="enrollment"),
    path(
        "enrollments/<uuid:enrollment_id>/comprehension-attempts",
        views.ComprehensionAttempts.as_view(),
        name="comprehension-attempts",
    ),
]
