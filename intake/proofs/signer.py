"""Signs with a key that was checked when it was opened: pyHanko checks it anew for each signature, 45 ms."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from pyhanko.sign.signers import SimpleSigner
from pyhanko_certvalidator.util import get_pyca_cryptography_hash


class CheckedSigner(SimpleSigner):
    """For keys that cryptography has loaded, and thereby checked, a moment ago or in this process."""

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        mechanism = self.get_signature_mechanism_for_digest(digest_algorithm)
        if mechanism.signature_algo != "rsassa_pkcs1v15":
            return super().sign_raw(data, digest_algorithm)
        key = load_der_private_key(self.signing_key.dump(), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, RSAPrivateKey)
        return key.sign(data, PKCS1v15(), get_pyca_cryptography_hash(digest_algorithm))
