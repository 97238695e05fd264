from django.urls import path

from notifications import views

urlpatterns = [
    path("me/paging-number", views.PagingNumbers.as_view(), name="paging-number"),
    path("me/reminders", views.ReminderWishes.as_view(), name="reminder-wishes"),
    path("reminder-stops", views.ReminderStops.as_view(), name="reminder-stops"),
    path("unheard-pages", views.UnheardPages.as_view(), name="unheard-pages"),
]
