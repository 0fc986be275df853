"""Packages of Debian's suites, of any architecture, unpacked and not installed.

apt does the work, with lists and a cache of its own: it checks the archive's signatures, and nothing of the host's apt
state is read or changed but where its mirrors and its proxy are. Packages are named by suite, since old versions
vanish from the archive: a metapackage such as linux-image-amd64 is followed to the kernel that it stands for today.
"""
import dataclasses
import fcntl
import json
import lzma
import os
import pathlib
import re
import shutil
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
#: For hosts whose apt knows no mirror of Debian.
MAIN_SITE = "http://deb.debian.org/debian"
SECURITY_SITE = "http://deb.debian.org/debian-security"
#: What one kernel is divided into. Until Debian 13 linux-image- has everything; later it only names the others.
KERNEL_PART = re.compile(r"linux-(image|binary|modules|base)-\S+")
WITHOUT_SECURITY = ("sid", "unstable", "experimental")


class DebianError(Exception):
    """One sentence: what could not be had, and from where."""


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    #: The other packages of the same kernel.
    parts: tuple = ()

    @property
    def directory_name(self):
        return f"{self.name}_{self.version.replace(':', '%3a')}"


class Archive:
    """Debian's archive for one architecture.

    State in `state_dir`: `apt/ARCH-SUITE` (lists), `debs`, `unpacked/ARCH-SUITE/NAME_VERSION`, and what each name was
    resolved to, so that the network is asked once. `refresh` asks anew.
    """

    def __init__(self, arch, state_dir, refresh=False):
        self.arch = arch
        self.state = pathlib.Path(state_dir).resolve()
        self.refresh = refresh
        self._updated = set()

    def resolve(self, suite, package):
        """The package that `package` stands for in `suite` ("bookworm", "sid", "bullseye-security").

        A metapackage of a kernel is followed to the kernel.
        """
        known_file = self._apt(suite) / "resolved.json"
        with self._lock(suite):
            known = json.loads(known_file.read_text()) if known_file.exists() else {}
            if package in known and (not self.refresh or suite in self._updated):
                name, version, parts = known[package]
                return Package(name, version, tuple(Package(*part) for part in parts))
            found = self._follow(suite, package)
            known[package] = dataclasses.astuple(found)
            known_file.write_text(json.dumps(known, indent=1))
            return found

    def unpack(self, suite, package):
        """The directory that `package`, and the other parts of a kernel, are unpacked in."""
        found = self.resolve(suite, package)
        final = self.state / "unpacked" / f"{self.arch}-{suite}" / found.directory_name
        with self._lock(suite):
            if final.exists():
                return final
            partial = final.with_name(final.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for part in (found, *found.parts):
                self._run(["dpkg-deb", "--extract", self._download(suite, part), partial])
            partial.rename(final)
        return final

    # What apt is asked.

    def _follow(self, suite, package):
        name = package
        # A metapackage may depend on another one.
        for _ in range(4):
            fields = self._show(suite, name)
            parts = [part for part in self._kernel_parts(fields) if part != name]
            kernels = [part for part in parts if part.startswith("linux-image-")]
            if not name.startswith("linux-image-") or not kernels:
                break
            name = kernels[0]
        others, waiting = {}, parts
        while waiting:
            part = waiting.pop()
            if part in others or part == name:
                continue
            of_part = self._show(suite, part)
            others[part] = Package(part, of_part["Version"])
            waiting += self._kernel_parts(of_part)
        return Package(name, fields["Version"], tuple(others[part] for part in sorted(others)))

    def _kernel_parts(self, fields):
        depends = ", ".join(fields.get(field, "") for field in ("Pre-Depends", "Depends"))
        first_choices = [choice.split("|")[0].split() for choice in depends.split(",")]
        return [words[0] for words in first_choices if words and KERNEL_PART.fullmatch(words[0])]

    def _show(self, suite, name):
        self._update(suite)
        try:
            text = self._run_apt(suite, "apt-cache", "show", "--no-all-versions", name)
        except DebianError:
            raise DebianError(f"{suite} has no package {name} for {self.arch}") from None
        fields = re.findall(r"^([A-Z][\w-]*): (.*)$", text.split("\n\n")[0], re.MULTILINE)
        return dict(fields)

    def _update(self, suite):
        marker = self._apt(suite) / "updated"
        if suite in self._updated or (marker.exists() and not self.refresh):
            self._updated.add(suite)
            return
        directory = self._apt(suite)
        for below in ("lists/partial", "cache/archives/partial"):
            (directory / below).mkdir(parents=True, exist_ok=True)
        (directory / "status").touch()
        sources = "".join(
            f"deb [signed-by={KEYRING} arch={self.arch}] {site} {name} main\n" for site, name in self._sources(suite))
        (directory / "sources.list").write_text(sources)
        try:
            self._run_apt(suite, "apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any")
        except DebianError as error:
            places = " or ".join(site for site, _ in self._sources(suite))
            raise DebianError(f"the suite {suite} can't be had from {places}: {error}") from None
        marker.touch()
        self._updated.add(suite)

    def _sources(self, suite):
        """Mirrors that the host's apt uses already, and Debian's own where it uses none."""
        main = self._host_site("Debian") or MAIN_SITE
        security = self._host_site("Debian-Security") or SECURITY_SITE
        if suite.endswith("-security"):
            return [(security, suite)]
        if suite in WITHOUT_SECURITY:
            return [(main, suite)]
        return [(main, suite), (security, f"{suite}-security")]

    def _host_site(self, label):
        sites = self._run(["apt-get", "indextargets", "--format", "$(SITE)", f"Label: {label}"]).split()
        return sites[0] if sites else None

    def _download(self, suite, package):
        debs = self.state / "debs"
        debs.mkdir(exist_ok=True)
        file = debs / f"{package.directory_name}_{self.arch}.deb"
        # Packages that are the same for all architectures.
        alternatives = [file, debs / f"{package.directory_name}_all.deb"]
        for there in alternatives:
            if there.exists():
                return there
        partial = self.state / "debs" / f"partial-{self.arch}-{suite}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        self._run_apt(
            suite, "apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", f"{package.name}={package.version}",
            directory=partial)
        [deb] = partial.glob("*.deb")
        final = debs / deb.name
        deb.rename(final)
        partial.rmdir()
        return final

    # How it is asked.

    def _apt(self, suite):
        return self.state / "apt" / f"{self.arch}-{suite}"

    def _lock(self, suite):
        directory = self._apt(suite)
        directory.mkdir(parents=True, exist_ok=True)
        return FileLock(directory / "lock")

    def _run_apt(self, suite, program, *arguments, directory=None):
        apt = self._apt(suite)
        options = {
            "Dir::Etc::sourcelist": apt / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State": apt,
            "Dir::State::lists": apt / "lists",
            "Dir::State::status": apt / "status",
            "Dir::Cache": apt / "cache",
            "APT::Architecture": self.arch,
            "APT::Architectures": self.arch,
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return self._run([program, *settings, *arguments], directory)

    def _run(self, command, directory=None):
        done = subprocess.run(
            [str(word) for word in command], cwd=directory, capture_output=True, text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"})
        if done.returncode != 0:
            words = " ".join(line for line in done.stderr.split("\n") if line.startswith("E:")) or done.stderr.strip()
            raise DebianError(words[-500:] or f"{command[0]} exits with {done.returncode}")
        return done.stdout


class FileLock:
    """Held as long as the `with` statement runs: several runs may share one state directory."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


def kernel_image(directory):
    """The kernel's image in an unpacked kernel package."""
    found = [*directory.glob("boot/vmlinu*"), *directory.glob("usr/lib/modules/*/vmlinuz")]
    if not found:
        raise DebianError(f"no kernel image in {directory.name}")
    return found[0].resolve()


def kernel_module(directory, name):
    """The bytes of a kernel module, decompressed; nil where the kernel has none of this name."""
    for file in directory.rglob(f"{name}.ko*"):
        if file.suffix == ".xz":
            return lzma.decompress(file.read_bytes())
        if file.suffix == ".zst":
            return subprocess.run(["zstd", "-dqc", file], check=True, capture_output=True).stdout
        return file.read_bytes()
    return None
