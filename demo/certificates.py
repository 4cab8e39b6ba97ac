"""Certificates for a TLS server on loopback, signed by an authority that is made with them."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """The paths of the files, all PEM; each key lies beside its certificate."""

    ca: Path
    other_ca: Path
    """An authority that signed none of these certificates."""
    server: Path
    """For localhost and 127.0.0.1."""
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(folder: Path, server_days: float = 90) -> Certificates:
    """Make the files in a folder, which is made too; valid from a day ago, for 90 days.

    The certificate of the server is valid for `server_days`; negative: it has expired.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = Certificates(
        *(folder / f"{name}.pem" for name in ("ca", "other-ca", "server")),
        *(folder / f"{name}.pem" for name in ("server-key", "client", "client-key")),
    )
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _signed("demo authority", key, None, key)
    files.ca.write_bytes(_pem(ca))
    other = ec.generate_private_key(ec.SECP256R1())
    files.other_ca.write_bytes(_pem(_signed("another authority", other, None, other)))
    for name, certificate, key_file in (
        ("localhost", files.server, files.server_key),
        ("client", files.client, files.client_key),
    ):
        own = ec.generate_private_key(ec.SECP256R1())
        days = server_days if certificate == files.server else 90
        certificate.write_bytes(_pem(_signed(name, own, ca, key, days)))
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return files


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate | None,
    ca_key: ec.EllipticCurvePrivateKey,
    days: float = 90,
) -> x509.Certificate:
    """A certificate for a key; without `ca` it is an authority, signed by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    authority = ca is None
    # Python 3.13 and later verify strictly: both key identifiers and the key's usage must be there.
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if ca is None else ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if name == "localhost":
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        names = x509.SubjectAlternativeName([x509.DNSName(name), loopback])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
