from django.urls import path

from assessments import views

urlpatterns = [
    path("assessments", views.Assessments.as_view(), name="assessments"),
    path("assessments/<uuid:assessment_id>", views.AssessmentDetail.as_view(), name="assessment"),
    path(
        "assessments/<uuid:assessment_id>/submit",
        views.AssessmentSubmission.as_view(),
        name="assessment-submission",
    ),
    path("enrollments/<uuid:enrollment_id>/trends", views.EnrollmentTrends.as_view(), name="trends"),
    path("enrollments/<uuid:enrollment_id>/consents", views.Consents.as_view(), name="consents"),
    path(
        "enrollments/<uuid:enrollment_id>/consent-documents",
        views.ConsentDocuments.as_view(),
        name="consent-documents",
    ),
]
