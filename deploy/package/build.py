"""Makes what a release is, of a built program: a .deb, a tarball, an OCI image layout, an SBOM and checksums.

    build.py PROGRAM DIRECTORY [deb] [tarball] [image] [sbom]

Without the last it makes all of them. Needs dpkg-deb, binutils and cargo. What is made of the same program at the same
commit is the same, byte by byte.
SOURCE_DATE_EPOCH and VERSION replace the commit's time and the crate's version.
"""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
PACKAGE = HOUSE / "deploy/package"
MAINTAINER = "The Rollcall authors <rollcall@localhost>"
SUMMARY = "LLM spend by team, key, model and person"
# Of the container alone: a package has its user made by adduser.
UID = 10001


def run(*command, **more):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, cwd=HOUSE, **more).stdout


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def put(source, to, mode=0o644):
    to.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Path):
        shutil.copyfile(source, to)
    else:
        to.write_text(source)
    to.chmod(mode)


def tree_of(program, folder):
    """What every package has, as below /usr."""
    put(program, folder / "bin/rollcall", 0o755)
    run(program, "manuals", folder / "share")
    for page in (folder / "share/man/man1").iterdir():
        page.with_suffix(".1.gz").write_bytes(gzip.compress(page.read_bytes(), 9, mtime=0))
        page.unlink()
    documents = folder / "share/doc/rollcall"
    for file in ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", *sorted((HOUSE / "docs").glob("*.md")),
                 *(HOUSE / "deploy").glob("grafana/*.json"), *(HOUSE / "deploy").glob("prometheus/*.yml"),
                 "deploy/rollcall-agents.service", "deploy/litellm/rollcall_budgets.py"]:
        path = HOUSE / file
        put(path, documents / path.relative_to(HOUSE))
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


def unit():
    """The service as a package has it: with a user that stays, whose files other programs can be let read."""
    text = (HOUSE / "deploy/rollcall.service").read_text()
    for old, new in [("/usr/local/", "/usr/"), ("DynamicUser=yes", "User=rollcall\nGroup=rollcall"),
                     ("share/doc/rollcall/operations.md", "share/doc/rollcall/docs/operations.md"),
                     ("# systemd unit for Rollcall. Install as /etc/systemd/system/rollcall.service; see docs/operations.md.",
                      "# Own settings go into /etc/rollcall.env, or by systemctl edit rollcall.")]:
        assert old in text, old
        text = text.replace(old, new)
    return text


def libraries(program):
    """The shared libraries that a program needs, as they are called and where they are."""
    found = re.findall(r"(?:(\S+) => )?(/\S+) \(0x", run("ldd", program).decode())
    return {path if not name else name: Path(path) for name, path in found}


def glibc(program):
    """The oldest glibc that has all that a program calls."""
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", run("objdump", "-T", program).decode())
    return ".".join(map(str, max((int(major), int(minor)) for major, minor in versions)))


def deb(program, version, architecture, out, epoch):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        tree_of(program, root / "usr")
        put(HOUSE / "LICENSE", root / "usr/share/doc/rollcall/copyright")
        put(unit(), root / "usr/lib/systemd/system/rollcall.service")
        put(PACKAGE / "rollcall.env", root / "etc/rollcall.env", 0o600)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
        put(f"Package: rollcall\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n"
            f"Installed-Size: {size}\nDepends: libc6 (>= {glibc(program)}), libgcc-s1, adduser\nSection: net\n"
            f"Priority: optional\nDescription: {SUMMARY}\n Counts what calls of language models cost, exactly, in one\n"
            " program with a store of its own, an API and a dashboard.\n", root / "DEBIAN/control")
        put("/etc/rollcall.env\n", root / "DEBIAN/conffiles")
        for script in ["postinst", "prerm", "postrm"]:
            put(PACKAGE / script, root / "DEBIAN" / script, 0o755)
        sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
                for path in sorted((root / "usr").rglob("*")) if path.is_file()]
        put("".join(sums), root / "DEBIAN/md5sums")
        for path in [root, *root.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
        # Whoever has the glibc has a dpkg that reads zstd, which takes a tenth of xz's time.
        run("dpkg-deb", "--root-owner-group", "-Zzstd", "--build", root, out,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})


