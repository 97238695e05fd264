from django.urls import path

from accounts.staff import views

urlpatterns = [
    path("role-grants", views.RoleGrants.as_view(), name="role-grants"),
    path("role-grants/<uuid:grant_id>/ends", views.RoleGrantEnds.as_view(), name="role-grant-ends"),
    path("licences", views.Licences.as_view(), name="licences"),
    path("licences/<uuid:licence_id>/ends", views.LicenceEnds.as_view(), name="licence-ends"),
    path("served-states", views.ServedStates.as_view(), name="served-states"),
    path("served-states/<uuid:served_id>/ends", views.ServedStateEnds.as_view(), name="served-state-ends"),
]
