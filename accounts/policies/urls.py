from django.urls import path

from accounts.policies import views

urlpatterns = [
    path("policies", views.Policies.as_view(), name="policies"),
    path("policies/in-force", views.InForce.as_view(), name="policies-in-force"),
    path("policies/rollbacks", views.Rollbacks.as_view(), name="policy-rollbacks"),
    path("policies/<uuid:policy_id>", views.Policy.as_view(), name="policy"),
    path("policies/<uuid:policy_id>/signatures", views.Signatures.as_view(), name="policy-signatures"),
]
