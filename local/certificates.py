"""A certificate authority of one's own, for servers that demand TLS: PEM files in a folder.

Used by `local.secure`; nothing of it is trusted by anybody outside a test.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID = timedelta(days=2)
"""Longer than any test runs."""


@dataclass(frozen=True)
class Issued:
    """A certificate with its key.

    Attributes:
        certificate: file of the certificate.
        key: file of its private key, PKCS #8 without a password.
        both: key and certificate in one file, as Kafka reads it.
    """

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates.

    Attributes:
        certificate: file of its own certificate, for those who are to trust it.
    """

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        """Make a new authority with its files in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.BasicConstraints(ca=True, path_length=0)
        signed = self._begin(self._name, self._key).add_extension(usage, critical=True)
        self.certificate = folder / "authority.crt"
        self.certificate.write_bytes(_pem(signed.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, *hosts: str) -> Issued:
        """Issue a certificate.

        Args:
            name: common name, also of the files; a client's user name.
            hosts: host names and addresses that a server may be called by.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([_host(host) for host in hosts or (name,)])
        signed = self._begin(subject, key).add_extension(names, critical=False)
        certificate = _pem(signed.sign(self._key, hashes.SHA256()))
        return self._write(name, certificate, _private(key))

    def _begin(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + VALID)
        )

    def _write(self, name: str, certificate: bytes, key: bytes) -> Issued:
        files = Issued(*(self._folder / f"{name}.{kind}" for kind in ("crt", "key", "pem")))
        files.certificate.write_bytes(certificate)
        for file, content in ((files.key, key), (files.both, key + certificate)):
            file.touch(mode=0o600)
            file.write_bytes(content)
        return files


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