def archive(entries, epoch):
    """A tar of (name, path or bytes or None for a directory, mode, user)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content, mode, user in entries:
            info = tarfile.TarInfo(name)
            info.mtime, info.mode, info.uid, info.gid = epoch, mode, user, user
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
                continue
            content = content.read_bytes() if isinstance(content, Path) else content
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def tarball(program, name, out, epoch):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tree_of(program, root)
        put(HOUSE / "LICENSE", root / "LICENSE")
        put(HOUSE / "deploy/rollcall.service", root / "share/doc/rollcall/deploy/rollcall.service")
        files = [(f"{name}/{path.relative_to(root)}", path, path.stat().st_mode & 0o777, 0)
                 for path in sorted(root.rglob("*")) if path.is_file()]
        out.write_bytes(gzip.compress(archive(files, epoch), 6, mtime=0))


def image(program, version, architecture, out, epoch):
    """An image with the program and the libraries that it needs, and nothing else: no shell, no package manager."""
    user = f"root:x:0:0:root:/root:/sbin/nologin\nrollcall:x:{UID}:{UID}::/var/lib/rollcall:/sbin/nologin\n"
    files = {"usr/local/bin/rollcall": program}
    for name, path in libraries(program).items():
        # The loader is where the program looks for it, the others where the loader does.
        files[(name if name.startswith("/") else f"/lib/{name}").lstrip("/")] = path.resolve()
    folders = sorted({str(parent) for name in files for parent in Path(name).parents if str(parent) != "."} | {"etc", "var"})
    entries = [(name, None, 0o755, 0) for name in folders]
    entries += [("etc/passwd", user.encode(), 0o644, 0), ("etc/group", f"rollcall:x:{UID}:\n".encode(), 0o644, 0),
                ("tmp", None, 0o1777, 0), ("var/lib", None, 0o755, 0), ("var/lib/rollcall", None, 0o700, UID)]
    entries += [(name, path, 0o755, 0) for name, path in sorted(files.items())]
    plain = archive(entries, epoch)
    blobs = out / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    def as_json(value):
        return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

    created = run("date", "-u", "-d", f"@{epoch}", "+%Y-%m-%dT%H:%M:%SZ").decode().strip()
    config = blob(as_json({
        "created": created, "architecture": architecture, "os": "linux",
        "config": {
            "User": "rollcall", "Entrypoint": ["/usr/local/bin/rollcall"], "Cmd": ["serve"],
            "Env": ["PATH=/usr/local/bin", "ROLLCALL_DATA_DIR=/var/lib/rollcall", "ROLLCALL_LISTEN=0.0.0.0:8787",
                    "ROLLCALL_LOG_JSON=true"],
            "ExposedPorts": {"8787/tcp": {}}, "Volumes": {"/var/lib/rollcall": {}}, "StopSignal": "SIGTERM",
            "Labels": {"org.opencontainers.image.title": "rollcall", "org.opencontainers.image.version": version,
                       "org.opencontainers.image.description": SUMMARY,
                       "org.opencontainers.image.licenses": "Apache-2.0"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]},
        "history": [{"created": created, "created_by": "deploy/package/build.py"}],
    }), "config.v1+json")
    layer = blob(gzip.compress(plain, 6, mtime=0), "layer.v1.tar+gzip")
    manifest = blob(as_json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                             "config": config, "layers": [layer]}), "manifest.v1+json")
    manifest |= {"annotations": {"org.opencontainers.image.ref.name": version},
                 "platform": {"architecture": architecture, "os": "linux"}}
    (out / "index.json").write_bytes(as_json({"schemaVersion": 2, "manifests": [manifest]}))
    (out / "oci-layout").write_bytes(as_json({"imageLayoutVersion": "1.0.0"}))


def sbom(version, out, epoch):
    """What is linked into the program, as CycloneDX 1.5. What only builds or tests it is left out."""
    target = re.search(r"host: (\S+)", run("rustc", "-vV").decode()).group(1)
    metadata = json.loads(run("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target))
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    locked = {(name, at): sum for name, at, sum in re.findall(
        r'name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]+)"',
        (HOUSE / "Cargo.lock").read_text())}
    root = next(id for id, package in packages.items() if package["name"] == "rollcall")

    def is_linked(dep):
        runs_in_compiler = any("proc-macro" in target["kind"] for target in packages[dep["pkg"]]["targets"])
        return not runs_in_compiler and any(kind["kind"] is None for kind in dep["dep_kinds"])

    def linked(id):
        return sorted(dep["pkg"] for dep in nodes[id]["deps"] if is_linked(dep))

    def purl(id):
        package = packages[id]
        return f"pkg:cargo/{package['name']}@{version if id == root else package['version']}"

    reached, waiting = {}, [root]
    while waiting:
        id = waiting.pop()
        if id not in reached:
            reached[id] = linked(id)
            waiting += reached[id]

    def component(id):
        package = packages[id]
        said = {"type": "library", "bom-ref": purl(id), "name": package["name"], "version": package["version"],
                "purl": purl(id)}
        if package.get("license"):
            # Cargo once took a slash for OR.
            said["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if (package["name"], package["version"]) in locked:
            said["hashes"] = [{"alg": "SHA-256", "content": locked[package["name"], package["version"]]}]
        return said

    own = {"type": "application", "bom-ref": purl(root), "name": "rollcall", "version": version, "purl": purl(root),
           "licenses": [{"expression": "Apache-2.0"}]}
    created = run("date", "-u", "-d", f"@{epoch}", "+%Y-%m-%dT%H:%M:%SZ").decode().strip()
    parts = sorted((component(id) for id in reached if id != root), key=lambda one: one["bom-ref"])
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(parts))}",
        "metadata": {"timestamp": created, "component": own}, "components": parts,
        "dependencies": sorted(({"ref": purl(id), "dependsOn": sorted({purl(on) for on in ons})}
                                for id, ons in reached.items()), key=lambda one: one["ref"]),
    }
    out.write_text(json.dumps(document, indent=1) + "\n")


def main():
    program, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    kinds = sys.argv[3:] or ["deb", "tarball", "image", "sbom"]
    version = os.environ.get("VERSION") or re.search(r'\nversion = "([^"]+)"', (HOUSE / "Cargo.toml").read_text()).group(1)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct"))
    architecture = run("dpkg", "--print-architecture").decode().strip()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "rollcall"
        run("strip", "-o", stripped, program)
        stripped.chmod(0o755)
        name = f"rollcall-{version}-linux-{architecture}"
        if "deb" in kinds:
            deb(stripped, version, architecture, out / f"rollcall_{version}_{architecture}.deb", epoch)
        if "tarball" in kinds:
            tarball(stripped, name, out / f"{name}.tar.gz", epoch)
        if "image" in kinds:
            image(stripped, version, architecture, out / "image", epoch)
        print(f"the program: {stripped.stat().st_size / 1e6:.1f} MB, with glibc {glibc(stripped)} or newer")
    if "sbom" in kinds:
        sbom(version, out / f"rollcall-{version}.cdx.json", epoch)
    files = sorted(path for path in out.iterdir() if path.is_file())
    (out / "SHA256SUMS").write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files))
    for path in files:
        print(f"{path.stat().st_size / 1e6:7.1f} MB  {path.name}")
    if "image" in kinds:
        size = sum(file.stat().st_size for file in (out / "image").rglob("*") if file.is_file())
        print(f"{size / 1e6:7.1f} MB  image/")


main()
