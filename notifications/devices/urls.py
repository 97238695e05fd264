from django.urls import path

from notifications.devices import views

urlpatterns = [
    path("me/devices", views.Devices.as_view(), name="devices"),
    path("me/devices/<uuid:device_id>", views.Device.as_view(), name="device"),
]
