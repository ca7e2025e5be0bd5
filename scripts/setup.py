"""Make this project's environment and do its jobs, the same on Linux, macOS and Windows.

    python3 scripts/setup.py report        Windows: py scripts\\setup.py report
    python3 scripts/setup.py               lists the jobs

The environment is `.venv`, made from requirements.lock (every package pinned by its hash) and kept
until the lock changes; a broken or half-made one is made anew.
Only Python's standard library is used, and old Pythons can read this file, to be told what to do.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import chromium

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / "made.json"
LOCK = ROOT / "requirements.lock"
SPARK_LOCK = ROOT / "requirements-spark.lock"
DOCS_LOCK = ROOT / "requirements-docs.lock"
OLDEST = (3, 11)
NEWEST = (3, 14)  # the newest for which the lock's packages were made when it was written
PROBE = (
    "import sys, importlib.util as u; "
    "print(*sys.version_info[:2], int(all(map(u.find_spec, ('venv', 'ensurepip')))))"
)


class StopError(Exception):
    """The job cannot go on; the message says what to do about it."""


def report(arguments: list) -> None:
    """make the batch reports (with no export: on the sample data)"""
    environment()
    say("Making the reports.")
    run("toolkit", "report", *arguments)


def test(arguments: list) -> None:
    """pass every test: what lint checks, then pytest with a real Chromium"""
    environment()
    os.environ["CHROMIUM"] = chromium.find_or_install()
    say(f"Browser tests use {os.environ['CHROMIUM']}.")
    say("Style, types and import directions.")
    checks()
    say("Tests. Those on Spark are a job of their own: test-spark.")
    run("pytest", "-q", "-n", "2", "--dist", "loadgroup", *arguments)


def site(arguments: list) -> None:
    """build the documentation site into site/, and check that it loads nothing from elsewhere"""
    environment()
    with_docs()
    run("python", str(ROOT / "scripts" / "build_site.py"), *arguments)
    say("The site begins at site/index.html.")


def with_docs() -> None:
    """Add to .venv what only the site is built with."""
    lock = fingerprint(DOCS_LOCK.read_bytes())
    done = VENV / "docs.made"
    if done.exists() and done.read_text(encoding="utf-8") == lock:
        return
    say("Installing MkDocs into .venv (once).")
    pip("--require-hashes", "--only-binary", ":all:", "--requirement", str(DOCS_LOCK))
    done.write_text(lock, encoding="utf-8")


def differential(arguments: list) -> None:
    """compare every format and engine on 500 rounds of random exports"""
    environment()
    os.environ.setdefault("DIFFERENTIAL_ROUNDS", "500")
    run("pytest", "-q", "-n", "2", "tests/test_differential.py", *arguments)


def test_spark(arguments: list) -> None:
    """pass the tests on Spark, on this machine (needs Java 17 or newer)"""
    environment()
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        raise StopError(
            "The tests on Spark need Java 17 or newer, and there is none on PATH. "
            "Debian, Ubuntu: sudo apt-get install -y openjdk-17-jre-headless"
        )
    with_spark()
    say("Tests on Spark.")
    run("pytest", "-q", "-m", "spark", "tests/spark", *arguments)


def test_long(arguments: list) -> None:
    """pass the long tests in a browser: a day in JupyterLab, every notebook by hand, 200 killed kernels"""
    environment()
    os.environ["CHROMIUM"] = chromium.find_or_install()
    run("pytest", "-q", "-m", "long", "tests", *arguments)


def with_spark() -> None:
    """Add PySpark to .venv; it is as big as all the rest together, so only its own tests get it."""
    found = [
        *VENV.glob("lib/python3*/site-packages/pyspark"),
        *VENV.glob("Lib/site-packages/pyspark"),
    ]
    if found:
        return
    say("Installing PySpark into .venv (once; some minutes).")
    # There is no wheel of it: it is built with the setuptools that the lock brought.
    pip("--require-hashes", "--no-build-isolation", "--requirement", str(SPARK_LOCK))


def lint(arguments: list) -> None:
    """ruff check, ruff format --check, pyright and the import directions"""
    environment()
    checks()


def checks() -> None:
    """Run every check that starts none of the project's code."""
    run("ruff", "check")
    run("ruff", "format", "--check")
    run("pyright")
    run("lint-imports", "--no-logo")


