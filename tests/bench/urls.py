from django.urls import path

from config.urls import urlpatterns as clinic
from tests.bench.floor import Floor

urlpatterns = [*clinic, path("floor", Floor.as_view()), path("floor/<int:number>", Floor.as_view())]
