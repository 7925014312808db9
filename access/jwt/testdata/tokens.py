# Makes tokens and a set of keys with PyJWT, for the tests. The first argument is the secret, the second the claims as JSON.
import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

secret, claims = sys.argv[1], json.loads(sys.argv[2])
keys = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
out = {"tokens": {"HS256": jwt.encode(claims, secret, algorithm="HS256")}, "pem": [], "refused": {}}
for name, key in keys.items():
    out["tokens"][name] = jwt.encode(claims, key, algorithm=name, headers={"kid": name})
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    out["pem"].append(pem.decode())
out["refused"]["none"] = jwt.encode(claims, None, algorithm="none")
for name in ["RS512", "PS256"]:
    out["refused"][name] = jwt.encode(claims, keys["RS256"], algorithm=name, headers={"kid": "RS256"})
out["refused"]["expired"] = jwt.encode({**claims, "exp": 1}, keys["ES256"], algorithm="ES256", headers={"kid": "ES256"})
print(json.dumps(out))
