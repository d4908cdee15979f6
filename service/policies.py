"""Says what a browser may do with an answer: the headers that each kind of answer carries.

Sources: W3C Content Security Policy level 3; WHATWG Fetch, section 3.6 (X-Content-Type-Options) and 3.7
(Cross-Origin-Resource-Policy); OWASP REST security cheat sheet.
"""

Headers = tuple[tuple[bytes, bytes], ...]

_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),  # what is sent as a picture is never run as a script
    (b"cross-origin-resource-policy", b"same-origin"),  # no other site's page may show it, or load it to spy on it
    (b"referrer-policy", b"no-referrer"),
)

_NO_FRAME = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

_OF_A_DOCUMENT: Headers = (
    (b"x-frame-options", b"DENY"),  # for browsers that don't know frame-ancestors
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(self), microphone=(), geolocation=(), display-capture=(), usb=(), serial=(), payment=()",
    ),
)


def _with_policy(policy: str, others: Headers = ()) -> Headers:
    return (*_ALWAYS, (b"content-security-policy", policy.encode("ascii")), *others)


DATA = _with_policy("default-src 'none'; frame-ancestors 'none'; sandbox")
"""Answers that are no page: JSON, tensors, pictures. Opened by themselves they load and run nothing, whatever a version
from elsewhere calls a picture."""

PAGE = _with_policy(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    f" {_NO_FRAME}",
    _OF_A_DOCUMENT,
)
"""The page and its files: scripts and styles from files of the package only, pictures also those that it makes."""

REPORT = _with_policy(
    f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; {_NO_FRAME}; sandbox", _OF_A_DOCUMENT
)
"""A report comes with a models folder, from whomever: it may look like a page, but never act as one of ours."""
