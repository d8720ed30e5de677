"""Secrets that have to be read again, encrypted at rest under keys that are derived from the installation's."""

import base64
from dataclasses import dataclass
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import Conflict, marked


class SecretLost(Conflict):
    """What was encrypted under another key of the installation, or was changed since, or is too old."""

    code: ClassVar[str] = "secret_lost"
    sentence: ClassVar[str] = marked("A kept secret can no longer be read, since the installation's key changed.")


@dataclass(frozen=True)
class SecretBox:
    """Encrypts and authenticates (Fernet: AES-128-CBC and HMAC-SHA-256) for one purpose."""

    _cipher: Fernet

    @classmethod
    def of(cls, secret: str, *, purpose: str) -> "SecretBox":
        """Derive the key of a purpose from the installation's secret (HKDF, RFC 5869); boxes of different purposes
        cannot read each other's secrets."""
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"unison-mes:{purpose}:v1".encode())
        return cls(Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode()))))

    def seal(self, content: bytes) -> bytes:
        """Return the content as only this installation can read it."""
        return self._cipher.encrypt(content)

    def open(self, sealed: bytes, *, newer_than_s: int | None = None) -> bytes:
        """Return what was sealed, when that was less than `newer_than_s` seconds ago where given.

        Raises:
            SecretLost: it was sealed with another key, changed since, or too long ago.
        """
        try:
            return self._cipher.decrypt(sealed, ttl=newer_than_s)
        except InvalidToken as error:
            raise SecretLost from error
