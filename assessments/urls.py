from django.urls import path

from assessments import views
from assessments.worsening.views import Looks, WorseForms

urlpatterns = [
    path("assessments", views.Assessments.as_view(), name="assessments"),
    path("assessments/<uuid:assessment_id>", views.AssessmentDetail.as_view(), name="assessment"),
    path(
        "assessments/<uuid:assessment_id>/submit",
        views.AssessmentSubmission.as_view(),
        name="assessment-submission",
    ),
    path(
        "assessments/<uuid:assessment_id>/offline-submissions",
        views.OfflineSubmissions.as_view(),
        name="offline-submissions",
    ),
    path("enrollments/<uuid:enrollment_id>/trends", views.EnrollmentTrends.as_view(), name="trends"),
    path("enrollments/<uuid:enrollment_id>/consents", views.Consents.as_view(), name="consents"),
    path(
        "enrollments/<uuid:enrollment_id>/consent-documents",
        views.ConsentDocuments.as_view(),
        name="consent-documents",
    ),
    path("worse-forms", WorseForms.as_view(), name="worse-forms"),
    path("worse-forms/<uuid:worse_form_id>/looks", Looks.as_view(), name="worse-form-looks"),
]
