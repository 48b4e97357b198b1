# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for tests, by the openssl program: certificates with whatever is wrong with them."""
import datetime
import subprocess
from pathlib import Path

CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
unique_subject = no
policy = any
copy_extensions = none
[any]
commonName = optional
[req]
distinguished_name = name
[name]
[extensions]
{extensions}
"""
EC = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]


def openssl(*arguments, **more):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=60, **more)
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr.decode()}"
    return done.stdout


def stamp(days):
    """A date of `openssl ca`, so many days from now."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Issued:
    """A certificate and its key, in files, with the chain up to the root but without it."""

    def __init__(self, folder, name):
        self.certificate, self.key, self.chain = (folder / f"{name}.{end}" for end in ("crt", "key", "chain.pem"))
        self.issuer = None

    @property
    def pem(self):
        return self.certificate.read_text()


class Authority:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "index").touch()
        (self.folder / "serial").write_text("1000\n")
        self.root = self.issue("Test Root", san=None, ca=True, end=3650)

    def issue(self, name, san="", *, issuer=None, begin=-1, end=90, key=None, digest="sha256", ca=False, file=None,
              extra=""):
        """san: None for no subjectAltName, "" for DNS:name. issuer: an Issued; None: it signs itself."""
        folder = self.folder
        issued = Issued(folder, file or name.replace(" ", "-").replace("*", "any"))
        issued.issuer = issuer
        openssl("genpkey", *(key or EC), "-out", issued.key)
        lines = ["basicConstraints = critical,CA:" + ("TRUE" if ca else "FALSE"), "subjectKeyIdentifier = hash", extra]
        if san is not None:
            lines.append("subjectAltName = " + (san or f"DNS:{name}"))
        config, request = issued.certificate.with_suffix(".cnf"), issued.certificate.with_suffix(".csr")
        config.write_text(CONFIG.format(folder=folder, extensions="\n".join(lines)))
        openssl("req", "-new", "-config", config, "-key", issued.key, "-subj", f"/CN={name}", "-out", request)
        signer = ["-cert", issuer.certificate, "-keyfile", issuer.key] if issuer else ["-selfsign", "-keyfile", issued.key]
        openssl("ca", "-batch", "-notext", "-config", config, "-extensions", "extensions", "-md", digest,
                "-startdate", stamp(begin), "-enddate", stamp(end), *signer, "-in", request, "-out", issued.certificate)
        parts, above = [issued.pem], issuer
        while above and above.issuer:
            parts.append(above.pem)
            above = above.issuer
        issued.chain.write_text("".join(parts))
        return issued

    def revoke(self, issued, issuer, out):
        """Calls a certificate back and writes the list of its issuer."""
        config = issued.certificate.with_suffix(".cnf")
        signer = ["-cert", issuer.certificate, "-keyfile", issuer.key]
        openssl("ca", "-config", config, *signer, "-md", "sha256", "-revoke", issued.certificate)
        openssl("ca", "-config", config, *signer, "-md", "sha256", "-gencrl", "-crldays", "7", "-out", out)
