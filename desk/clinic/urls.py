from django.urls import path

from desk.clinic import views

urlpatterns = [
    path("possible-duplicates", views.PossibleDuplicates.as_view(), name="possible-duplicates"),
    path("invitations", views.Invitations.as_view(), name="invitations"),
    path("invitations/acceptances", views.InvitationAcceptances.as_view(), name="invitation-acceptances"),
    path(
        "invitations/<uuid:invitation_id>/revocations",
        views.InvitationRevocations.as_view(),
        name="invitation-revocations",
    ),
]
