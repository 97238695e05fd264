from django.urls import path

from accounts.break_glass import views

urlpatterns = [
    path("me/break-glass", views.OwnChart.as_view(), name="my-break-glass"),
    path("break-glass/<uuid:opening_id>/ends", views.Ends.as_view(), name="break-glass-ends"),
    path("break-glass/reviews", views.ToReview.as_view(), name="break-glass-to-review"),
    path("break-glass/<uuid:opening_id>/reviews", views.Reviews.as_view(), name="break-glass-reviews"),
]
