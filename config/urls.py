from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from core import views as core_views
from desk import views as desk_views
from notifications.texts.views import receive_reply
from notifications.views import receive_receipt
from sessions.views import monitor_page
from sessions.views.escalation import escalation

# Addresses, second factors and sign-ins are their owners', and roles are grants: no page here changes one.
for model in (EmailAddress, EmailConfirmation, Group, Authenticator, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

admin.site.site_header = admin.site.site_title = "Rekindle"
admin.site.index_title = "Work"

api_docs = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="core/api_docs.html")

handler400 = "core.problems.bad_request"
handler403 = "core.problems.forbidden"
handler404 = "core.problems.not_found"
handler500 = "core.problems.server_error"

urlpatterns = [
    path("healthz", core_views.healthz, name="healthz"),
    path("healthz/escalation", escalation, name="healthz-escalation"),
    path("problems/<slug:name>", core_views.problem_page, name="problem-page"),
    path("provider-callbacks/paging", receive_receipt, name="paging-receipts"),
    path("provider-callbacks/texts", receive_reply, name="text-replies"),
    path("admin/", admin.site.urls),
    path("app/", desk_views.app_page, name="app"),
    path("monitor/", monitor_page.monitor_page, name="monitor-page"),
    path("monitor/worker.js", monitor_page.monitor_worker, name="monitor-worker"),
    path("account/", include("allauth.urls")),
    # Nobody has a telephone number here; the library would look for one, and break.
    re_path(r"^api/v1/auth/(app|browser)/v1/.*phone", core_views.absent),
    path("api/v1/auth/", include("allauth.headless.urls")),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("notifications.urls")),
    path("api/v1/", include("programs.urls")),
    path("api/v1/", include("safety.urls")),
    path("api/v1/", include("assessments.urls")),
    path("api/v1/", include("sessions.urls")),
    path("api/v1/", include("desk.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
]
