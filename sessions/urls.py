from django.urls import include, path

from sessions.views import (
    booking,
    calls,
    content,
    course,
    effects,
    entries,
    leaving,
    log,
    monitors,
    mornings,
    overrules,
    packet,
    places,
    proposing,
    reports,
    reviews,
)

of_one_session = [
    path("reschedule", booking.Rescheduling.as_view(), name="session-reschedule"),
    path("cancel", booking.Cancellation.as_view(), name="session-cancel"),
    path("calendar", calls.SessionCalendar.as_view(), name="session-calendar"),
    path("call-link", calls.CallLink.as_view(), name="session-call-link"),
    path("preparation", booking.Preparation.as_view(), name="session-preparation"),
    path("monitor-invitations", booking.MonitorInvitations.as_view(), name="monitor-invitations"),
    path("emergency-packet", packet.EmergencyPacket.as_view(), name="session-emergency-packet"),
    path(
        "emergency-packet/pdf", packet.EmergencyPacketOnPaper.as_view(), name="session-emergency-packet-pdf"
    ),
    path("monitor", monitors.SessionMonitor.as_view(), name="session-monitor"),
    path("monitor/releases", monitors.MonitorReleases.as_view(), name="session-monitor-releases"),
    path("attestations", course.Attestations.as_view(), name="attestations"),
    path("overrules", overrules.Overrules.as_view(), name="overrules"),
    path("reading-overrides", overrules.ReadingOverrides.as_view(), name="reading-overrides"),
    path("places", places.Places.as_view(), name="session-places"),
    path("start", course.Start.as_view(), name="session-start"),
    path("doses", course.Doses.as_view(), name="doses"),
    path("late-doses", course.LateDoses.as_view(), name="late-doses"),
    path("dose-outcomes", course.DoseOutcomes.as_view(), name="dose-outcomes"),
    path("end", course.End.as_view(), name="session-end"),
    path("observations", entries.Observations.as_view(), name="observations"),
    path(
        "observations/<uuid:observation_id>/corrections",
        entries.Corrections.as_view(),
        name="observation-corrections",
    ),
    path("check-ins", entries.CheckIns.as_view(), name="check-ins"),
    path("log", log.SessionLog.as_view(), name="session-log"),
    path("morning-answers", mornings.MorningAnswers.as_view(), name="morning-answers"),
    path("review", reviews.Reviews.as_view(), name="session-review"),
    path("effects", effects.Effects.as_view(), name="effects"),
    path("reflections", entries.Reflections.as_view(), name="reflections"),
]

of_one_enrollment = [
    path("sessions", booking.Sessions.as_view(), name="sessions"),
    path("content-modules", content.ContentModules.as_view(), name="content-modules"),
    path("session-proposals", proposing.Proposals.as_view(), name="session-proposals"),
    path("pauses", leaving.Pauses.as_view(), name="pauses"),
    path("resumptions", leaving.Resumptions.as_view(), name="resumptions"),
    path("withdrawals", leaving.Withdrawals.as_view(), name="withdrawals"),
    path("consent-withdrawals", leaving.ConsentWithdrawals.as_view(), name="consent-withdrawals"),
]

of_one_proposal = [
    path("confirmations", proposing.Confirmations.as_view(), name="session-proposal-confirmations"),
    path("declines", proposing.Declines.as_view(), name="session-proposal-declines"),
    path("withdrawals", proposing.ProposalWithdrawals.as_view(), name="session-proposal-withdrawals"),
]

urlpatterns = [
    path("", include("sessions.ledger.urls")),
    path("", include("sessions.deviations.urls")),
    path("me/closure", leaving.Closure.as_view(), name="closure"),
    path("enrollments/<uuid:enrollment_id>/", include(of_one_enrollment)),
    path("session-proposals/<uuid:proposal_id>/", include(of_one_proposal)),
    path("sessions/<uuid:session_id>", booking.SessionDetail.as_view(), name="session"),
    path("sessions/<uuid:session_id>/", include(of_one_session)),
    path(
        "patients/<uuid:patient_id>/emergency-packet",
        packet.PatientsEmergencyPacket.as_view(),
        name="patient-emergency-packet",
    ),
    path("monitor-devices", monitors.MonitorDevices.as_view(), name="monitor-devices"),
    path("sessions-to-review", reviews.SessionsToReview.as_view(), name="sessions-to-review"),
    path("effects-to-triage", effects.EffectsToTriage.as_view(), name="effects-to-triage"),
    path("effects/<uuid:checklist_id>/triages", effects.Triages.as_view(), name="effects-triages"),
    path("adverse-events", reports.AdverseEvents.as_view(), name="adverse-events"),
    path("adverse-events/<uuid:event_id>", reports.AdverseEventDetail.as_view(), name="adverse-event"),
]
