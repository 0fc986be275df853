"""Programs that ask for TLS server names."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess

from report import run, wait_for

SERVER = "127.0.0.1:4433"
LIBSSL = next(pathlib.Path("/usr/lib").glob("*/libssl.so.3"))
KINDS = ("curl", "wget", "gnutls", "openssl", "python")


def curl(name, **options):
    url = f"https://{name}:4433/"
    return run("curl", "-sk", "--resolve", f"{name}:4433:127.0.0.1", url, "-o", "/dev/null", **options)


def names(*words, **options):
    return run("names", *words, **options)


def say(process, line):
    """What the client answers; what it says at its end where it has ended."""
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return process.stdout.readline()


@contextlib.contextmanager
def client(*words, **options):
    """A `names` that asks for what it is told, while the body runs."""
    process = subprocess.Popen(
        ["names", *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        **options)
    try:
        yield process
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def copy_of_library(directory):
    """The environment with which a library is mapped that no process has mapped yet."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    shutil.copy(LIBSSL, directory)
    return {**os.environ, "LD_LIBRARY_PATH": directory}


def ask_new(wait_for_probe, name="new", directory="/tmp/new"):
    """NAME0.test by a library that nobody had mapped, and NAME1.test once it is probed."""
    environment = copy_of_library(directory)
    said = names("set", f"{name}0.test", env=environment)[1]
    wait_for_probe(f"{directory}/{LIBSSL.name}")
    return said + names("set", f"{name}1.test", env=environment)[1]


@contextlib.contextmanager
def server():
    process = subprocess.Popen(
        ["openssl", "s_server", "-www", "-accept", "4433", "-key", "/etc/key.pem", "-cert", "/etc/cert.pem"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    with socket.socket() as probe:
        wait_for(lambda: probe.connect_ex(("127.0.0.1", 4433)) == 0)
    try:
        yield
    finally:
        process.kill()


PYTHON_CLIENT = """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.wrap_socket(socket.create_connection(("127.0.0.1", 4433)), server_hostname=sys.argv[1]).close()
"""


def connect_all(prefix):
    """Each TLS client of the guest asks for a name of its own; the answer is what the failed ones said."""
    said = []

    def ask(name, *command):
        code, output = run(*command)
        if code != 0:
            said.append(f"{name}: exit status {code}: {output}")

    def name(kind):
        return f"{prefix}-{kind}.test"

    ask("curl", "curl", "-sk", "--resolve", f"{name('curl')}:4433:127.0.0.1", f"https://{name('curl')}:4433/")
    ask("wget", "/usr/bin/wget", "-qO", "/dev/null", "--no-check-certificate", f"https://{name('wget')}:4433/")
    ask("gnutls", "gnutls-cli", "--insecure", "-p", "4433", name("gnutls"))
    ask("openssl", "openssl", "s_client", "-connect", SERVER, "-servername", name("openssl"))
    ask("python", "python3", "-c", PYTHON_CLIENT, name("python"))
    return "\n".join(said)


def all_names(prefix):
    return [f"{prefix}-{kind}.test" for kind in KINDS]
