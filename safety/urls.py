from django.urls import include, path

from safety.break_glass.views import Openings
from safety.drafts import views as draft_views
from safety.events import views as event_views
from safety.identity import views as identity_views
from safety.overrides import views as override_views
from safety.views import alerts, care, me, screening, vetting

urlpatterns = [
    path("", include("safety.roster.urls")),
    path("me", me.Me.as_view(), name="me"),
    path("fit-checks", screening.FitChecks.as_view(), name="fit-checks"),
    path("screening-questions", screening.ScreeningQuestions.as_view(), name="screening-questions"),
    path(
        "enrollments/<uuid:enrollment_id>/screenings",
        screening.EnrollmentScreenings.as_view(),
        name="enrollment-screenings",
    ),
    path("screening-policies", draft_views.PolicyFiles.as_view(), name="screening-policies"),
    path(
        "screening-policies/<uuid:screening_policy_id>/file",
        draft_views.PolicyFile.as_view(),
        name="screening-policy-file",
    ),
    path(
        "screenings/<uuid:screening_id>/explanation",
        draft_views.Explanation.as_view(),
        name="screening-explanation",
    ),
    path("screenings", screening.Screenings.as_view(), name="screenings"),
    path("screenings/<uuid:screening_id>", screening.ScreeningDetail.as_view(), name="screening"),
    path(
        "screenings/<uuid:screening_id>/overrides",
        override_views.Overrides.as_view(),
        name="screening-overrides",
    ),
    path("screenings/<uuid:screening_id>/reviews", screening.Reviews.as_view(), name="screening-reviews"),
    path(
        "possible-duplicates/decisions",
        identity_views.Comparisons.as_view(),
        name="chart-comparisons",
    ),
    path(
        "enrollments/<uuid:enrollment_id>/treatment-plans",
        identity_views.TreatmentPlans.as_view(),
        name="treatment-plans",
    ),
    path("alerts", alerts.Alerts.as_view(), name="alerts"),
    path("alerts/<uuid:alert_id>", alerts.AlertDetail.as_view(), name="alert"),
    path(
        "alerts/<uuid:alert_id>/acknowledgements",
        alerts.Acknowledgements.as_view(),
        name="alert-acknowledgements",
    ),
    path("alerts/<uuid:alert_id>/closures", alerts.Closures.as_view(), name="alert-closures"),
    path("care-team/handovers", care.Handovers.as_view(), name="handovers"),
    path("care-team/memberships", care.Memberships.as_view(), name="memberships"),
    path("care-team/unseen-patients", care.UnseenPatients.as_view(), name="unseen-patients"),
    path(
        "patients/<uuid:patient_id>/identity-checks", vetting.IdentityChecks.as_view(), name="identity-checks"
    ),
    path(
        "enrollments/<uuid:enrollment_id>/monitoring-queries",
        vetting.MonitoringQueries.as_view(),
        name="monitoring-queries",
    ),
    path("", include("safety.profile.urls")),
    path("break-glass", Openings.as_view(), name="break-glass"),
    path("patients/<uuid:patient_id>/holds", alerts.PatientHolds.as_view(), name="patient-holds"),
    path("event-scales", event_views.Scales.as_view(), name="event-scales"),
    path("adverse-events/<uuid:event_id>/news", event_views.EventNewsOf.as_view(), name="event-news"),
    path(
        "adverse-events/<uuid:event_id>/follow-ups",
        event_views.EventFollowUps.as_view(),
        name="event-follow-ups",
    ),
    path("adverse-events/<uuid:event_id>/report", event_views.EventReport.as_view(), name="event-report"),
    path(
        "adverse-events/<uuid:event_id>/report/pdf",
        event_views.EventReportOnPaper.as_view(),
        name="event-report-pdf",
    ),
    path("follow-ups", event_views.FollowUps.as_view(), name="follow-ups"),
    path("follow-ups/<uuid:follow_up_id>/ends", event_views.FollowUpEnds.as_view(), name="follow-up-ends"),
    path("reporting-clocks", event_views.Clocks.as_view(), name="reporting-clocks"),
    path("reporting-clocks/<uuid:clock_id>/ends", event_views.ClockEnds.as_view(), name="clock-ends"),
    path(
        "adverse-events/<uuid:event_id>/assessments",
        event_views.Assessments.as_view(),
        name="event-assessments",
    ),
    path("holds", alerts.Holds.as_view(), name="holds"),
    path("holds/<uuid:hold_id>/lifts", alerts.Lifts.as_view(), name="hold-lifts"),
]
