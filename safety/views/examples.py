"""Examples that both subjects' operations share in the API's documentation."""

PATIENT = {
    "id": "0199c0de-0000-7000-8000-000000000002",
    "legal_name": "Ada Example",
    "birth_on": "1984-05-17",
}
SIGNATURE = {
    "signer_name": "Ben Example, MD",
    "meaning": "decided",
    "signed_at": "2026-03-02T16:00:00Z",
    "document_sha256": "4f" * 32,
}
