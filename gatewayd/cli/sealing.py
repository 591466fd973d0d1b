r"""A file that leaves the house: it opens with its passphrase, and with nothing else.

    gatewayd backup 1\n | salt | nonce, sealed content, tag | SHA-256 of all before

Argon2id makes the key, XChaCha20-Poly1305 seals the content together with the first line and the
salt, both from libsodium. The sum at the end is no protection: it tells a damaged file from a wrong
passphrase. How much work a key takes belongs to the version, so no file can ask for more.
"""

import unicodedata
from hashlib import sha256

from nacl import pwhash, secret, utils
from nacl.exceptions import CryptoError

from gatewayd.cli.trouble import Trouble

FAMILY = b"gatewayd backup "
HEADER = FAMILY + b"1\n"
SALT, SUM = pwhash.argon2id.SALTBYTES, sha256().digest_size
OVERHEAD = len(HEADER) + SALT + secret.Aead.NONCE_SIZE + secret.Aead.MACBYTES + SUM
PASSES, MEMORY = 6, 64 << 20
"""Argon2id's work, in bytes: a hub with half a gigabyte has as much to spare beside its daemon."""
SHORTEST = 12
"""Characters of a passphrase: whoever finds the file can try as many as they like."""


def seal(content: bytes, passphrase: str) -> bytes:
    """The whole file."""
    head = HEADER + utils.random(SALT)
    sealed = head + secret.Aead(_key(passphrase, head)).encrypt(content, head)
    return sealed + sha256(sealed).digest()


def unseal(file: bytes, passphrase: str) -> bytes:
    """What was sealed.

    Raises:
        Trouble: it is no such file, of another version, damaged, or the passphrase is wrong.
    """
    if not file.startswith(FAMILY):
        raise Trouble("this is no backup of a gatewayd", "name a file that gatewayd backup made")
    if not file.startswith(HEADER):
        raise Trouble("a newer gatewayd made this backup", "restore it with that version")
    sealed, told = file[:-SUM], file[-SUM:]
    if len(file) < OVERHEAD or sha256(sealed).digest() != told:
        raise Trouble("the backup is damaged or cut short", "take another copy of it, or another")
    head, rest = sealed[: len(HEADER) + SALT], sealed[len(HEADER) + SALT :]
    key = _key(passphrase, head)
    try:
        return secret.Aead(key).decrypt(rest, head)
    except CryptoError:
        raise Trouble("the passphrase is wrong", "type the one that this backup has") from None


def _key(passphrase: str, head: bytes) -> bytes:
    typed = unicodedata.normalize("NFC", passphrase).encode()  # whatever keyboard it was typed at
    try:
        return pwhash.argon2id.kdf(
            secret.Aead.KEY_SIZE, typed, head[-SALT:], opslimit=PASSES, memlimit=MEMORY
        )
    except CryptoError:
        raise Trouble("not enough memory for the passphrase", "64 MiB must be free") from None
