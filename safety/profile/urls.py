from django.urls import path

from safety.profile import views

HERE = "patients/<uuid:patient_id>/health-profile"

urlpatterns = [
    path(HERE, views.Profile.as_view(), name="health-profile"),
    path(f"{HERE}/history", views.History.as_view(), name="health-profile-history"),
    path(f"{HERE}/statements", views.Statements.as_view(), name="health-statements"),
    path(f"{HERE}/confirmations", views.Confirmations.as_view(), name="health-confirmations"),
    path(f"{HERE}/imports", views.Imports.as_view(), name="health-imports"),
]
