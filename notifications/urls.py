from django.urls import path

from notifications import views

urlpatterns = [
    path("me/paging-number", views.PagingNumbers.as_view(), name="paging-number"),
    path("unheard-pages", views.UnheardPages.as_view(), name="unheard-pages"),
]
