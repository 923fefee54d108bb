# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lowest layer of the admin API: one request to one instance, and what its answer means.

Three things can go wrong: it may work elsewhere or later (Failed), the application has no such path (NotOffered), or an
operator has to correct something first (Refusal). None of their messages can contain the token.
"""

from __future__ import annotations

import os

from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._web import require_requests, session

try:
    import requests
except ImportError:  # require_requests() says so
    requests = None


class Failed(Exception):
    """No usable answer. `sent`: a change may have taken effect all the same; `again`: a later attempt may succeed."""

    def __init__(self, why: str, sent: bool = False, again: bool = True, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.sent = sent
        self.again = again
        self.retry_after = retry_after


class NotOffered(Exception):
    """404 or 405: the deployed application does not offer this method on this path."""


class Http:
    """Requests with the admin token. Safe to use from several threads."""

    def __init__(self, params: dict) -> None:
        require_requests()
        _require_usable(params)
        self._token = params["token"]
        self._timeout = params["timeout"]
        self._session = session(params["validate_certs"], params["ca_path"], params["server_name"])
        self._session.headers["Authorization"] = f"Bearer {self._token}"

    def get(self, url: str) -> dict:
        return self._request("GET", url)

    def post(self, url: str, patch: dict) -> dict:
        return self._request("POST", url, json=patch)

    def _request(self, method: str, url: str, **body) -> dict:
        try:
            # A redirect would carry the token to wherever it points.
            answer = self._session.request(method, url, timeout=self._timeout, allow_redirects=False, **body)
        except requests.exceptions.SSLError as error:
            raise Refusal(
                f"{url} does not prove its identity ({self._clean(_root(error))}); set smartsports_admin_ca_path to its CA, smartsports_admin_server_name "
                "to the name in its certificate, or smartsports_admin_scheme to http."
            ) from error
        except requests.exceptions.ConnectTimeout as error:
            raise Failed(f"no connection within {self._timeout:g} s") from error
        except requests.exceptions.Timeout as error:
            raise Failed(f"no answer within {self._timeout:g} s", sent=True) from error
        except requests.exceptions.RequestException as error:
            cause = _root(error)
            raise Failed(f"no answer ({self._clean(cause)})", sent=not isinstance(cause, ConnectionRefusedError)) from error
        except OSError as error:
            raise Refusal(
                f"smartsports_admin_ca_path '{self._session.verify}' cannot be used ({error}); give the path of a PEM file on the Docker host."
            ) from error
        return self._meaning(method, url, answer)

    def _meaning(self, method: str, url: str, answer) -> dict:
        status = answer.status_code
        if status == 200:
            return self._object(url, answer)
        said = self._said(answer)
        if status == 401:
            raise Refusal(f"{url} saw no admin token (401{said}); set smartsports_admin_token to the application's ADMIN_TOKEN.")
        if status == 403:
            raise Refusal(
                f"{url} refused the admin token (403{said}); set smartsports_admin_token to the application's present ADMIN_TOKEN."
            )
        if status in (404, 405):
            raise NotOffered(f"{method} {url} is not offered ({status})")
        if status == 422:
            raise Refusal(f"{url} refused the settings (422{said}); correct them and run again, nothing was changed.")
        if 300 <= status < 400:
            raise Refusal(
                f"{url} redirects elsewhere ({status}), where the token is not sent; correct smartsports_admin_scheme and smartsports_app_port."
            )
        if status == 429:
            raise Failed(f"too many requests (429{said})", retry_after=_seconds(answer))
        if status == 503:  # the contract: nothing was changed
            raise Failed(f"temporarily unavailable (503{said})", retry_after=_seconds(answer))
        if status >= 500:
            raise Failed(f"internal error ({status}{said})", sent=True, again=status in (502, 504))
        raise Refusal(f"{url} answered {status}{said}, which is not in the admin API's contract; check smartsports_app_port.")

    def _object(self, url: str, answer) -> dict:
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Refusal(
                f"{url} answered 200 with something that is not a JSON object; correct smartsports_app_port, or look at what listens there."
            )
        return content

    def _said(self, answer) -> str:
        """What the server says about an error, made fit to stand in a sentence."""
        try:
            text = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            return ""
        return ": " + self._clean(text)

    def _clean(self, text: object) -> str:
        return " ".join(str(text).replace(self._token, "********").split()).rstrip(".")[:300]


def _require_usable(params: dict) -> None:
    token = params["token"]
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Refusal(
            "the admin token is empty or has a character that a token cannot have (a space, a line break, a letter beyond ASCII); "
            "set smartsports_admin_token to the application's ADMIN_TOKEN."
        )
    for option in ("timeout", "deadline"):
        if params[option] <= 0:
            raise Refusal(f"{option} is {params[option]:g} s, but must be more than 0; correct smartsports_admin_{option}.")
    if not 1 <= params["port"] <= 65535:
        raise Refusal(f"port is {params['port']}, but must be from 1 to 65535; correct smartsports_app_port.")
    if params["ca_path"] and not os.path.exists(params["ca_path"]):
        raise Refusal(
            f"smartsports_admin_ca_path '{params['ca_path']}' does not exist on the Docker host; give the path of a PEM file there."
        )


def _root(error: BaseException) -> BaseException:
    """The first cause: the libraries wrap it three times over."""
    cause = getattr(error, "reason", None) or error.__cause__ or error.__context__
    if not isinstance(cause, BaseException):
        cause = next((argument for argument in error.args if isinstance(argument, BaseException)), None)
    return _root(cause) if cause is not None else error


def _seconds(answer) -> float:
    """Retry-After in seconds; 0 where there is none, or a date."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", 0)))
    except ValueError:
        return 0.0
