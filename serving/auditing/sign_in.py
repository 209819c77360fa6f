"""Signing in with a browser: a token is pasted, kept in a cookie, and taken back by a button.

Nothing is judged here: the page that comes next is let in or refused by the door, counted and recorded as any call.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.access.cookies import forget, is_token, keep
from serving.auditing.asked import words_of
from serving.auditing.page import HEADERS, link_in, page
from serving.auditing.words import words_asked
from serving.reading import body_of, media_type
from serving.refusals import RefusalError

FORM = "application/x-www-form-urlencoded"
LONGEST_FORM = 16_384
HOME, SIGN_IN = "/audit", "/sign-in"


async def sign_in_page(request: Request) -> Response:
    """GET /sign-in."""
    words = words_of(request, "out", "wrong")
    if request.app.state.settings.access == "open":
        return RedirectResponse(link_in(words)(HOME), 303)
    is_wrong = "wrong" in request.query_params
    message = words.say("bad_token") if is_wrong else words.say("signed_out") if "out" in request.query_params else ""
    return page(request, "sign_in", words.say("sign_in"), words=words, is_in=False, message=message, is_wrong=is_wrong)


async def sign_in(request: Request) -> Response:
    """POST /sign-in: the cookie, then the search. Errors: as `form_of`, and 422."""
    form = await form_of(request)
    words = words_asked(form.get("lang"))
    if "token" not in form:
        raise RefusalError(422, "token is missing; paste one", field="token")
    token = form["token"].strip()
    if not is_token(token):
        return RedirectResponse(link_in(words)(SIGN_IN, wrong=1), 303, HEADERS)
    response = RedirectResponse(link_in(words)(HOME), 303, HEADERS)
    keep(response, request, token)
    return response


async def sign_out(request: Request) -> Response:
    """POST /sign-out: the cookie taken back. Errors: RefusalError 403 for a form of another site, 415."""
    words = words_asked((await form_of(request)).get("lang"))
    response = RedirectResponse(link_in(words)(SIGN_IN, out=1), 303, HEADERS)
    forget(response, request)
    return response


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form of this site. Errors: RefusalError 403, 413, 415, 422."""
    if media_type(request) != FORM:
        raise RefusalError(415, f"send {FORM} as the Content-Type")
    if not is_own(request):
        raise RefusalError(403, "this form is of another site; open /sign-in")
    body = await body_of(request, LONGEST_FORM)
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=4)
    except ValueError:
        raise RefusalError(422, "the form cannot be read") from None
    return {name: values[0] for name, values in fields.items()}


def is_own(request: Request) -> bool:
    """Whether a form was sent from a page of this site, as browsers say; what is no browser says nothing."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    is_same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return is_same and site in ("same-origin", "none")