def coverage(arguments: list) -> None:
    """pass every test and measure which lines of the toolkit they run"""
    environment()
    os.environ["CHROMIUM"] = chromium.find_or_install()
    run("pytest", "-q", "-n", "2", "--dist", "loadgroup", "--cov", *arguments)


def desk(arguments: list) -> None:
    """open the desk in the browser (--lab: in JupyterLab)"""
    environment()
    run("toolkit", "desk", *arguments)


def pictures(arguments: list) -> None:
    """take the README's pictures anew"""
    environment()
    os.environ["CHROMIUM"] = chromium.find_or_install()
    run("python", str(ROOT / "scripts" / "pictures.py"), *arguments)


def law(arguments: list) -> None:
    """write the pages that are made from the rules and tables (law, tables, letters, history, balance)"""
    environment()
    for page in ("law", "tables", "letters", "history", "balance"):
        run("python", str(ROOT / "scripts" / f"{page}_page.py"), *arguments)


def evaluate(arguments: list) -> None:
    """precision and recall of the free-text reasons"""
    environment()
    run("python", str(ROOT / "scripts" / "evaluate.py"), *arguments)


def bench(arguments: list) -> None:
    """time it beside other ways to do the same (--quick, --full; --write: docs/performance.md)"""
    environment()
    run("python", "-m", "benchmarks.suite", *arguments)


def lock(arguments: list) -> None:
    """write requirements.lock anew with uv (--upgrade: take newer versions)"""
    uv = shutil.which("uv") or shutil.which("uv", path=str(BIN))
    if not uv:
        raise StopError("Writing the lock needs uv, and it is not on PATH. Install it first.")
    # The options keep out of the lock the machine it was written on: no index address, no header.
    recipe = "--universal --generate-hashes --no-header --no-annotate --python-version 3.11"
    recipe += " --no-emit-index-url --no-emit-find-links"
    words = [uv, "pip", "compile", "--quiet", *recipe.split(), *arguments]
    call([*words, "--extra", "test", "--output-file", LOCK.name, "pyproject.toml"])
    # Each alone, with what it needs: it is added to an environment made from the first lock.
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra, made in (("spark", SPARK_LOCK), ("docs", DOCS_LOCK)):
        wanted = "\n".join(project["optional-dependencies"][extra])
        alone = [*words, "--constraint", LOCK.name, "--output-file", made.name, "-"]
        if subprocess.run(alone, cwd=str(ROOT), input=wanted.encode(), check=False).returncode:
            raise StopError(f"uv could not write {made.name}; its own words are above.")
    say("Wrote the locks. The next job makes .venv anew from them.")


def clean(arguments: list) -> None:
    """remove .venv and the caches; reports and data stay"""
    remove(VENV)
    caches = (".pytest_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis")
    for name in (*caches, "build", "dist", "site", "htmlcov"):
        remove(ROOT / name)
    for folder in ("toolkit", "tests", "scripts", "benchmarks"):
        for cache in (ROOT / folder).rglob("__pycache__"):
            remove(cache)


