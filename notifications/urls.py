from django.urls import include, path

from notifications import views

urlpatterns = [
    path("", include("notifications.devices.urls")),
    path("", include("notifications.texts.urls")),
    path("inbox", views.Inbox.as_view(), name="inbox"),
    path("inbox/read", views.InboxRead.as_view(), name="inbox-read"),
    path("inbox/<uuid:message_id>/read", views.InboxMessageRead.as_view(), name="inbox-message-read"),
    path("reminders", views.Reminders.as_view(), name="reminders"),
    path("reminders/<uuid:reminder_id>", views.Reminder.as_view(), name="reminder"),
    path("me/paging-number", views.PagingNumbers.as_view(), name="paging-number"),
    path("me/reminders", views.ReminderWishes.as_view(), name="reminder-wishes"),
    path("reminder-stops", views.ReminderStops.as_view(), name="reminder-stops"),
    path("unheard-pages", views.UnheardPages.as_view(), name="unheard-pages"),
]
