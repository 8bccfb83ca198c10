"""TLS as it should be: whom nobody vouches for is not spoken to."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.ports import WebProblem, WebRequest
from tests.standins.receiver import Answer, Receiver


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def _post(url: str) -> WebRequest:
    return WebRequest("POST", url, {}, b"{}", 5)


def _problem(request: WebRequest) -> WebProblem:
    with pytest.raises(WebProblem) as caught:
        RequestsWeb().send(request)
    return caught.value


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem),
    )
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    with Receiver(tls=server_side(certificate)) as receiver:
        problem = _problem(_post(receiver.url + "/s3cret"))
        assert receiver.requests == []
    assert (problem.kind, problem.retryable) == ("tls", False)
    assert "not trusted" in str(problem)
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_private_authority(certificate: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(certificate))
    with Receiver(Answer(body=b"ok"), tls=server_side(certificate)) as receiver:
        assert RequestsWeb().send(_post(receiver.url)).body == b"ok"


def test_an_authority_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file.pem")
    with Receiver() as receiver:
        problem = _problem(_post(receiver.url.replace("http:", "https:")))
    assert (problem.kind, problem.retryable) == ("tls", False)


def test_tls_with_somebody_who_speaks_plain_http() -> None:
    with Receiver() as receiver:
        problem = _problem(_post(receiver.url.replace("http:", "https:")))
    assert (problem.kind, problem.retryable) == ("tls", False)
