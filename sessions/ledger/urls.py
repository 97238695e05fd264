from django.urls import path

from sessions.ledger import views

urlpatterns = [
    path(
        "enrollments/<uuid:enrollment_id>/prescriptions",
        views.Prescriptions.as_view(),
        name="prescriptions",
    ),
    path("prescriptions/<uuid:prescription_id>/stock", views.Stock.as_view(), name="stock"),
    path("prescriptions/<uuid:prescription_id>/counts", views.StockCounts.as_view(), name="stock-counts"),
]