def environment(arguments: list = ()) -> None:
    """make .venv, or find it ready"""
    print_of_lock = fingerprint(LOCK.read_bytes(), str(ROOT).encode())
    print_of_project = fingerprint((ROOT / "pyproject.toml").read_bytes())
    made = stamp()
    why = fault(made, print_of_lock)
    if not why and made["project"] == print_of_project:
        compile_project()
        return
    if not why:
        say("pyproject.toml has changed: installing the project into .venv again.")
        install_project(print_of_lock, print_of_project)
        return

    python, version = suitable_python()
    if VENV.exists() or VENV.is_symlink():
        say(f"{why} Making .venv anew.")
        remove(VENV)
    started = time.monotonic()
    say(f"Making .venv with Python {version}.")
    call([python, "-m", "venv", str(VENV)], failed="Python could not make .venv; see above.")
    say("Installing the packages of requirements.lock into it (once; a minute or two).")
    pip("--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK))
    install_project(print_of_lock, print_of_project)
    say(f"The environment is ready ({time.monotonic() - started:.0f} s).")


def install_project(print_of_lock: str, print_of_project: str) -> None:
    # No build isolation: the build tools come from the lock as well, with their hashes.
    pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    compile_project()
    # Written last: a .venv without it was never finished.
    STAMP.write_text(
        json.dumps({"lock": print_of_lock, "project": print_of_project, "holds": holds()}),
        encoding="utf-8",
    )


def compile_project() -> None:
    """Compile what has changed, as pip does with packages: a third of a short command's time.

    Python does it at the first start, but not where PYTHONDONTWRITEBYTECODE is set, as in containers.
    """
    python = str(BIN / "python")
    # What cannot be compiled or written is no fault here: it is told where it is run, or only slower.
    subprocess.call([python, "-m", "compileall", "-qq", "toolkit"], cwd=str(ROOT))


def fault(made: dict, print_of_lock: str) -> str:
    """Return what is wrong with .venv in one sentence, '' when nothing is."""
    if not VENV.exists():
        return "There is no .venv."
    if not made:
        return "The .venv here was not finished, or not made by this script."
    if made["lock"] != print_of_lock:
        return "requirements.lock has changed, or the folder was moved."
    if not probe([str(BIN / "python")]):
        return "The Python of .venv no longer starts."
    if set(made["holds"]) - set(holds()):
        return "Something is missing from .venv."
    return ""


def stamp() -> dict:
    """Return what the last finished setup wrote, empty when there is none to trust."""
    try:
        made = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return made if {"lock", "project", "holds"} <= set(made) else {}


def holds() -> list:
    """Return the names of the commands and packages that .venv holds."""
    packages = [*VENV.glob("lib/python3*/site-packages"), *VENV.glob("Lib/site-packages")]
    folders = [folder for folder in (BIN, *packages) if folder.is_dir()]
    return sorted(
        {f"{f.name}/{p.name}" for f in folders for p in f.iterdir()} - {"bin/__pycache__"}
    )


def suitable_python() -> tuple:
    """Return the command of a Python that can make .venv, and its version as text."""
    found = {}
    for command in pythons():
        answer = probe(command)
        if answer and answer[:2] >= OLDEST:
            found.setdefault(answer, command)
            if answer[:2] <= NEWEST and answer[2]:
                return resolved(command), version_text(answer)
    if not found:
        here = version_text(sys.version_info)
        raise StopError(
            f"Python {version_text(OLDEST)} or newer is needed; this is {here}, and no newer one "
            f"is on PATH.\n{how_to_get_python()}"
        )
    whole = [answer for answer in found if answer[2]]
    if whole:  # newer than any that the lock was written for: its packages may still be there
        return resolved(found[whole[0]]), version_text(whole[0])
    return complete(next(iter(found)), found)


def complete(answer: tuple, found: dict) -> tuple:
    """Add what Debian leaves out of Python, as root; else say which command does."""
    version = version_text(answer)
    if chromium.is_debian():
        package = f"python{version}-venv"
        if os.geteuid() == 0:
            say(
                f"Python {version} lacks its venv part: installing Debian's {package} with apt-get."
            )
            chromium.apt_install(package)
            again = probe(found[answer])
            if again and again[2]:
                return resolved(found[answer]), version
        raise StopError(
            f"Python {version} is here without the part that makes environments (venv, ensurepip); "
            "Debian and Ubuntu keep it in a package of its own. This command helps:\n"
            f"    sudo apt-get update && sudo apt-get install -y {package}\n"
            "Then give the same command again."
        )
    raise StopError(
        f"Python {version} is here without the part that makes environments (venv, ensurepip). "
        f"Install a complete one.\n{how_to_get_python()}"
    )


def pythons():
    """Give the commands worth trying, the one that runs this first, newest tested next."""
    running = getattr(sys, "_base_executable", None) or sys.executable
    if running and VENV not in Path(running).parents:
        yield [running]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        yield [f"python3.{minor}"]
        if os.name == "nt":
            yield ["py", f"-3.{minor}"]
    yield ["python3"]
    yield ["python"]


def probe(command: list) -> tuple:
    """Return (3, minor, can make environments), or () when the command is no Python that starts."""
    try:
        said = subprocess.check_output(
            [*command, "-c", PROBE], stderr=subprocess.DEVNULL, timeout=60, cwd=str(ROOT)
        )
        return tuple(int(word) for word in said.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()


def resolved(command: list) -> str:
    said = subprocess.check_output([*command, "-c", "import sys; print(sys.executable)"])
    return said.decode().strip()


def version_text(version: tuple) -> str:
    return ".".join(str(part) for part in tuple(version)[:2])


def how_to_get_python() -> str:
    if chromium.is_debian():
        return "Debian 12, Ubuntu 24.04 or newer: sudo apt-get install -y python3 python3-venv"
    if sys.platform == "darwin":
        return "macOS: brew install python@3.13, or the installer of python.org"
    if os.name == "nt":
        return "Windows: winget install Python.Python.3.13, or the installer of python.org"
    return "Install it with your system's package manager, or from python.org."


def pip(*arguments: str) -> None:
    """Install into .venv; where packages come from is left to the pip settings of the machine."""
    call(
        [str(BIN / "python"), "-m", "pip", "install", "-qq", "--no-input"]
        + ["--disable-pip-version-check", *arguments],
        failed="pip could not install what is needed; its own words are above. Is the network, or "
        "the proxy, there? The next run begins anew.",
        PIP_USER="0",
    )


def run(command: str, *arguments: str) -> None:
    """Run a command of .venv in the project's folder; stop with its exit code when it fails."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    program = shutil.which(command, path=str(BIN)) or str(BIN / command)
    call([program, *arguments], PATH=path, VIRTUAL_ENV=str(VENV))


def call(command: list, failed: str = "", **variables: str) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    code = run_to_its_end(command, {**env, **variables})
    if code:
        if failed:
            raise StopError(failed)
        sys.exit(code if code > 0 else 1)


def run_to_its_end(command: list, env: dict) -> int:
    """Run a command and return its exit code; Ctrl+C and SIGTERM are for it, and it is waited for.

    A desk that is killed, as subprocess.call does after Ctrl+C, has no time to end its kernels.
    """
    process = subprocess.Popen(command, cwd=str(ROOT), env=env)
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),  # a terminal tells it, too
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
    }
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        try:
            shutil.rmtree(str(path))
        except OSError as error:
            raise StopError(
                f"{path.name} cannot be removed ({type(error).__name__}): does a notebook or "
                "another program still use it? Close it and try again."
            ) from None


def fingerprint(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def say(text: str) -> None:
    sys.stderr.write(f"-- {text}\n")
    sys.stderr.flush()


JOBS = {
    "report": report,
    "test": test,
    "test-spark": test_spark,
    "test-long": test_long,
    "site": site,
    "desk": desk,
    "lint": lint,
    "law": law,
    "coverage": coverage,
    "differential": differential,
    "evaluate": evaluate,
    "bench": bench,
    "pictures": pictures,
    "lock": lock,
    "env": environment,
    "clean": clean,
}


def main(arguments: list) -> int:
    """Do one job; the words after its name go to the command behind it."""
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        lines = (f"  {name:12}{job.__doc__}" for name, job in JOBS.items())
        sys.stdout.write("Jobs:\n" + "\n".join(lines) + "\n")
        return 0
    name, *rest = arguments
    if name not in JOBS:
        say(f"There is no job of that name. Jobs: {', '.join(JOBS)}.")
        return 2
    try:
        JOBS[name](rest)
    except (StopError, chromium.NoChromiumError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
