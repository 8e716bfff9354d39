"""The JavaScript and fonts that the site ships, so that its pages need no other host.

    python site/vendor.py            fetch every file again with npm, and rewrite manifest.json
    python site/vendor.py --check    compare the files with manifest.json; needs no network

- MathJax: `tex-svg-full.js` holds every TeX extension and its glyphs in one file.
- Jupyter's widget manager: `embed.js` holds the core widgets (sliders, boxes, stacks, images,
  links). Widgets of other packages would need the larger `embed-amd.js` and RequireJS.
  Its icons are three Font Awesome fonts, under the names that `embed.js` asks for.
"""

import argparse
import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent / "_static" / "vendor"


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    licence: str
    files: dict[str, str]  # path inside the npm package -> path inside the vendor folder


PACKAGES = (
    Package(
        "mathjax",
        "3.2.2",
        "Apache-2.0",
        {"es5/tex-svg-full.js": "mathjax/tex-svg-full.js", "LICENSE": "mathjax/LICENSE"},
    ),
    Package(
        "@jupyter-widgets/html-manager",
        "1.0.15",
        "BSD-3-Clause",
        {
            "dist/embed.js": "widgets/embed.js",
            "dist/embed.js.LICENSE.txt": "widgets/embed.js.LICENSE.txt",
            "dist/1551f4f60c37af51121f.woff2": "widgets/1551f4f60c37af51121f.woff2",  # solid
            "dist/7a3337626410ca2f4071.woff2": "widgets/7a3337626410ca2f4071.woff2",  # regular
            "dist/d878b0a6a1144760244f.woff2": "widgets/d878b0a6a1144760244f.woff2",  # brands
        },
    ),
    Package(
        "@fortawesome/fontawesome-free",
        "5.15.4",
        "OFL-1.1",
        {"LICENSE.txt": "widgets/fontawesome.LICENSE.txt"},
    ),
)


def unpack(package: Package, into: Path) -> Path:
    """Download one package and return the folder that holds its files."""
    into.mkdir()
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    name = subprocess.run(command, cwd=into, check=True, capture_output=True, text=True).stdout
    with tarfile.open(into / name.strip()) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def entry(package: Package, file: Path) -> dict[str, object]:
    data = file.read_bytes()
    return {
        "file": file.relative_to(VENDOR).as_posix(),
        "package": package.name,
        "version": package.version,
        "licence": package.licence,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }


def refresh() -> None:
    """Replace the vendored files and their manifest."""
    if not shutil.which("npm"):
        sys.exit("npm not found: install Node.js, which is needed only to refresh these files")
    manifest = []
    with tempfile.TemporaryDirectory() as temporary:
        sources = [unpack(package, Path(temporary, str(i))) for i, package in enumerate(PACKAGES)]
        shutil.rmtree(VENDOR, ignore_errors=True)
        for package, source in zip(PACKAGES, sources, strict=True):
            for inside, name in package.files.items():
                target = VENDOR / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / inside, target)
                manifest.append(entry(package, target))
    # The widget manager's npm package leaves the text of its licence out.
    licence = VENDOR / "widgets" / "LICENSE"
    licence.write_text(importlib.metadata.distribution("ipywidgets").read_text("licenses/LICENSE"))
    manifest.append(entry(PACKAGES[1], licence))
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    print(f"{len(manifest)} files, {sum(item['bytes'] for item in manifest) / 1e6:.1f} MB")


def check() -> list[str]:
    """Every way in which the vendored files differ from their manifest."""
    manifest = {item["file"]: item for item in json.loads((VENDOR / "manifest.json").read_text())}
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    present.remove("manifest.json")
    problems = [f"{name}: not in manifest.json" for name in sorted(present - manifest.keys())]
    problems += [f"{name}: missing" for name in sorted(manifest.keys() - present)]
    for name in sorted(present & manifest.keys()):
        if hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() != manifest[name]["sha256"]:
            problems.append(f"{name}: its checksum is not that of manifest.json")
    return problems


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Refresh or check the site's vendored files.")
    parser.add_argument("--check", action="store_true", help="only compare with manifest.json")
    if not parser.parse_args(arguments).check:
        refresh()
    problems = check()
    for problem in problems:
        print(f"{VENDOR.name}/{problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
