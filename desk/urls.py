from django.urls import include, path

from desk import views
from desk.rates.views import EventRates

urlpatterns = [
    path("event-rates", EventRates.as_view(), name="event-rates"),
    path("silent-patients", views.SilentPatients.as_view(), name="silent-patients"),
    path("me/export", views.Export.as_view(), name="export"),
    path("me/export/readable", views.ReadableExport.as_view(), name="export-readable"),
    path("me/looks", views.Looks.as_view(), name="looks"),
    path("", include("desk.clinic.urls")),
    path("enrollments/<uuid:enrollment_id>/timeline", views.Timeline.as_view(), name="timeline"),
    path("enrollments/<uuid:enrollment_id>/next-step", views.NextStep.as_view(), name="next-step"),
]
