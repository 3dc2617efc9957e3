# cosign's sealed private key, made and opened by PyNaCl (libsodium) and hashlib: seal PASSWORD < DER > PEM, open PASSWORD < PEM > DER
import base64, hashlib, json, re, sys
from nacl.secret import SecretBox
from nacl.utils import random


def key_of(password, params, salt):
    memory = 256 * params["N"] * params["r"] + 2**20
    return hashlib.scrypt(password.encode(), salt=salt, n=params["N"], r=params["r"], p=params["p"], maxmem=memory, dklen=32)


action, password = sys.argv[1], sys.argv[2]
content = sys.stdin.buffer.read()
if action == "seal":
    label, params = sys.argv[3], {"N": int(sys.argv[4]), "r": 8, "p": 1}
    salt, nonce = random(32), random(24)
    sealed = SecretBox(key_of(password, params, salt)).encrypt(content, nonce)
    document = {
        "kdf": {"name": "scrypt", "params": params, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(sealed.ciphertext).decode(),
    }
    body = base64.encodebytes(json.dumps(document).encode()).decode()
    sys.stdout.write(f"-----BEGIN ENCRYPTED {label} PRIVATE KEY-----\n{body}-----END ENCRYPTED {label} PRIVATE KEY-----\n")
else:
    text = content.decode()
    body = re.fullmatch(r"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n(.*)\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n", text, re.S).group(1)
    document = json.loads(base64.b64decode(body))
    key = key_of(password, document["kdf"]["params"], base64.b64decode(document["kdf"]["salt"]))
    der = SecretBox(key).decrypt(base64.b64decode(document["ciphertext"]), base64.b64decode(document["cipher"]["nonce"]))
    sys.stdout.buffer.write(der)
