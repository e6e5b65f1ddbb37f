"""Certificates, good and bad, made with the openssl program."""
import ssl
import subprocess

KINDS = ("good", "expired", "wrong-host", "self-signed", "old")


def run(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make(directory, kind):
    """Writes ca.pem, cert.pem and key.pem."""
    host = "DNS:elsewhere.invalid" if kind == "wrong-host" else "IP:127.0.0.1,DNS:localhost,DNS:*.localhost"
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run(directory, "req", "-x509", *ec, "-days", "30", "-subj", "/CN=haul test CA", "-keyout", "ca.key", "-out", "ca.pem")
    if kind == "self-signed":
        run(directory, "req", "-x509", *ec, "-days", "30", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=" + host, "-keyout", "key.pem", "-out", "cert.pem")
        return
    run(directory, "req", *ec, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "csr.pem")
    with open(f"{directory}/ca.conf", "w", encoding="utf-8") as file:
        file.write("[ca]\ndefault_ca=c\n[c]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n"
                   f"policy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName={host}\n")
    open(f"{directory}/index", "w", encoding="utf-8").close()
    with open(f"{directory}/serial", "w", encoding="utf-8") as file:
        file.write("01\n")
    dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if kind == "expired" else ["-days", "30"]
    run(directory, "ca", "-batch", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "csr.pem",
        "-out", "cert.pem", "-notext", *dates)


def context(directory, kind):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "old":
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version, made.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    made.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
    return made
